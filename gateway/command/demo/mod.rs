//! `vendue demo`: engine, gateway and a living market on this machine, for people to look at and tests to stand on.

mod catalogue;
mod children;
mod counter;
mod desk;
mod file;
mod floor;
mod house;
mod play;
mod restart;
mod screen;
mod seed;
mod stage;

use std::path::PathBuf;

use clap::Args;
use tokio::sync::mpsc;
use vendue_client::{Client, Options};

use crate::cli::ConfigArguments;
use crate::config::{self, Loaded, Sources};
use crate::connection::{DEMO_DIR, failed};
use crate::data_dir::DataDir;
use crate::failure::Failure;
use crate::{connection, log, shutdown};

use catalogue::Catalogue;
pub(crate) use file::DemoFile;
use play::Play;
pub(crate) use screen::Print;
use screen::Screen;
use stage::Stage;

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  vendue demo\n  vendue demo --data-dir /tmp/market --listen 127.0.0.1:0\n  \
    vendue demo --bare --print json     an empty market for a test or a load"
)]
pub(crate) struct Arguments {
    /// Where the demo keeps its data; a later start goes on with it.
    #[arg(long, value_name = "DIR", default_value = DEMO_DIR)]
    data_dir: PathBuf,
    /// Where to listen; port 0 takes a free one [gateway.listen].
    #[arg(long, value_name = "HOST:PORT")]
    listen: Option<String>,
    /// No market and no bots: engine, gateway and the operator's token.
    #[arg(long)]
    bare: bool,
    /// The gateway answers bids itself, without the engine: the yardstick of the load tool.
    #[arg(long, requires = "bare")]
    echo: bool,
    /// A screen for a person, or one JSON object a line for a program.
    #[arg(long, value_enum, default_value_t = Print::Text)]
    print: Print,
    #[command(flatten)]
    configuration: ConfigArguments,
}

pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let sources = Sources::of_process(&arguments.configuration)
        .flag("engine.data_dir", Some(arguments.data_dir.display().to_string()), "--data-dir")
        .flag("gateway.listen", arguments.listen.clone(), "--listen")
        .flag("gateway.echo", arguments.echo.then_some(true), "--echo");
    let loaded = config::load(&sources)?;
    log::start(&loaded.config.log);
    let data = DataDir(arguments.data_dir.clone());
    data.create()?;
    let shutdown = shutdown::requested(true)
        .map_err(|error| Failure::broken("cannot wait for signals", error, "see the system's limits"))?;
    connection::block_on(async {
        let (news, heard) = mpsc::channel(children::NEWS_WAITING);
        let stage = Stage::start(&arguments, &loaded, &data, news);
        let ended = tokio::select! {
            ended = perform(&arguments, &loaded, &data, &stage, heard) => ended,
            cause = shutdown => {
                tracing::debug!(?cause, "ending");
                Ok(())
            }
        };
        screen::happened(
            arguments.print,
            "ending: the gateway takes leave of its clients, the engine closes its journal",
        );
        stage.end().await;
        ended
    })
}

/// Waits until everything works, builds the market, shows it, and keeps it going.
async fn perform(
    arguments: &Arguments,
    loaded: &Loaded,
    data: &DataDir,
    stage: &Stage,
    mut heard: mpsc::Receiver<children::News>,
) -> Result<(), Failure> {
    let running = stage.ready(&mut heard, &loaded.config.demo).await?;
    let mut demo = DemoFile::bare(data, &running)?;
    let mut playing = None;
    let path = data.demo_file();
    let written;
    if arguments.bare {
        let counts = "no market yet: create one with the operator's token".to_owned();
        written = demo.write(&path)?;
        Screen { lot: None, counts, ..screen(arguments, &demo, "Vendue, bare") }.print(arguments.print);
    } else {
        let catalogue = Catalogue::shipped().map_err(|error| {
            Failure::broken("the demo market", error, "mend config/demo-market.toml and build again")
        })?;
        let options =
            Options { name: "vendue-demo-house".to_owned(), ..Options::with_token(&demo.operator_token) };
        let operator = Client::connect(&demo.url, options).await;
        let operator =
            operator.map_err(|error| failed("connecting to the demo's own gateway", &error, None))?;
        let play = Play::prepare(operator.clone(), catalogue, loaded.config.demo.clone()).await?;
        demo.with_market(data, &play.seeded)?;
        written = demo.write(&path)?;
        let lot = play::showpiece(&operator, play.seeded.market).await?;
        let name = play.catalogue.market.name.clone();
        let book = play.catalogue.book.r#ref.clone();
        Screen {
            lot: lot.as_ref(),
            book: Some(book),
            counts: counts(&play),
            ..screen(arguments, &demo, &name)
        }
        .print(arguments.print);
        playing = Some(play.run(demo.url.clone(), data.clone()));
    }
    let play = async {
        match playing {
            Some(play) => play.await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        ended = stage.supervise(&mut heard, &mut demo, |demo| written.again(demo), arguments.print) => ended,
        () = play => Ok(()),
    }
}

fn screen<'a>(arguments: &Arguments, demo: &'a DemoFile, market_name: &'a str) -> Screen<'a> {
    let usual = arguments.data_dir.as_os_str() == DEMO_DIR;
    let data_dir_flag =
        if usual { String::new() } else { format!(" --data-dir {}", arguments.data_dir.display()) };
    Screen {
        demo,
        command: command_as_called(),
        data_dir_flag,
        market_name,
        counts: String::new(),
        lot: None,
        book: None,
    }
}

/// The command's name as the person typed it, so that the next one can be typed the same way.
fn command_as_called() -> String {
    std::env::args_os().next().map_or_else(|| "vendue".to_owned(), |name| name.to_string_lossy().into_owned())
}

fn counts(play: &Play) -> String {
    format!(
        "{} lots at a time, an order book, {} stock items, {} sellers, {} bots that bid about {} times a minute",
        play.house.lots,
        play.seeded.stock.len(),
        play.seeded.sellers.len(),
        play.seeded.bots.len(),
        play.options.bids_per_minute,
    )
}
