//! What `run` prints.

use std::fmt;

use serde::Serialize;

use super::args::{Load, Model, Verify};
use super::choice::Choice;
use super::find::Search;
use super::measure::{Codes, LatencySummary, Leg, Spread, Stopped};
use super::mix::{Kind, Mix};
use super::process::ProcessCost;
use super::threshold::Judged;
use super::verify::Verification;
use super::watch::Watched;
use crate::failure::Exit;
use crate::market::Funding;

/// The figures of one leg.
#[derive(Debug, Clone, Serialize)]
pub struct Figures {
    /// What was sent: `bid`, `order`, `reserve`, or `request` where it was several kinds.
    pub what: &'static str,
    /// Accepted bids a second.
    pub accepted_per_second: f64,
    /// Trades a second that accepted orders made at once; absent for bids.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trades_per_second: Option<f64>,
    /// Replies of either kind.
    pub replies: u64,
    /// Replies of either kind a second.
    pub replies_per_second: f64,
    /// Rejections by code.
    pub rejected: Codes,
    /// From due (open) or sent (closed) to the reply.
    pub bid_ack: LatencySummary,
    /// From written to the reply.
    pub service: LatencySummary,
    /// From the call to the reply to `connect`, of every connection that was made.
    pub connect: LatencySummary,
    /// What watchers heard; absent without any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watched: Option<Watched>,
    /// Bytes written for each bid.
    pub bytes_out_per_bid: f64,
    /// Bytes read for each bid.
    pub bytes_in_per_bid: f64,
    /// CPU microseconds of the generator for each bid.
    pub generator_cpu_us_per_bid: f64,
    /// The share of one core that the generator used.
    pub generator_share: f64,
    /// System calls of the generator for each bid.
    pub generator_syscalls_per_bid: f64,
    /// How late the generator wrote, at p99, in microseconds (open model).
    pub generator_lag_p99_us: f64,
    /// Bids that were due and could not be sent.
    pub unsent: u64,
    /// The server's processes.
    pub processes: Vec<ProcessCost>,
    /// Requests that were never answered.
    pub unanswered: u64,
    /// Requests sent twice on purpose, replies to what had been answered, and how many of those contradict the first.
    pub duplicates: [u64; 3],
    /// Connections that were broken on purpose, and requests that were asked again.
    pub broken_and_retried: [u64; 2],
    /// Why it ended before its time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Stopped>,
    /// The generator was what was measured.
    pub saturated: bool,
    /// Why this says nothing about the market.
    pub invalid: Option<String>,
    /// Bids below the minimum that were taken.
    pub wrongly_accepted: u64,
}

impl Figures {
    /// From what was counted.
    #[must_use]
    pub fn new(leg: &Leg, mix: Mix, processes: Vec<ProcessCost>) -> Self {
        let bids = leg.replies().max(1) as f64;
        Self {
            what: match mix.kind() {
                Some(Kind::Book) => "order",
                Some(kind) => kind.name(),
                None => "request",
            },
            accepted_per_second: leg.accepted_per_second(),
            trades_per_second: mix.has(Kind::Book).then(|| leg.trades_per_second()),
            replies: leg.replies(),
            replies_per_second: leg.replies_per_second(),
            rejected: leg.rejected.clone(),
            bid_ack: leg.bid_ack.summary(),
            service: leg.service.summary(),
            connect: leg.connect.summary(),
            watched: None,
            bytes_out_per_bid: leg.bytes_out as f64 / bids,
            bytes_in_per_bid: leg.bytes_in as f64 / bids,
            generator_cpu_us_per_bid: leg.cpu.as_secs_f64() * 1e6 / bids,
            generator_share: leg.generator_share(),
            generator_syscalls_per_bid: leg.syscalls as f64 / bids,
            generator_lag_p99_us: leg.lag.percentile_us(99.0),
            unsent: leg.unsent,
            processes,
            unanswered: leg.unanswered,
            duplicates: [leg.duplicates, leg.repeated, leg.contradictions],
            broken_and_retried: [leg.reconnects, leg.retries],
            stopped: leg.stopped,
            saturated: leg.saturated().is_some(),
            invalid: leg.invalid(),
            wrongly_accepted: leg.wrongly_accepted,
        }
    }
}

/// One round of a comparison.
#[derive(Debug, Clone, Serialize)]
pub struct Round {
    /// The market.
    pub market: Figures,
    /// The gateway alone.
    pub echo: Figures,
    /// Replies a second, market / echo.
    pub throughput_ratio: f64,
    /// p50 of bid_ack, market / (echo + one sync).
    pub latency_ratio: f64,
    /// Median of a write + sync on the market's disk before this round, in microseconds.
    pub sync_p50_us: f64,
}

/// A comparison.
#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    /// Its rounds.
    pub rounds: Vec<Round>,
    /// Of the throughput.
    pub throughput_ratio: Option<Spread>,
    /// Of the latency.
    pub latency_ratio: Option<Spread>,
}

/// The result of `run`.
#[derive(Debug, Clone, Serialize)]
pub struct RunReport {
    /// What was made.
    pub load: Load,
    /// Its figures, unless it was a comparison.
    pub figures: Option<Figures>,
    /// The comparison, where it was one.
    pub comparison: Option<Comparison>,
    /// The search for the highest rate, where it was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search: Option<Search>,
    /// The thresholds, judged.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub thresholds: Vec<Judged>,
    /// What the lots say; not in echo mode.
    pub verification: Option<Verification>,
}

impl RunReport {
    fn all(&self) -> impl Iterator<Item = &Figures> {
        let rounds = self.comparison.iter().flat_map(|comparison| &comparison.rounds);
        self.figures.iter().chain(rounds.flat_map(|round| [&round.market, &round.echo]))
    }

    /// The exit code: broken where the market contradicts the record.
    #[must_use]
    pub fn exit(&self) -> Exit {
        let wrong = self.verification.as_ref().is_some_and(Verification::is_broken);
        let contradicts = |figures: &Figures| figures.wrongly_accepted > 0 || figures.duplicates[2] > 0;
        let interrupted = |figures: &Figures| figures.stopped == Some(Stopped::Interrupted);
        let invalid = |figures: &Figures| figures.invalid.is_some() && !figures.saturated;
        let search_failed = self.search.as_ref().is_some_and(|search| search.held_at.is_none());
        if wrong || self.all().any(contradicts) {
            Exit::Broken
        } else if self.all().any(interrupted) {
            Exit::Interrupted
        } else if search_failed || self.thresholds.iter().any(|judged| !judged.holds) {
            Exit::Threshold
        } else if self.search.is_some() {
            Exit::Ok
        } else if self.all().any(|figures| figures.saturated) {
            Exit::Saturated
        } else if self.all().any(invalid) {
            Exit::CouldNotRun
        } else {
            Exit::Ok
        }
    }
}

impl fmt::Display for RunReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.load)?;
        if let Some(figures) = &self.figures {
            write!(f, "{figures}")?;
        }
        if let Some(comparison) = &self.comparison {
            write!(f, "{comparison}")?;
        }
        if let Some(search) = &self.search {
            writeln!(f, "{search}")?;
        }
        for judged in &self.thresholds {
            writeln!(f, "{judged}")?;
        }
        match &self.verification {
            None if self.load.verify == Verify::None => write!(f, "not verified: nobody asked for it"),
            None => write!(f, "not verified: there is no engine behind this gateway"),
            Some(found) => {
                for problem in &found.problems {
                    writeln!(f, "wrong: {problem}")?;
                }
                if found.unsure > 0 {
                    writeln!(f, "not compared: {} books with orders whose fate is not known", found.unsure)?;
                }
                let right = found.lots - found.wrong - found.unsure;
                let (places, one) = match self.load.mix.kind() {
                    Some(Kind::Bid) => ("lots", "bids"),
                    Some(Kind::Book) => ("books", "orders"),
                    Some(Kind::Reserve) => ("stock items", "reservations"),
                    None => ("lots, books and items", "requests"),
                };
                write!(
                    f,
                    "verified: {right} of {} {places} agree with the record of {} accepted {one}",
                    found.lots, found.accepted
                )?;
                if let Some((lots, bids, skipped)) = found.explained {
                    write!(
                        f,
                        "\nverified: one order explains what the bidders of {lots} lots saw, {bids} bids"
                    )?;
                    if skipped > 0 {
                        write!(f, "; {skipped} lots with more bids than are kept were not judged")?;
                    }
                }
                if let Some(journal) = &found.journal {
                    let word =
                        if journal.sound { "verified: the journal is sound" } else { "wrong: the journal" };
                    write!(f, "\n{word}: {}", journal.said)?;
                }
                write!(f, "\nverification took {:.1} s", found.took_s)
            }
        }
    }
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.model {
            Model::Closed => write!(f, "closed model")?,
            Model::Open(rate) => write!(f, "open model, {rate} a second (seed {})", self.seed)?,
        }
        write!(f, ", {} connections x {} in flight, ", self.connections, self.pipeline)?;
        let mut things = Vec::new();
        if self.mix.has(Kind::Bid) {
            let how = if self.hot == Choice::Turn { String::new() } else { format!(", {}", self.hot) };
            things.push(format!("{} lots{how}", self.lots));
        }
        if self.mix.has(Kind::Book) {
            things.push(format!("orders in {} books", self.books));
        }
        if self.mix.has(Kind::Reserve) {
            things.push(format!("{} stock items of {} units", self.items, self.on_hand));
        }
        write!(f, "{}", things.join(", "))?;
        if self.mix.kind().is_none() {
            write!(f, " ({})", self.mix)?;
        }
        if self.funding == Funding::Full {
            write!(f, ", funded")?;
        }
        if self.watchers > 0 {
            write!(f, ", {} watchers of {} lots", self.watchers, self.watched_lots)?;
        }
        if !self.chaos.is_none() {
            write!(f, ", {}", self.chaos)?;
        }
        write!(f, ", {:?}, {} s", self.encoding, self.duration.as_secs_f64())?;
        if self.rejected > 0 { write!(f, ", {} % below the minimum", self.rejected) } else { Ok(()) }
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let one = self.what;
        writeln!(
            f,
            "accepted   {:>12.0} {one}s/s   replies {:.0}/s",
            self.accepted_per_second, self.replies_per_second
        )?;
        if let Some(trades) = self.trades_per_second {
            writeln!(f, "traded     {trades:>12.0} trades/s")?;
        }
        for (code, count) in self.rejected.iter() {
            writeln!(f, "rejected   {count:>12} {code}")?;
        }
        writeln!(
            f,
            "{:<10} {:>10} {:>10} {:>10} {:>10} {:>10} {:>10} {:>10}",
            "us", "p50", "p75", "p90", "p99", "p99.9", "p99.99", "max"
        )?;
        let ack = if one == "order" { "order_ack" } else { "bid_ack" };
        let watched = self.watched.as_ref();
        let lines = [
            (ack, Some(&self.bid_ack)),
            ("service", Some(&self.service)),
            ("fanout", watched.map(|watched| &watched.fanout)),
            ("resume", watched.map(|watched| &watched.resume)),
            ("connect", Some(&self.connect)),
        ];
        for (name, line) in lines {
            let Some(line) = line.filter(|line| line.count > 0) else { continue };
            let [a, b, c, d] = [line.p50_us, line.p75_us, line.p90_us, line.p99_us];
            let [e, g, h] = [line.p99_9_us, line.p99_99_us, line.max_us];
            writeln!(f, "{name:<10} {a:>10.1} {b:>10.1} {c:>10.1} {d:>10.1} {e:>10.1} {g:>10.1} {h:>10.1}")?;
        }
        writeln!(
            f,
            "generator  {:.3} us CPU/{one}, {:.2} of a core, {:.2} syscalls/{one}, {:.0} bytes out and {:.0} in/{one}",
            self.generator_cpu_us_per_bid,
            self.generator_share,
            self.generator_syscalls_per_bid,
            self.bytes_out_per_bid,
            self.bytes_in_per_bid,
        )?;
        for process in &self.processes {
            writeln!(
                f,
                "{:<10} {:.3} us CPU/{one}, {:.2} of a core, {:.2} file reads and writes/{one}, {:.0} bytes to disk/{one}",
                process.name,
                process.cpu_us_per_bid,
                process.core_share,
                process.syscalls_per_bid,
                process.disk_bytes_per_bid
            )?;
        }
        if let Some(watched) = watched {
            writeln!(
                f,
                "watchers   {} heard {:.0} events/s, {:.2} of a core{}",
                watched.watchers,
                watched.deliveries_per_second,
                watched.core_share,
                match watched.resumes {
                    (0, _) => String::new(),
                    (all, whole) => format!("; {all} came back, {whole} of them to every missed event"),
                }
            )?;
        }
        let ([sent, again, _], [broken, retried]) = (self.duplicates, self.broken_and_retried);
        if sent + broken + retried > 0 {
            writeln!(
                f,
                "trouble    {broken} connections broken, {retried} requests asked again, {sent} sent twice ({again} answered twice)"
            )?;
        }
        match self.stopped {
            Some(Stopped::Interrupted) => writeln!(f, "interrupted: the figures are those until then")?,
            Some(Stopped::Failed) => writeln!(f, "ended early: a threshold or an invariant does not hold")?,
            None => {}
        }
        if self.unsent > 0 {
            writeln!(f, "not kept up: {} {one}s were due and could not be sent", self.unsent)?;
        }
        if self.wrongly_accepted > 0 {
            writeln!(f, "BROKEN: {} bids below the minimum were accepted", self.wrongly_accepted)?;
        }
        if self.duplicates[2] > 0 {
            writeln!(f, "BROKEN: {} requests were answered twice, and otherwise", self.duplicates[2])?;
        }
        match &self.invalid {
            Some(why) => writeln!(f, "INVALID: {why}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Search {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.held_at {
            None => write!(f, "{}: at no rate that was tried", self.condition)?,
            Some(held) => write!(f, "{}: held at {held:.0} a second", self.condition)?,
        }
        if let Some(failed) = self.failed_at {
            write!(f, ", failed at {failed:.0}")?;
        }
        if self.saturated { write!(f, " (the generator could not make more)") } else { Ok(()) }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = ["round", "market/s", "echo/s", "ratio", "p50 us", "echo p50", "sync p50", "p50 ratio"];
        writeln!(f, "{}", head.map(|title| format!("{title:>12}")).concat())?;
        for (at, round) in self.rounds.iter().enumerate() {
            let (market, echo) = (&round.market, &round.echo);
            writeln!(
                f,
                "{:>12}{:>12.0}{:>12.0}{:>12.3}{:>12.1}{:>12.1}{:>12.1}{:>12.3}",
                at + 1,
                market.replies_per_second,
                echo.replies_per_second,
                round.throughput_ratio,
                market.bid_ack.p50_us,
                echo.bid_ack.p50_us,
                round.sync_p50_us,
                round.latency_ratio,
            )?;
        }
        for (name, spread) in [("throughput", &self.throughput_ratio), ("latency", &self.latency_ratio)] {
            if let Some(Spread { median, min, max }) = spread {
                writeln!(f, "{name} ratio: median {median:.3} ({min:.3} to {max:.3})")?;
            }
        }
        if let Some(round) = self.rounds.last() {
            writeln!(f, "last round, market:\n{}last round, echo:\n{}", round.market, round.echo)?;
        }
        Ok(())
    }
}
