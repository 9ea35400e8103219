//! The vital signs that an engine tells its gateways about twice a second, for `/metrics`, the dashboard and `vendue top`.
//!
//! [`SIGNS`] names them; a [`Vitals`] frame holds their values in that order. Both ends share the list because they share
//! [`LINK_VERSION`](crate::link::LINK_VERSION).

/// What a value does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It rises and falls.
    Gauge,
    /// It only rises, from zero at the engine's start.
    Counter,
}

impl Kind {
    /// The word of Prometheus' text format.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
        }
    }
}

/// One sign.
#[derive(Debug, Clone, Copy)]
pub struct SignInfo {
    /// After `vendue_engine_`.
    pub name: &'static str,
    /// What its value does.
    pub kind: Kind,
    /// The value is in microseconds, and shown in seconds.
    pub is_time: bool,
    /// For people.
    pub help: &'static str,
}

macro_rules! signs {
    ($($sign:ident $name:literal $kind:ident $is_time:literal $help:literal;)*) => {
        /// The place of each sign in [`SIGNS`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[allow(missing_docs)]
        pub enum Sign { $($sign),* }

        /// What an engine tells of itself.
        pub const SIGNS: &[SignInfo] =
            &[$(SignInfo { name: $name, kind: Kind::$kind, is_time: $is_time, help: $help }),*];
    };
}

signs! {
    Uptime "uptime_seconds" Gauge true "Since the engine's start.";
    Links "links" Gauge false "Links of gateways' threads.";
    Position "journal_position" Gauge false "The last durable record of the journal.";
    Commits "journal_commits_total" Counter false "Appends to the journal, each one sync.";
    Records "journal_records_total" Counter false "Records appended.";
    Bytes "journal_bytes_total" Counter false "Bytes of these records.";
    Waiting "journal_waiting" Gauge false "Decided rounds that wait for the journal.";
    Stalled "journal_stalled_seconds" Gauge true "How long the append under way has taken so far.";
    Commands "commands_total" Counter false "Commands that reached a shard.";
    Accepted "accepted_total" Counter false "Commands accepted.";
    Rejected "rejected_total" Counter false "Commands rejected by a rule.";
    Replayed "replayed_total" Counter false "Repeated commands that were told their first outcome.";
    NotExecuted "not_executed_total" Counter false "Commands not decided: too late, too many in flight, no such actor.";
    Timers "timers_total" Counter false "Deadlines that were decided.";
    Effects "effects_total" Counter false "Effects of one actor on another that were decided.";
    Answers "answers_waiting" Gauge false "Commands whose answer waits for another actor.";
    EffectsWaiting "effects_waiting" Gauge false "Effects that are not decided yet.";
    Resident "resident_actors" Gauge false "Actors in memory.";
    Activated "activated_total" Counter false "Actors read from the state store.";
    Passivated "passivated_total" Counter false "Actors let go of.";
    ViewsWaiting "views_waiting" Gauge false "Messages that wait for the views.";
    ViewsBehind "views_behind" Gauge false "Durable records that the views do not show yet.";
    Checkpoints "checkpoints_total" Counter false "Checkpoints of the state.";
    CheckpointFailures "checkpoint_failures_total" Counter false "Checkpoints that failed.";
    CheckpointTook "checkpoint_duration_seconds" Gauge true "How long the last checkpoint took.";
    CheckpointAge "checkpoint_age_seconds" Gauge true "Since the last checkpoint ended; since the start where there was none.";
    ArchiveBehind "archive_behind" Gauge false "Durable records that the archive lacks; 0 where there is no archive.";
    ArchiveFailures "archive_failures_total" Counter false "Times the archive could not be written.";
    NotaryBehind "notary_behind" Gauge false "Durable records that the notary has not signed; 0 where nothing is signed.";
    Inspected "inspected_total" Counter false "Records whose invariants were judged while the engine runs.";
    InspectorBehind "inspector_behind" Gauge false "Durable records that are not judged yet.";
    InspectorSkipped "inspector_skipped_total" Counter false "Records that were passed over because too many came.";
    Violations "invariant_violations_total" Counter false "Decisions that break an invariant.";
    Declined "effects_declined_total" Counter false "Effects that were refused, which no right history holds.";
    Panics "panics_total" Counter false "Decisions that panicked; their commands were not executed.";
}

/// Upper bounds of the buckets that appends are counted in, in microseconds: from a fast disk's sync to a stall.
pub const APPEND_BOUNDS_US: [u64; 14] =
    [25, 50, 100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 51_200, 204_800, 1_000_000, 10_000_000];

vendue_domain::record! {
    /// The values of [`SIGNS`], and how long appends took.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct Vitals {
        /// In the order of [`SIGNS`].
        1 => pub values: Vec<u64>,
        /// How many appends took at most so long as each of [`APPEND_BOUNDS_US`], each counted once; then those beyond.
        2 => pub appends: Vec<u64>,
        /// All of them together, microseconds.
        3 => pub append_us: u64,
    }
}

impl Vitals {
    /// With no sign of anything.
    #[must_use]
    pub fn empty() -> Self {
        Self { values: vec![0; SIGNS.len()], appends: vec![0; APPEND_BOUNDS_US.len() + 1], append_us: 0 }
    }

    /// Sets a value.
    pub fn set(&mut self, sign: Sign, value: u64) {
        if let Some(place) = self.values.get_mut(sign as usize) {
            *place = value;
        }
    }

    /// A value; 0 where it was not told.
    #[must_use]
    pub fn get(&self, sign: Sign) -> u64 {
        self.values.get(sign as usize).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vendue_domain::record::Field;

    #[test]
    fn names_are_as_the_trade_writes_them() {
        for (at, sign) in SIGNS.iter().enumerate() {
            let is_total = sign.name.ends_with("_total");
            assert_eq!(is_total, sign.kind == Kind::Counter, "{}", sign.name);
            assert_eq!(sign.name.ends_with("_seconds"), sign.is_time, "{}", sign.name);
            assert!(sign.help.ends_with('.'), "{}", sign.name);
            assert!(SIGNS[at + 1..].iter().all(|other| other.name != sign.name), "{} twice", sign.name);
        }
        assert_eq!(SIGNS[Sign::Panics as usize].name, "panics_total");
    }

    #[test]
    fn what_was_set_is_told() {
        let mut vitals = Vitals::empty();
        vitals.set(Sign::Position, 7);
        let read = Vitals::from_bytes(&vitals.to_bytes()).unwrap();
        assert_eq!((read.get(Sign::Position), read.get(Sign::Panics), read), (7, 0, vitals));
    }
}
