//! Which of the journal's oldest segments may go. Pure: the keeper asks, and removes.
//!
//! Two limits say what *should* go: so many bytes, so much age; whichever is reached first. Five things say what *may*: nothing
//! that a rebuild, an undecided effect, a repeated key, the notary or the archive still needs.

use vendue_domain::time::Timestamp;
use vendue_storage::Position;

/// One segment that will not change any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sealed {
    /// Its last record.
    pub(crate) last: Position,
    /// Bytes of its file.
    pub(crate) bytes: u64,
    /// When its last record was decided.
    pub(crate) until: Timestamp,
}

/// What should be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// So many bytes, the segment that is being written included; 0: any.
    pub(crate) bytes: u64,
    /// What is younger than this, in microseconds; 0: everything.
    pub(crate) age_us: i64,
}

impl Limits {
    /// Whether anything may ever go.
    pub(crate) const fn is_set(&self) -> bool {
        self.bytes > 0 || self.age_us > 0
    }
}

/// From which record on the journal is needed, by whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Needs {
    /// By a rebuild from the older of the two newest bases, effects without an outcome included; 0: there are no two.
    pub(crate) rebuild: Position,
    /// By repeated keys inside their window.
    pub(crate) keys: Position,
    /// By the notary, for what it has not signed.
    pub(crate) notary: Position,
    /// By the archive, for what it has not copied.
    pub(crate) archive: Position,
}

impl Needs {
    /// The first record that is needed by anybody, and by whom.
    pub(crate) fn first(&self) -> (Position, &'static str) {
        let all = [
            (self.rebuild, "two bases have to cover them"),
            (self.keys, "their keys may be repeated"),
            (self.notary, "the notary has not signed them"),
            (self.archive, "the archive does not have them"),
        ];
        all.into_iter().min().unwrap_or((0, ""))
    }
}

/// The first record to keep: segments that end before it go. `sealed` are all segments but the newest, oldest first; `newest` is
/// the size of that one.
pub(crate) fn cut(sealed: &[Sealed], newest: u64, now: Timestamp, limits: Limits, needs: &Needs) -> Position {
    let needed = needs.first().0;
    let mut bytes = newest + sealed.iter().map(|segment| segment.bytes).sum::<u64>();
    let mut first = 0;
    for segment in sealed {
        let is_too_much = limits.bytes > 0 && bytes > limits.bytes;
        let is_too_old = limits.age_us > 0 && segment.until.0 < now.0.saturating_sub(limits.age_us);
        if !(is_too_much || is_too_old) || segment.last >= needed {
            break;
        }
        bytes -= segment.bytes;
        first = segment.last + 1;
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Segments of ten records and 100 bytes, one a second: 1 to 10 until second 1, and so on.
    fn segments(count: u64) -> Vec<Sealed> {
        (1..=count)
            .map(|number| Sealed {
                last: number * 10,
                bytes: 100,
                until: Timestamp(number as i64 * 1_000_000),
            })
            .collect()
    }

    #[test]
    fn what_goes_is_what_should_and_may() {
        const ALL: u64 = u64::MAX;
        let free = Needs { rebuild: ALL, keys: ALL, notary: ALL, archive: ALL };
        let bytes = |bytes| Limits { bytes, age_us: 0 };
        let seconds = |seconds: i64| Limits { bytes: 0, age_us: seconds * 1_000_000 };
        let table = [
            ("no limit: everything stays", Limits { bytes: 0, age_us: 0 }, free, 0),
            ("500 and the newest are allowed", bytes(550), free, 0),
            ("the oldest is too much", bytes(549), free, 11),
            ("only what is written is allowed", bytes(1), free, 51),
            ("at second 6 the first two are older than 3.9", seconds(4), free, 11),
            ("all are older than nothing", seconds(0), free, 0),
            ("what is younger stays", seconds(60), free, 0),
            ("either limit", Limits { bytes: 450, age_us: 3_000_000 }, free, 21),
            ("no two bases", bytes(1), Needs { rebuild: 0, ..free }, 0),
            ("a base in the middle of a segment", bytes(1), Needs { rebuild: 25, ..free }, 21),
            ("a base at its end", bytes(1), Needs { rebuild: 31, ..free }, 31),
            ("keys in their window", bytes(1), Needs { keys: 20, ..free }, 11),
            ("what is not signed", bytes(1), Needs { notary: 15, ..free }, 11),
            ("what is not archived", bytes(1), Needs { archive: 1, ..free }, 0),
        ];
        for (case, limits, needs, expected) in table {
            assert_eq!(cut(&segments(5), 50, Timestamp(6_000_000), limits, &needs), expected, "{case}");
        }
        assert_eq!(cut(&[], 50, Timestamp(0), bytes(1), &free), 0, "no sealed segment");
    }

    #[test]
    fn who_needs_it_is_told() {
        let needs = Needs { rebuild: 9, keys: 8, notary: 7, archive: 20 };
        assert_eq!(needs.first(), (7, "the notary has not signed them"));
    }
}
