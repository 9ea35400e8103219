//! Chains and fans of effects: once each, whatever happens in between.

use vendue_domain::id::AccountId;
use vendue_storage::{MemoryFault, StateStore};

use super::{
    Ask, ask, check_lanes, check_replay, command, expected, on_hand, options, until_answered, world,
};
use crate::EngineOptions;
use crate::support::World;

/// A chain, a fan, a loop that comes back to where it began, an answer that waits for two others, a refusal.
fn asks() -> Vec<Ask> {
    vec![
        ask(0, 1, "1+2{2+3{3+4{4+5{}}}}"),
        ask(1, 1, "2+1{} 3+1{} 4+1{} 5+1{} 2+1{} 2+1{}"),
        ask(2, 1, "3+1{2+1{3+1{2+1{}}}}"),
        ask(5, 1, "ask6+1{7+1{5+1{$}}}"),
        ask(6, 1, "ask5+1{6+1{!}}"),
        ask(7, 2, "0+1{1+1{}} 0+1{1+1{}} 8+9{}"),
    ]
}

#[test]
fn effects_of_one_shard_are_decided_in_the_round_of_their_cause() {
    let mut world = world(options(1));
    let before = world.cell.committer().durable();
    let request = world.deliver(AccountId::HOUSE, "k", &command(&asks()[0]), world.now.plus_ms(1_000));
    let told = world.commit_once();
    assert!(told.get(&request).is_some_and(crate::support::Told::is_ok));
    assert_eq!(world.cell.committer().durable(), before + 5, "the command and four effects, one commit");
    assert!(world.cell.is_idle());
    check_lanes(&world);
}

#[test]
fn every_effect_happens_once_with_any_number_of_shards() {
    for shards in 1..=4 {
        let mut world = world(options(shards));
        let outcomes = until_answered(&mut world, &asks());
        assert_eq!(on_hand(&world), expected(&asks()), "{shards} shards");
        assert_eq!(outcomes.len(), asks().len());
        check_lanes(&world);
        check_replay(&world);
    }
}

/// Runs the commands with a crash at append `at`; `false` where there was none to crash at.
fn run_with_crash(at: usize, shards: u16, fault: MemoryFault, checkpoints: bool, next_shards: u16) -> bool {
    let mut world = world(EngineOptions { resident_max: 2, ..options(shards) });
    if checkpoints {
        world.cell.checkpoint().expect("it is stored");
    }
    for (number, ask) in asks().iter().enumerate() {
        let expires_at = world.now.plus_ms(5_000);
        world.deliver(AccountId::HOUSE, &format!("ask-{number}"), &command(ask), expires_at);
    }
    let mut crashed = false;
    for step in 0..200 {
        if step == at {
            world.log.fail_next(fault);
        }
        if world.try_commit().is_err() {
            crashed = true;
            break;
        }
        if checkpoints && step % 2 == 0 && world.cell.checkpoint().is_err() {
            crashed = true;
            break;
        }
        if world.cell.is_idle() {
            break;
        }
    }
    world.options.shards = next_shards;
    world.begin_again();
    let outcomes = until_answered(&mut world, &asks());
    let case =
        format!("append {at}, {shards} then {next_shards} shards, {fault:?}, checkpoints {checkpoints}");
    assert_eq!(on_hand(&world), expected(&asks()), "{case}");
    assert!(
        outcomes.values().filter(|told| told.is_ok()).count() == asks().len() - 1,
        "{case}: {outcomes:?}"
    );
    check_lanes(&world);
    if !checkpoints {
        check_replay(&world);
    }
    crashed
}

#[test]
fn every_effect_happens_once_whichever_append_the_cell_dies_at() {
    for (shards, next_shards) in [(1, 1), (3, 3), (1, 3), (3, 2)] {
        for fault in [MemoryFault::UnknownKept, MemoryFault::UnknownLost] {
            for checkpoints in [false, true] {
                let mut at = 0;
                while run_with_crash(at, shards, fault, checkpoints, next_shards) {
                    at += 1;
                }
                assert!(at > 0, "no append was tried");
            }
        }
    }
}

/// How many random processes one test run tries where `VENDUE_RUNS` does not say.
const RUNS: u64 = 400;

/// A generator that prints nothing and depends on nothing: splitmix64.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % n
    }

    fn reason(&mut self, depth: u64) -> String {
        let count = if depth == 0 { 0 } else { self.below(4) };
        (0..count)
            .map(|_| {
                let (item, units) = (self.below(super::ITEMS), 1 + self.below(9));
                format!("{item}+{units}{{{}}}", self.reason(depth - 1))
            })
            .collect::<Vec<_>>()
            .join(" ")
    }

    fn ask(&mut self) -> Ask {
        let item = self.below(super::ITEMS);
        let reason = self.reason(4);
        match self.below(3) {
            // The item itself has to complete what waits on it.
            0 => ask(item, 1, &format!("ask{reason} {item}+1{{$}}")),
            1 => ask(item, 1, &format!("ask{} {}+1{{{item}+1{{!}}}}", reason, self.below(super::ITEMS))),
            _ => ask(item, 1, &reason),
        }
    }
}

fn run_at_random(seed: u64) {
    let mut chance = Chance(seed);
    let shards = 1 + chance.below(3) as u16;
    let resident_max = 1 + chance.below(12) as u32;
    let mut world = world(EngineOptions { resident_max, ..options(shards) });
    let asks: Vec<Ask> = (0..1 + chance.below(8)).map(|_| chance.ask()).collect();
    for _ in 0..60 {
        match chance.below(10) {
            0..4 => {
                let number = chance.below(asks.len() as u64) as usize;
                let expires_at = world.now.plus_ms(5_000);
                world.deliver(
                    AccountId::HOUSE,
                    &format!("ask-{number}"),
                    &command(&asks[number]),
                    expires_at,
                );
            }
            kind @ 4..8 => {
                let committer = world.cell.committer();
                // A fault that meets no append would stay for later.
                if kind == 7 && committer.next() > committer.durable() + 1 {
                    let faults = [MemoryFault::UnknownKept, MemoryFault::UnknownLost, MemoryFault::Full];
                    world.log.fail_next(faults[chance.below(3) as usize]);
                }
                if world.try_commit().is_err() {
                    world.options.shards = 1 + chance.below(3) as u16;
                    world.begin_again();
                }
            }
            8 => {
                if world.cell.checkpoint().is_err() {
                    world.begin_again();
                }
            }
            _ => {
                world.now = world.now.plus_ms(chance.below(500));
                world.cell.tick(world.now);
            }
        }
    }
    until_answered(&mut world, &asks);
    assert_eq!(on_hand(&world), expected(&asks), "seed {seed}");
    check_lanes(&world);
    let marker = world.store.marker().expect("readable");
    if marker.is_none() {
        check_replay(&world);
    }
}

#[test]
fn random_processes_through_crashes_checkpoints_and_changes_of_shards() {
    let number = |name: &str| std::env::var(name).ok().and_then(|number| number.parse::<u64>().ok());
    let (first, runs) = (number("VENDUE_SEED").unwrap_or(1), number("VENDUE_RUNS").unwrap_or(RUNS));
    for seed in first..first + runs {
        let run = std::panic::catch_unwind(|| run_at_random(seed));
        assert!(run.is_ok(), "seed {seed} (VENDUE_SEED={seed} runs it first)");
    }
}

/// What the state store cannot take back: the cause stands in the journal, the outcome too, and the mark says so.
#[test]
fn a_checkpoint_keeps_the_marks_of_the_lanes() {
    for shards in [1, 3] {
        let mut world: World = world(options(shards));
        until_answered(&mut world, &asks());
        world.cell.checkpoint().expect("it is stored");
        world.restart();
        assert!(world.cell.shards().iter().all(|shard| shard.stats().effects == 0), "nothing is done again");
        let marks = |world: &World| {
            let mut marks: Vec<_> =
                world.cell.shards().iter().flat_map(crate::shard::Shard::lane_marks).collect();
            marks.sort_unstable();
            marks
        };
        let stored = marks(&world);
        assert!(!stored.is_empty());
        world.store = std::sync::Arc::default();
        world.restart();
        assert_eq!(marks(&world), stored, "as the journal alone says");
    }
}
