//! Effects under way, as platform operators see them (`effect.list`).

use std::sync::Arc;

use serde::Serialize;
use vendue_domain::facts::Standing;
use vendue_domain::id::{AccountId, MarketId};
use vendue_domain::time::Timestamp;

use super::Views;
use super::answer::{FORBIDDEN, Refusal, bytes};
use crate::directory::Directory;
use crate::effects::{DeclinedEffect, StuckEffect};

#[derive(Serialize)]
struct EffectPage {
    /// Caused and not yet decided.
    waiting: u64,
    /// When the oldest of them was caused.
    oldest_at: Option<Timestamp>,
    stuck: Vec<Stuck>,
    /// Since the engine's process began.
    declined_count: u64,
    declined: Vec<Refused>,
}

#[derive(Serialize)]
struct Stuck {
    position: u64,
    index: u32,
    cause: String,
    target: String,
    command: String,
    since_at: Timestamp,
    why: &'static str,
    attempts: u8,
    retry_at: Timestamp,
    behind: u64,
}

#[derive(Serialize)]
struct Refused {
    position: u64,
    index: u32,
    target: String,
    time: Timestamp,
    code: &'static str,
}

impl From<StuckEffect> for Stuck {
    fn from(effect: StuckEffect) -> Self {
        Self {
            position: effect.lane.position,
            index: effect.lane.index,
            cause: effect.cause.to_string(),
            target: effect.target.to_string(),
            command: effect.command,
            since_at: effect.since,
            why: effect.because.name(),
            attempts: effect.attempts,
            retry_at: effect.retry_at,
            behind: effect.behind,
        }
    }
}

impl From<DeclinedEffect> for Refused {
    fn from(effect: DeclinedEffect) -> Self {
        Self {
            position: effect.lane.position,
            index: effect.lane.index,
            target: effect.target.to_string(),
            time: effect.time,
            code: effect.rejection.code(),
        }
    }
}

impl Views {
    /// The keys that `notary.keys` is answered with, as JWKs.
    pub fn show_notary(&mut self, keys: &[serde_json::Value]) {
        self.notary_keys = notary_keys(keys);
    }

    /// The board that `effect.list` is answered from. It tells of what is under way, which no durable record does.
    pub fn show_effects(&mut self, directory: Arc<Directory>) {
        self.directory = directory;
    }

    /// Answers `effect.list`: at most `limit` stuck lanes and as many refusals.
    pub(super) fn effects(&self, by: AccountId, limit: usize) -> Result<Vec<u8>, Refusal> {
        let standing = self.facts.standing(by, MarketId::PLATFORM);
        if !standing.any(Standing::OPERATOR.with(Standing::AUDITOR)) {
            return Err(FORBIDDEN);
        }
        let board = &self.directory.effects;
        bytes(&EffectPage {
            waiting: board.waiting(),
            oldest_at: board.oldest(),
            stuck: board.stuck().into_iter().take(limit).map(Into::into).collect(),
            declined_count: board.declined_count(),
            declined: board.declined().into_iter().take(limit).map(Into::into).collect(),
        })
    }
}

/// The answer to `notary.keys`.
pub(super) fn notary_keys(keys: &[serde_json::Value]) -> Vec<u8> {
    // A map of one entry: it can always be written.
    rmp_serde::to_vec_named(&serde_json::json!({"keys": keys})).unwrap_or_default()
}
