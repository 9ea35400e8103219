//! `vendue top`: a gateway's vital signs in a terminal, drawn again each second; lines of JSON for anything else.

mod metrics;
mod screen;

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use self::metrics::{Sample, Signs};
use crate::connection::{As, Target, resolve};
use crate::failure::Failure;
use crate::output::{self, Style};
use crate::when;

/// How long a gateway gets for an answer: one that takes longer is as good as away.
const ANSWER_WITHIN: Duration = Duration::from_millis(1_500);
/// The most bytes of an answer: the metrics of all methods and codes are a hundredth of it.
const ANSWER_MAX: u64 = 4 << 20;
/// The shortest and longest time between two looks.
const EVERY_MIN: Duration = Duration::from_secs(1);
const EVERY_MAX: Duration = Duration::from_secs(3_600);

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  vendue top\n  vendue top --every 5s --url ws://10.0.0.7:7400/ws\n  vendue top --json | jq .p99_ms\n\n\
    Rates and percentiles are those of the time between two looks. A percentile is the bound under which that part of the\n\
    requests stayed: counted from the gateway's histogram, never averaged. Ctrl-C ends it."
)]
pub(crate) struct Arguments {
    /// Time between two looks: 2s, 1m.
    #[arg(long, value_parser = every, default_value = "1s", value_name = "TIME")]
    every: Duration,
    /// Stops after so many looks [default: none, Ctrl-C ends it].
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..), value_name = "LOOKS")]
    looks: Option<u64>,
    #[command(flatten)]
    target: Target,
}

fn every(text: &str) -> Result<Duration, String> {
    let every = when::parse_duration(text)?;
    if (EVERY_MIN..=EVERY_MAX).contains(&every) { Ok(every) } else { Err("from 1s to 1h".to_owned()) }
}

/// What a look found.
enum Look {
    /// The gateway answered: its metrics, and whether it reaches its engine.
    Seen(Sample, bool),
    /// It did not, and why.
    Away(String),
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let (url, ..) = resolve(&arguments.target, As::Operator)?;
    let address = address_of(&url)?;
    let draws = !arguments.target.json && std::io::stdout().is_terminal();
    let mut screen = screen::Screen::new(address.clone(), Style::of_stdout());
    let mut before: Option<Sample> = None;
    let mut looks = 0;
    loop {
        let began = Instant::now();
        let found = look(&address).await;
        // Without anybody there at the beginning it is more likely that the address is wrong.
        if let (Look::Away(why), 0) = (&found, looks) {
            let remedy = "start `vendue demo` or a gateway, or name its address with --url ws://HOST:PORT/ws";
            return Err(Failure::broken(format!("{address} cannot be reached"), why, remedy));
        }
        looks += 1;
        let signs = match &found {
            Look::Seen(now, ready) => Some(Signs::between(before.as_ref(), now, *ready)),
            Look::Away(_) => None,
        };
        let is_last = arguments.looks == Some(looks);
        let still_read = if draws {
            screen.draw(signs.as_ref(), why_of(&found))
        } else if arguments.target.json {
            output::json(&signs.as_ref().map_or_else(
                || json!({"at": when::now_us(), "gateway": "away", "why": why_of(&found)}),
                Signs::json,
            ))
        } else {
            let lines =
                screen::lines(&address, signs.as_ref(), why_of(&found), Style::of_stdout(), output::width());
            lines.iter().all(|line| output::line(line))
        };
        if !still_read || is_last {
            return Ok(());
        }
        if let Look::Seen(sample, _) = found {
            before = Some(sample);
        }
        tokio::time::sleep(arguments.every.saturating_sub(began.elapsed())).await;
    }
}

fn why_of(look: &Look) -> Option<&str> {
    match look {
        Look::Seen(..) => None,
        Look::Away(why) => Some(why),
    }
}

/// Host and port of a gateway's WebSocket address.
fn address_of(url: &str) -> Result<String, Failure> {
    let unreadable = |why: &str| {
        Failure::usage(format!("{url} cannot be watched"), why, "name it as ws://HOST:PORT/ws with --url")
    };
    if url.starts_with("wss:") {
        return Err(unreadable("vendue top speaks no TLS: it is for the gateway's own machine or network"));
    }
    let rest = url.strip_prefix("ws://").ok_or_else(|| unreadable("it is no ws:// address"))?;
    let address = rest.split('/').next().unwrap_or_default();
    match address.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => Ok(address.to_owned()),
        None if !address.is_empty() => Ok(format!("{address}:80")),
        _ => Err(unreadable("its host or port is missing")),
    }
}

async fn look(address: &str) -> Look {
    match get(address, "/metrics").await {
        Ok((200, text)) => {
            let ready = matches!(get(address, "/readyz").await, Ok((200, _)));
            Look::Seen(Sample::read(&text, when::now_us()), ready)
        }
        Ok((status, _)) => Look::Away(format!("/metrics answers {status}")),
        Err(error) => Look::Away(error.to_string()),
    }
}

/// Asks for a path: status and body. A request by hand: a whole HTTP client for two texts is too much.
async fn get(address: &str, path: &str) -> std::io::Result<(u16, String)> {
    let ask = async {
        let mut stream = TcpStream::connect(address).await?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut bytes = Vec::new();
        stream.take(ANSWER_MAX).read_to_end(&mut bytes).await?;
        let whole = String::from_utf8_lossy(&bytes).into_owned();
        let status = whole.get(9..12).and_then(|status| status.parse().ok());
        let body = whole.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
        match (status, body) {
            (Some(status), Some(body)) if whole.starts_with("HTTP/1.") => Ok((status, body)),
            _ => Err(std::io::Error::other("what answers there is no HTTP server")),
        }
    };
    let late = || std::io::Error::new(std::io::ErrorKind::TimedOut, "no answer within 1.5 s");
    tokio::time::timeout(ANSWER_WITHIN, ask).await.map_err(|_| late())?
}

impl screen::Screen {
    /// Draws over what was drawn; `false` where nobody looks any more.
    fn draw(&mut self, signs: Option<&Signs>, trouble: Option<&str>) -> bool {
        let lines = screen::lines(&self.address, signs, trouble, self.style, output::width());
        let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok();
        let rows = size.map(|size| usize::from(size.ws_row)).filter(|&rows| rows > 1).unwrap_or(usize::MAX);
        let up = if self.drawn > 0 { format!("\u{1b}[{}A", self.drawn) } else { String::new() };
        let text: String = lines.iter().take(rows - 1).map(|line| format!("{line}\u{1b}[K\n")).collect();
        self.drawn = lines.len().min(rows - 1);
        let mut out = std::io::stdout().lock();
        // What an earlier, longer drawing left below is wiped.
        write!(out, "{up}\r{text}\u{1b}[J").and_then(|()| out.flush()).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_or_refused_with_what_to_do() {
        for (url, expected) in [
            ("ws://127.0.0.1:7400/ws", Some("127.0.0.1:7400")),
            ("ws://market.example/ws", Some("market.example:80")),
            ("ws://[::1]:7400/ws", Some("[::1]:7400")),
            ("wss://market.example/ws", None),
            ("http://127.0.0.1:7400", None),
            ("ws://:7400/ws", None),
            ("ws://host:port/ws", None),
        ] {
            let got = address_of(url);
            assert_eq!(got.as_deref().ok(), expected, "{url}");
            if let Err(failure) = got {
                assert!(failure.remedy.contains("--url"), "{failure}");
            }
        }
    }

    #[tokio::test]
    async fn what_is_not_there_or_no_gateway_is_away() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let answers = tokio::spawn(async move {
            for answer in ["SSH-2.0-Other\r\n\r\n", "HTTP/1.1 503 Busy\r\n\r\n"] {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut asked = Vec::new();
                while !asked.ends_with(b"\r\n\r\n") {
                    assert!(stream.read_buf(&mut asked).await.unwrap() > 0, "the whole request");
                }
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        for expected in ["no HTTP server", "503"] {
            let Look::Away(why) = look(&address).await else { panic!("{expected}") };
            assert!(why.contains(expected), "{why}");
        }
        answers.await.unwrap();
        assert!(matches!(look(&address).await, Look::Away(_)), "nobody listens any more");
    }
}
