//! What the replay found.

use std::fmt::{self, Write};
use std::time::Duration;

use serde::Serialize;

use super::file::History;
use super::kill::Killer;
use super::money::MoneyReport;
use super::progress::Progress;
use super::replay::Played;
use crate::failure::Exit;

/// How many acknowledgements that were lost are shown one by one.
const LOST_SHOWN: usize = 20;

/// An auction that did not end as it must.
#[derive(Debug, Clone, Serialize)]
pub struct Mismatch {
    /// Which auction.
    pub auction: String,
    /// Its lot.
    pub lot: String,
    /// Who had to win.
    pub expected_winner: Option<String>,
    /// Who heard that it won.
    pub winners: Vec<String>,
    /// What it had to cost, in cents.
    pub expected_price: Option<u64>,
    /// The price, in cents.
    pub price: Option<u64>,
    /// What else is wrong, the first step that differs first.
    pub problems: Vec<String>,
}

/// What the checks after a kill found.
#[derive(Debug, Clone, Serialize)]
pub struct AfterKill {
    /// Acknowledged bids before the kill.
    pub killed_at: usize,
    /// Acknowledged bids that were asked for afterwards.
    pub checked: usize,
    /// Those whose outcome is not what was told.
    pub lost: Vec<String>,
}

/// The result of a replay.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// How many auctions were played.
    pub auctions: usize,
    /// How many ended with the right winner at the right price, and nothing else wrong.
    pub matched: usize,
    /// Bids with an outcome.
    pub bids: usize,
    /// From the first lot to the last close.
    pub elapsed_ms: u64,
    /// The others.
    pub mismatches: Vec<Mismatch>,
    /// Where the engine was killed.
    pub after_kill: Option<AfterKill>,
    /// Where the money is, where bids were funded.
    pub money: Option<MoneyReport>,
}

impl Report {
    /// Compares what was played with what happened.
    #[must_use]
    pub fn new(histories: &[History], played: &[Played], progress: &Progress) -> Self {
        let mismatches: Vec<_> =
            histories.iter().zip(played).filter_map(|(history, played)| mismatch(history, played)).collect();
        Self {
            auctions: histories.len(),
            matched: histories.len() - mismatches.len(),
            bids: progress.bids(),
            elapsed_ms: u64::try_from(progress.elapsed().as_millis()).unwrap_or(u64::MAX),
            mismatches,
            after_kill: None,
            money: None,
        }
    }

    pub(super) fn checked_after_kill(&mut self, killer: &Killer, checked: usize, lost: Vec<String>) {
        self.after_kill = Some(AfterKill { killed_at: killer.at(), checked, lost });
    }

    /// Whether everything is as it must be.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.mismatches.is_empty()
            && self.money.as_ref().is_none_or(|money| money.problems.is_empty())
            && self.after_kill.as_ref().is_none_or(|kill| kill.lost.is_empty())
    }

    /// The exit code.
    #[must_use]
    pub fn exit(&self) -> Exit {
        if self.is_good() { Exit::Ok } else { Exit::Broken }
    }
}

fn mismatch(history: &History, played: &Played) -> Option<Mismatch> {
    let expected =
        history.winner.iter().zip(history.final_price).map(|(winner, price)| (winner.clone(), price));
    let right = expected.eq(played.won.iter().cloned()) && played.price == history.final_price;
    (!right || !played.problems.is_empty()).then(|| Mismatch {
        auction: history.auction.clone(),
        lot: played.lot.to_string(),
        expected_winner: history.winner.clone(),
        winners: played.won.iter().map(|(winner, _)| winner.clone()).collect(),
        expected_price: history.final_price,
        price: played.price,
        problems: played.problems.clone(),
    })
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.mismatches.is_empty() {
            table(f, &self.mismatches)?;
        }
        if let Some(kill) = &self.after_kill {
            for lost in kill.lost.iter().take(LOST_SHOWN) {
                writeln!(f, "lost: {lost}")?;
            }
            let good = kill.checked - kill.lost.len();
            writeln!(
                f,
                "engine killed at bid {}; acknowledged bids found again: {good} of {}",
                kill.killed_at, kill.checked
            )?;
        }
        if let Some(money) = &self.money {
            for problem in money.problems.iter().take(LOST_SHOWN) {
                writeln!(f, "money: {problem}")?;
            }
            let (deposited, paid) = (dollars(Some(money.deposited)), dollars(Some(money.paid)));
            let verdict = if money.problems.is_empty() {
                "every hold ended, every cent found"
            } else {
                "not conserved"
            };
            writeln!(f, "money: {deposited} deposited, {paid} paid; {verdict}")?;
        }
        let seconds = Duration::from_millis(self.elapsed_ms).as_secs_f64();
        writeln!(f, "{} bids in {seconds:.1} s", self.bids)?;
        write!(f, "{} of {}", self.matched, self.auctions)
    }
}

fn table(f: &mut fmt::Formatter<'_>, mismatches: &[Mismatch]) -> fmt::Result {
    writeln!(f, "{:<14} {:>14} {:>14}  {:<12} {:<12}", "auction", "price", "expected", "winner", "expected")?;
    for mismatch in mismatches {
        let mut winners = String::new();
        for winner in &mismatch.winners {
            write!(winners, "{}{winner}", if winners.is_empty() { "" } else { "," })?;
        }
        writeln!(
            f,
            "{:<14} {:>14} {:>14}  {:<12} {:<12}",
            mismatch.auction,
            dollars(mismatch.price),
            dollars(mismatch.expected_price),
            if winners.is_empty() { "-" } else { &winners },
            mismatch.expected_winner.as_deref().unwrap_or("-"),
        )?;
        for problem in mismatch.problems.iter().take(3) {
            writeln!(f, "    {problem}")?;
        }
    }
    Ok(())
}

fn dollars(cents: Option<u64>) -> String {
    cents.map_or_else(|| "-".into(), |cents| format!("{}.{:02}", cents / 100, cents % 100))
}
