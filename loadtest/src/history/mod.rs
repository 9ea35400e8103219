//! Histories: auctions as they happened, bid by bid, replayed against a market that has to find price and winner itself.

mod check;
mod file;
mod kill;
mod money;
mod progress;
mod replay;
mod report;

pub use file::{Bid, History, UNBOUNDED_AMOUNT, parse, read};
pub use kill::{KillAt, Killer};
pub use money::MoneyReport;
pub use progress::Progress;
pub use replay::{Acknowledged, Bought, Outcome, Played, bidders, play};
pub use report::{Mismatch, Report};

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use self::money::Money;
use crate::failure::Failure;
use crate::market::{Funding, Market, MarketArgs, Venue};

/// Arguments of `history`.
#[derive(Debug, Clone, Args)]
pub struct HistoryArgs {
    /// Histories, one JSON object a line: auctionid, openbid, final_price, winner, events of (bidder, max).
    #[arg(long, value_name = "FILE")]
    pub file: PathBuf,
    /// A running market, ws://HOST:PORT/ws [default: a private one].
    #[arg(long, env = "VENDUE_URL", value_name = "WS_URL", help_heading = "Market")]
    pub url: Option<String>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub market: MarketArgs,
    /// `kill -9` of the engine once this share of the bids is acknowledged, "50%" say; private market only. Afterwards every
    /// acknowledged bid must be there, and nothing twice.
    #[arg(long, value_name = "PERCENT")]
    pub kill_engine_at: Option<KillAt>,
    /// How bids are backed by money.
    #[arg(long, value_enum, default_value = "none")]
    pub funding: Funding,
    /// Auctions that run at the same time; the bids of each stay in order.
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub parallel: u16,
    /// Prints the result as JSON.
    #[arg(long)]
    pub json: bool,
}

/// Replays a file against the market that the arguments name.
///
/// # Errors
/// What kept it from running; mismatches are in the report.
pub async fn run(args: &HistoryArgs) -> Result<Report, Failure> {
    let histories = read(&args.file)?;
    if args.kill_engine_at.is_some() && args.url.is_some() {
        let why = "--kill-engine-at kills the engine of a private market; it does not go with --url";
        return Err(Failure::Usage(why.into()));
    }
    let market = Arc::new(Market::open(args.url.as_deref(), &args.market, false)?);
    replay(market, histories, args).await
}

/// Replays histories against an open market.
///
/// # Errors
/// What kept it from running; mismatches are in the report.
pub async fn replay(
    market: Arc<Market>,
    histories: Vec<History>,
    args: &HistoryArgs,
) -> Result<Report, Failure> {
    let venue = Venue::create(&market, "Histories", None).await?;
    let total: usize = histories.iter().map(|history| history.bids.len()).sum();
    let killer = args.kill_engine_at.map(|at| Killer::new(Arc::clone(&market), at.of(total)));
    let progress = Progress::new(histories.len(), total, killer);
    let parallel = usize::from(args.parallel);
    let accounts = bidders(&venue, &market, &histories).await?;
    let money = match args.funding {
        Funding::None => None,
        Funding::Full => Some(Money::prepare(&venue, &market, &histories, &accounts).await?),
    };
    let seller = money.as_ref().map(|money| money.seller.id);
    let played = play(&venue, &accounts, seller, &histories, parallel, &progress).await?;
    progress.finish();
    let mut report = Report::new(&histories, &played, &progress);
    if let Some(money) = money {
        report.money = Some(money.check(&venue, &played).await?);
    }
    if let Some(killer) = progress.killer() {
        killer.verdict()?;
        let lost = check::acknowledged(&venue, &played, parallel).await?;
        report.checked_after_kill(killer, played.iter().map(|lot| lot.acknowledged.len()).sum(), lost);
    }
    Ok(report)
}
