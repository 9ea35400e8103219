//! What can be typed. Each subcommand's arguments stand beside its code; here is the list of them.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

const AFTER_HELP: &str = "\
Exit codes: 0 done; 1 something broke or could not be reached; 2 wrong usage or configuration;
3 the market's rules said no, or what was verified is broken; 4 the outcome is not known (try again with the same --key).

Start with `vendue demo`: a living market on this machine.";

/// Runs markets: auctions, order books, stock at a fixed price; every bid durable before anybody hears of it.
#[derive(Debug, Parser)]
#[command(name = "vendue", version, propagate_version = true, after_help = AFTER_HELP, max_term_width = 110)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Starts engine, gateway and a living market on this machine.
    Demo(crate::demo::Arguments),
    /// Runs the engine: decides, makes durable, answers. One for each data directory.
    Engine(crate::engine::Arguments),
    /// Runs a gateway: WebSockets, HTTP and the pages, in front of an engine.
    Gateway(crate::gateway::Arguments),
    /// Bids on a lot.
    Bid(crate::bid::Arguments),
    /// Buys at a dutch clock's price.
    Take(crate::take::Arguments),
    /// Stays in a japanese lot while its price rises.
    Stay(crate::stay::Arguments),
    /// Follows lots live, through restarts of anything.
    Watch(crate::watch::Arguments),
    /// Shows a gateway's vital signs: throughput, latency, connections, refusals.
    Top(crate::top::Arguments),
    /// Lists, shows, creates and runs lots of every format.
    #[command(subcommand)]
    Lot(crate::lot::LotCommand),
    /// Lists, reserves and keeps stock.
    #[command(subcommand)]
    Stock(crate::stock::StockCommand),
    /// Order books: orders, trades, a live ladder.
    #[command(subcommand)]
    Book(crate::book::BookCommand),
    /// Places, pays and follows orders.
    #[command(subcommand)]
    Order(crate::order::OrderCommand),
    /// Creates and runs markets: halts, fees.
    #[command(subcommand)]
    Market(crate::market::MarketCommand),
    /// Accounts: roles, money, statements.
    #[command(subcommand)]
    Account(crate::account::AccountCommand),
    /// Checks a whole store, a receipt, or an outcome against what is published.
    Verify(crate::verify::Arguments),
    /// Shows the state of anything at any past moment, from the journal of a data directory.
    Replay(crate::replay::Arguments),
    /// Saves the proof of what a command of yours was answered.
    Receipt(crate::receipt::Arguments),
    /// Copies what is new of a data directory, while its engine runs or not.
    Backup(crate::backup::Arguments),
    /// Makes a data directory out of a backup or an archive, as of any moment.
    Restore(crate::restore::Arguments),
    /// Mints a token from the secret of a data directory.
    Token(crate::token::Arguments),
    /// Shows and checks the configuration.
    #[command(subcommand)]
    Config(crate::settings::ConfigCommand),
    /// Prints what completes commands in a shell.
    #[command(
        after_help = "Examples:\n  vendue completions bash > /etc/bash_completion.d/vendue\n  vendue completions zsh > ~/.zfunc/_vendue\n  \
        vendue completions fish > ~/.config/fish/completions/vendue.fish"
    )]
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
    /// Says which build this is.
    Version(VersionArguments),
}

#[derive(Debug, Args)]
pub(crate) struct VersionArguments {
    /// As one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Where the configuration comes from, besides the environment.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ConfigArguments {
    /// The configuration file [default: ./vendue.toml where there is one].
    #[arg(long, env = "VENDUE_CONFIG", value_name = "FILE", help_heading = "Configuration")]
    pub(crate) config: Option<PathBuf>,
    /// One key, `engine.shards=2` say; above file and environment. May be given several times.
    #[arg(long = "set", value_name = "SECTION.KEY=VALUE", help_heading = "Configuration")]
    pub(crate) set: Vec<String>,
}
