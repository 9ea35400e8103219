//! How long a clock has run: from the opening, without pauses and halts. It moves exactly as the lot's end does.

use crate::lot::{LotEvent, Paused};
use crate::time::Timestamp;

crate::record! {
    /// A clock that runs, stands, or has not begun.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
    pub(in crate::lot) struct Running {
        /// When it would have begun, had it never stood; absent before the opening.
        1 => since: Option<Timestamp>,
        /// Since when it stands.
        2 => stands_at: Option<Timestamp>,
        /// The market's `halted_us` that `since` takes into account.
        3 => halted_us: Option<u64>,
    }
}

impl Running {
    /// How long it has run by `now`, in microseconds; `None` before the opening.
    pub(in crate::lot) fn elapsed_us(&self, now: Timestamp) -> Option<u64> {
        self.since.map(|since| self.stands_at.unwrap_or(now).micros_since(since))
    }

    /// When it has run for `elapsed_us`; `None` while it stands.
    pub(in crate::lot) fn reaches_us(&self, elapsed_us: u64) -> Option<Timestamp> {
        if self.stands_at.is_some() { None } else { self.since.map(|since| since.plus_micros(elapsed_us)) }
    }

    /// It has stood without being told to.
    pub(in crate::lot) fn stand(&mut self, stood_us: u64) {
        self.since = self.since.map(|since| since.plus_micros(stood_us));
    }

    /// The lot opens, or goes on. The end of a halt gives back exactly what the market was halted, whenever the lot hears
    /// of it; an operator's resumption goes on from now.
    pub(in crate::lot) fn go_on(&mut self, event: &LotEvent, now: Timestamp) {
        match event {
            LotEvent::Resumed(resumed) if resumed.halt => self.take_halts(resumed.halted_us),
            LotEvent::Resumed(resumed) => {
                self.stand_until(now);
                self.halted_us = Some(resumed.halted_us);
            }
            LotEvent::Reopened(reopened) => {
                self.stand_until(now);
                self.halted_us = Some(reopened.halted_us);
            }
            LotEvent::Opened(opened) => {
                (self.since, self.halted_us) = (Some(now), Some(opened.halted_us));
            }
            _ => {}
        }
        self.stands_at = None;
    }

    pub(in crate::lot) fn pause(&mut self, paused: &Paused) {
        if paused.halt {
            self.take_halts(paused.halted_us);
        }
        self.stands_at = Some(paused.since);
    }

    /// The lot has ended: reopened, it goes on from there.
    pub(in crate::lot) fn end(&mut self, ended_at: Timestamp) {
        self.stands_at = Some(self.stands_at.unwrap_or(ended_at));
    }

    fn stand_until(&mut self, now: Timestamp) {
        if let Some(stands_at) = self.stands_at {
            self.stand(now.micros_since(stands_at));
        } else if self.since.is_none() {
            self.since = Some(now);
        }
    }

    fn take_halts(&mut self, halted_us: u64) {
        let known = self.halted_us.unwrap_or(halted_us);
        self.stand(halted_us.saturating_sub(known));
        self.halted_us = Some(halted_us.max(known));
    }
}
