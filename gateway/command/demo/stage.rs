//! Engine and gateway of the demo together: when both work, and what happens to them.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use super::children::{Keeper, News, Program};
use super::screen::{self, Print};
use super::{Arguments, DemoFile};
use crate::config::{DemoOptions, Loaded};
use crate::data_dir::DataDir;
use crate::failure::Failure;

/// How often the gateway is asked whether it is ready.
const ASK_EVERY: Duration = Duration::from_millis(10);
/// How long one such question may take.
const ASK_WITHIN: Duration = Duration::from_secs(2);
pub(super) const ENGINE: &str = "engine";
pub(super) const GATEWAY: &str = "gateway";

/// Both processes, being kept alive.
pub(super) struct Stage {
    engine: Keeper,
    gateway: Keeper,
    /// `/readyz`, or `/livez` where the gateway needs no engine.
    probe: &'static str,
}

/// What runs where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Running {
    /// The gateway's, `127.0.0.1:7400` say.
    pub(super) address: String,
    pub(super) engine_pid: u32,
    pub(super) gateway_pid: u32,
}

impl Stage {
    pub(super) fn start(
        arguments: &Arguments,
        loaded: &Loaded,
        data: &DataDir,
        news: mpsc::Sender<News>,
    ) -> Self {
        let mut common =
            vec!["--until-input-closes".to_owned(), "--data-dir".to_owned(), data.0.display().to_string()];
        if let Some(file) = &loaded.file {
            common.extend(["--config".to_owned(), file.display().to_string()]);
        }
        common.extend(arguments.configuration.set.iter().flat_map(|set| ["--set".to_owned(), set.clone()]));
        let program = |name: &'static str, more: &[String]| Program {
            name,
            arguments: [&[name.to_owned()], common.as_slice(), more].concat(),
            log: data.log_file(name),
        };
        let listen = loaded.config.gateway.listen.to_string();
        let mut gateway = Vec::new();
        if arguments.echo {
            gateway.push("--echo".to_owned());
        }
        Self {
            engine: Keeper::start(program(ENGINE, &[]), None, news.clone()),
            gateway: Keeper::start(program(GATEWAY, &gateway), Some(listen), news),
            probe: if arguments.echo { "/livez" } else { "/readyz" },
        }
    }

    /// The gateway first, while the engine can still answer what is under way; then the engine.
    pub(super) async fn end(self) {
        self.gateway.end().await;
        self.engine.end().await;
    }

    /// Waits until both say that they work and the gateway has found the engine.
    pub(super) async fn ready(
        &self,
        heard: &mut mpsc::Receiver<News>,
        options: &DemoOptions,
    ) -> Result<Running, Failure> {
        let within = Duration::from_secs(options.start_timeout_s);
        let patience = || {
            let why = format!("not ready within {within:?}");
            Failure::broken("the demo did not start", why, "see its logs, or raise demo.start_timeout_s")
        };
        tokio::time::timeout(within, self.both(heard)).await.map_err(|_| patience())?
    }

    async fn both(&self, heard: &mut mpsc::Receiver<News>) -> Result<Running, Failure> {
        let (mut engine, mut gateway) = (None, None);
        while let Some(news) = heard.recv().await {
            match news {
                News::Ready { name: ENGINE, pid, .. } => engine = Some(pid),
                News::Ready { pid, address: Some(address), .. } => gateway = Some((pid, address)),
                News::GivenUp { name, how, last_words } => return Err(given_up(name, &how, last_words)),
                News::Ready { .. } | News::Ended { .. } => {}
            }
            if let (Some(engine_pid), Some((gateway_pid, address))) = (engine, &gateway) {
                while !answers(address, self.probe).await {
                    tokio::time::sleep(ASK_EVERY).await;
                }
                return Ok(Running { address: address.clone(), engine_pid, gateway_pid: *gateway_pid });
            }
        }
        Err(Failure::broken("the demo did not start", "its children are gone", "see its logs"))
    }

    /// Says what happens to the children, and keeps `demo.json` true, until one is given up.
    pub(super) async fn supervise(
        &self,
        heard: &mut mpsc::Receiver<News>,
        demo: &mut DemoFile,
        mut update: impl FnMut(&DemoFile) -> Result<(), Failure>,
        print: Print,
    ) -> Result<(), Failure> {
        let mut gone_since = Instant::now();
        while let Some(news) = heard.recv().await {
            match news {
                News::Ended { name, pid, how } => {
                    gone_since = Instant::now();
                    screen::happened(print, &format!("the {name} ({pid}) {how}; starting it again"));
                }
                News::Ready { name: ENGINE, pid, .. } => {
                    demo.engine_pid = pid;
                    update(demo)?;
                    screen::engine_restarted(print, pid, gone_since.elapsed().as_millis());
                }
                News::Ready { pid, .. } => {
                    demo.gateway_pid = pid;
                    update(demo)?;
                    screen::happened(print, &format!("the gateway is back as process {pid}"));
                }
                News::GivenUp { name, how, last_words } => return Err(given_up(name, &how, last_words)),
            }
        }
        Ok(())
    }
}

fn given_up(name: &str, how: &str, last_words: String) -> Failure {
    let why = if last_words.is_empty() { format!("it {how}") } else { last_words };
    Failure::broken(format!("the {name} does not run"), why, "")
}

/// Whether a path of the gateway answers 200. A request by hand: a whole HTTP client for one status line is too much.
async fn answers(address: &str, path: &str) -> bool {
    let ask = async {
        let mut stream = TcpStream::connect(address).await?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut status = [0; 12];
        stream.read_exact(&mut status).await?;
        Ok::<bool, std::io::Error>(status.ends_with(b" 200"))
    };
    matches!(tokio::time::timeout(ASK_WITHIN, ask).await, Ok(Ok(true)))
}
