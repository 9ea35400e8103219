//! How far the replay is: a bar on a terminal, a line for each tenth elsewhere.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::kill::Killer;

/// Counts what is done.
#[derive(Debug)]
pub struct Progress {
    bar: Option<ProgressBar>,
    auctions: usize,
    bids: usize,
    auctions_done: AtomicUsize,
    acknowledged: AtomicUsize,
    killer: Option<Killer>,
    started: Instant,
}

impl Progress {
    /// For so many auctions with so many bids.
    #[must_use]
    pub fn new(auctions: usize, bids: usize, killer: Option<Killer>) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(Some(bids as u64), ProgressDrawTarget::stderr());
            let style = "{bar:40} {pos}/{len} bids, {msg} auctions done, {elapsed}";
            bar.with_style(
                ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()),
            )
            .with_message("0")
        });
        Self {
            bar,
            auctions,
            bids,
            auctions_done: AtomicUsize::new(0),
            acknowledged: AtomicUsize::new(0),
            killer,
            started: Instant::now(),
        }
    }

    /// One more bid has an outcome, yes or no.
    pub fn acknowledged(&self) {
        let count = self.acknowledged.fetch_add(1, Ordering::AcqRel) + 1;
        if let Some(killer) = &self.killer {
            killer.acknowledged(count);
            if count == killer.at() {
                self.say(&format!("kill -9 of the engine at bid {count} of {}", self.bids));
            }
        }
        match &self.bar {
            Some(bar) => bar.inc(1),
            None if count * 10 / self.bids > (count - 1) * 10 / self.bids => {
                eprintln!(
                    "{count}/{} bids, {}/{} auctions",
                    self.bids,
                    self.auctions_done.load(Ordering::Acquire),
                    self.auctions
                );
            }
            None => {}
        }
    }

    /// One more auction is closed.
    pub fn closed(&self) {
        let count = self.auctions_done.fetch_add(1, Ordering::AcqRel) + 1;
        if let Some(bar) = &self.bar {
            bar.set_message(count.to_string());
        }
    }

    fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(line),
            None => eprintln!("{line}"),
        }
    }

    /// Everything is done.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish();
        }
    }

    /// Bids with an outcome.
    #[must_use]
    pub fn bids(&self) -> usize {
        self.acknowledged.load(Ordering::Acquire)
    }

    /// Since the beginning.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// The one who kills the engine, where there is one.
    #[must_use]
    pub const fn killer(&self) -> Option<&Killer> {
        self.killer.as_ref()
    }
}
