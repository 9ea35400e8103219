//! Seeded bugs. A build with the feature `mutants` holds all of them; `VENDUE_MUTANT=name` switches one on. The suites must catch
//! each: a check that cannot fail proves nothing. Release builds refuse the feature.

#[cfg(not(debug_assertions))]
compile_error!("mutants are never in a release build: use the profile `mutants` (make mutants)");

use std::sync::OnceLock;

/// One seeded bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mutant {
    /// Its name, as it is switched on.
    pub name: &'static str,
    /// What it breaks, by its number in docs/invariants.md.
    pub invariant: &'static str,
    /// What is wrong then.
    pub breaks: &'static str,
    /// The package whose tests are tried first, and a part of their names.
    pub first: (&'static str, &'static str),
}

macro_rules! mutants {
    ($($name:literal $invariant:literal $package:literal / $tests:literal $breaks:literal;)+) => {
        /// All of them.
        pub static MUTANTS: &[Mutant] = &[$(
            Mutant { name: $name, invariant: $invariant, breaks: $breaks, first: ($package, $tests) },
        )+];
    };
}

mutants! {
    "unit_dropped" "I1" "vendue-engine" / "" "a commit now and then leaves out a unit's records, and tells its replies";
    "ghost_record" "I2" "vendue-engine" / "" "a record is appended that nobody asked for";
    "key_recorded_before_deadline" "I3" "vendue-engine" / "" "a repetition of an executed command is told that its deadline has passed, as if it had not been executed";
    "tail_cut_short" "I4" "vendue-storage" / "" "opening a journal forgets its last frame";
    "gap_accepted" "I5" "vendue-storage" / "" "a frame of any position, that continues anything, is taken for the next one";
    "chain_ignored" "I5" "vendue-storage" / "" "a frame need not continue the one before it";
    "capture_behind" "I6" "vendue-engine" / "" "a checkpoint stores a state under the sequence number after it";
    "damage_is_torn" "I7" "vendue-storage" / "" "damage in the last frame is taken for a torn tail, and cut off";
    "later_frame_ignored" "I7" "vendue-storage" / "" "what stands behind a damaged frame is cut off with it";
    "payload_unchecked" "I7" "vendue-storage" / "" "the check of a frame's payload is not compared";
    "sync_error_ignored" "I8" "vendue-storage" / "" "a failed sync counts as done";
    "append_error_ignored" "I8" "vendue-engine" / "" "replies are told although the append failed";
    "told_before_durable" "I9, I41" "vendue-simulation" / "" "replies and events leave although their unit was never appended";
    "fence_ignored" "I10" "vendue-storage" / "" "a former owner may append";
    "lock_ignored" "I10" "vendue-storage" / "" "two processes may have one directory";
    "tie_to_the_later" "I11" "vendue-domain" / "lot" "an equal maximum takes the lead from the earlier one";
    "increment_ignored" "I12" "vendue-domain" / "lot" "any amount above the price is accepted";
    "price_falls" "I13" "vendue-domain" / "lot" "an outbid that changes nothing lowers the price to the start";
    "price_shows_maximum" "I14" "vendue-domain" / "lot" "the public price is the leader's maximum";
    "bid_after_end" "I15" "vendue-domain" / "lot" "a bid at the instant of the end is accepted";
    "bid_before_start" "I15" "vendue-domain" / "lot" "a scheduled lot takes bids";
    "closed_early" "I16" "vendue-domain" / "lot" "a lot ends a second before its end";
    "no_soft_close" "I17" "vendue-domain" / "lot" "a late bid does not move the end";
    "end_shrinks" "I17" "vendue-domain" / "lot" "a late bid sets the end to now and the extension, also where that is earlier";
    "reserve_ignored" "I18" "vendue-domain" / "lot" "a lot is sold below its reserve";
    "seller_bids" "I19" "vendue-domain" / "lot" "a seller may bid on its own lot";
    "suspended_bids" "I19" "vendue-domain" / "lot" "a suspended account may bid";
    "retraction_any_time" "I20" "vendue-domain" / "lot" "all bids may be retracted in the last twelve hours";
    "order_missing" "I21" "vendue-domain" / "bytes" "the winner of a lot gets no order";
    "clock_goes_back" "I22" "vendue-engine" / "clock" "the clock follows a wall clock that is set back";
    "oversold" "I23" "vendue-domain" / "stock" "one unit more may be reserved than there is";
    "shipped_twice" "I24" "vendue-domain" / "stock" "a shipment's units count once more as received";
    "expired_is_live" "I25" "vendue-domain" / "stock" "a reservation whose time is over can still be used";
    "release_forgets" "I26" "vendue-domain" / "stock" "a released reservation's units stay reserved";
    "allocated_from_nothing" "I27" "vendue-domain" / "stock" "a paid line whose reservation has lapsed gets its units although they are not there";
    "order_keeps_lines" "I28" "vendue-domain" / "order" "a cancelled order does not give its reservations back";
    "expiry_after_commit" "I29" "vendue-domain" / "stock" "paying for a reservation gives its units back as well";
    "entry_unbalanced" "I30" "vendue-domain" / "account" "a capture's entry loses a cent";
    "overdraft" "I31" "vendue-domain" / "account" "a hold may be one cent above what is available";
    "captured_more" "I32" "vendue-domain" / "account" "more may be captured than is held";
    "hold_not_released" "I32" "vendue-domain" / "fund" "an overtaken bidder's hold stays";
    "amount_unbounded" "I33" "vendue-domain" / "account" "an amount may pass 2^53 - 1";
    "winner_pays_maximum" "I34" "vendue-domain" / "auction" "the winner's award is its maximum";
    "correction_of_nothing" "I35" "vendue-domain" / "account" "a correction may name an entry that there is not";
    "content_not_compared" "I36" "vendue-engine" / "" "the same key with other content is answered with the first outcome";
    "key_forgotten" "I36" "vendue-engine" / "" "every eighth key is not remembered";
    "keys_lost_at_start" "I37" "vendue-engine" / "" "recovery does not read keys back";
    "read_before_write" "I38" "vendue-engine" / "waits_for" "a question does not wait for the asker's last outcome";
    "channel_gap" "I39" "vendue-gateway" / "" "a watcher is not given every thirteenth event";
    "gap_not_noticed" "I39" "vendue-gateway" / "" "an event that does not follow the last one is passed on";
    "told_differently" "I40" "vendue-engine" / "links" "a channel's event bears another time for every second link";
    "resume_in_part" "I42" "vendue-gateway" / "" "a resume leaves out the first missed event";
    "snapshot_stale" "I43" "vendue-domain" / "auction" "a snapshot does not follow a raised price";
    "terminal_dropped" "I44" "vendue-simulation" / "" "a slow watcher in mode latest is not given the end";
    "watcher_unbounded" "I45" "vendue-gateway" / "" "a watcher that does not read may have any number of bytes waiting";
    "private_after_expiry" "I46" "vendue-gateway" / "" "private events go on after the token's end";
    "private_after_sign_out" "I46" "vendue-gateway" / "" "private events go on after the account has signed out everywhere";
    "timer_lost" "I47" "vendue-simulation" / "" "a deadline that moves is not noted";
    "effect_twice" "I2" "vendue-engine" / "effect" "an effect that was done is done again";
    "effect_lost_at_start" "I47" "vendue-engine" / "effect" "effects under way are not delivered after a start";
    "audit_missing" "I48" "vendue-engine" / "audit" "an operator's pause of a lot is not audited";
}

/// Whether this seeded bug is switched on.
///
/// # Panics
/// For a name that is in no row: a place that no suite would ever reach.
#[must_use]
pub fn is_on(name: &str) -> bool {
    static CHOSEN: OnceLock<Option<String>> = OnceLock::new();
    debug_assert!(MUTANTS.iter().any(|mutant| mutant.name == name), "no such mutant: {name}");
    CHOSEN.get_or_init(|| std::env::var("VENDUE_MUTANT").ok()).as_deref() == Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unlike() {
        for (nth, mutant) in MUTANTS.iter().enumerate() {
            assert!(MUTANTS[..nth].iter().all(|other| other.name != mutant.name), "{}", mutant.name);
        }
        assert!(!is_on("unit_dropped"));
    }
}
