//! `torture.json`, which the tests of all clients read, and the randomness that is drawn from a seed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::Deserialize;

#[derive(Deserialize)]
pub(crate) struct Scenario {
    pub(crate) seeds: Vec<u64>,
    pub(crate) rounds: u64,
    pub(crate) channels: Vec<String>,
    pub(crate) round: Round,
    pub(crate) server: Server,
    pub(crate) proxy: Faults,
    pub(crate) client: Times,
    pub(crate) hold: Vec<String>,
}

#[derive(Deserialize)]
pub(crate) struct Round {
    pub(crate) bid: f64,
    pub(crate) same_key_twice: f64,
    pub(crate) close: f64,
    pub(crate) close_code: u16,
    pub(crate) drop: f64,
    pub(crate) pause: f64,
    pub(crate) pause_ms: (f64, f64),
}

#[derive(Deserialize, Clone)]
pub(crate) struct Server {
    pub(crate) ring_events: usize,
    pub(crate) lose_command: f64,
    pub(crate) lose_answer: f64,
    pub(crate) skip_event: f64,
    pub(crate) repeat_event: f64,
}

#[derive(Deserialize, Clone)]
pub(crate) struct Faults {
    pub(crate) every_ms: (f64, f64),
    pub(crate) weights: BTreeMap<String, f64>,
    pub(crate) stall_ms: (f64, f64),
    pub(crate) delay_ms: (f64, f64),
}

#[derive(Deserialize)]
pub(crate) struct Times {
    pub(crate) backoff_base_ms: u64,
    pub(crate) backoff_cap_ms: u64,
    pub(crate) deadline_ms: u64,
    pub(crate) grace_ms: u64,
    pub(crate) resolve_ms: u64,
}

impl Scenario {
    pub(crate) fn read() -> Self {
        serde_json::from_str(include_str!("../../../torture.json")).unwrap()
    }
}

/// SplitMix64, shared by everything that chooses.
#[derive(Clone)]
pub(crate) struct Random(Arc<Mutex<u64>>);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(seed)))
    }

    pub(crate) fn bits(&self) -> u64 {
        let mut state = self.0.lock().unwrap();
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to 1.
    pub(crate) fn fraction(&self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(crate) fn below(&self, bound: usize) -> usize {
        (self.bits() % bound as u64) as usize
    }

    pub(crate) fn chance(&self, of_one: f64) -> bool {
        self.fraction() < of_one
    }

    pub(crate) fn between_ms(&self, (least, most): (f64, f64)) -> Duration {
        Duration::from_secs_f64((least + self.fraction() * (most - least)) / 1000.0)
    }
}
