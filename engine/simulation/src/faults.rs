//! What goes wrong: the engine dies, its disk fails, connections are lost at any byte, the gateway starts anew.

use vendue_engine::EngineError;
use vendue_storage::MemoryFault;

use crate::Broken;
use crate::cell::is_settled;
use crate::world::{World, new_gateway};

/// How long an engine is away at most, in milliseconds: some outages are longer than a command's deadline.
const OUTAGE_MS: u64 = 7_000;
/// The most that the wall clock of an engine's start may differ from the world's, in milliseconds.
const SKEW_MS: u64 = 1_500;
/// How far the wall clock jumps, in microseconds: an hour.
const JUMP_US: i64 = 3_600_000_000;
/// How long everybody stands still, in milliseconds.
const PAUSE_MS: u64 = 30_000;
/// How many commits are made before a checkpoint until nothing is under way.
const SETTLING_COMMITS: usize = 8;

impl World {
    /// Perhaps something fails.
    pub(crate) fn fail(&mut self) -> Result<(), Broken> {
        match self.shared.chance.below(1_000) {
            0..=3 => self.crash(),
            4 | 5 => {
                let fault = match self.shared.chance.below(3) {
                    0 => MemoryFault::UnknownKept,
                    1 => MemoryFault::UnknownLost,
                    _ => MemoryFault::Full,
                };
                self.disk.log.fail_next(fault);
                Ok(())
            }
            6 => self.checkpoint(true),
            7..=13 => self.cut_link(),
            14..=29 => {
                let number = self.shared.chance.below(self.clients.len() as u64) as usize;
                self.cut_client(number)
            }
            30 => self.restart_gateway(),
            31 => {
                // The machine's wall clock jumps, for as long as this process lives: nothing may end early or be taken late (I22).
                let forth = self.shared.chance.per_mille(500);
                self.skew_us += if forth { JUMP_US } else { -JUMP_US };
                self.report.clock_jumps += 1;
                Ok(())
            }
            32 if self.shared.chance.per_mille(200) => {
                // Everybody stands still: a machine that was suspended.
                self.shared.now = self.shared.now.plus_ms(PAUSE_MS);
                self.report.pauses += 1;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The engine's process dies: what was not durable never happened (I4, I9).
    pub(crate) fn crash(&mut self) -> Result<(), Broken> {
        if self.engine.take().is_none() {
            return Ok(());
        }
        self.report.crashes += 1;
        let long = self.shared.chance.per_mille(250);
        let away_ms = match (self.shared.is_quiet, long) {
            (true, _) => 1,
            (false, true) => OUTAGE_MS,
            (false, false) => 150,
        };
        let away_ms = self.shared.chance.below(away_ms);
        self.engine_returns_at = self.shared.now.plus_ms(away_ms);
        self.cut_link()
    }

    /// Another process takes the cell over: with a wall clock of its own, and perhaps another number of shards (I6, I22).
    pub(crate) fn start_engine(&mut self) -> Result<(), Broken> {
        let chance = &mut self.shared.chance;
        self.skew_us = (chance.below(2 * SKEW_MS) as i64 - SKEW_MS as i64) * 1_000;
        if chance.per_mille(300) {
            self.engine_options.shards = chance.between(1, 3) as u16;
        }
        self.look_at_clocks(true);
        let now = self.engine_time();
        match self.disk.start(self.engine_options.clone(), now) {
            Ok(cell) => {
                self.engine = Some(cell);
                Ok(())
            }
            // A disk that fails just now: it is tried again.
            Err(EngineError::JournalFailed(_)) => {
                self.engine_returns_at = self.shared.now.plus_ms(10);
                Ok(())
            }
            Err(error) => Err(Broken::new("I4", format!("the engine does not start: {error}"))),
        }
    }

    /// Makes what is decided durable and tells it. A journal that fails ends the process: nothing is told (I8).
    pub(crate) fn commit(&mut self) -> Result<(), Broken> {
        let Some(cell) = &mut self.engine else { return Ok(()) };
        let Ok(out) = cell.commit() else { return self.crash() };
        if let Some(link) = &mut self.link
            && let Some(bytes) = out.get(&link.id)
        {
            link.down.send(self.shared.now, bytes, &mut self.shared.chance);
        }
        Ok(())
    }

    /// A checkpoint at this moment; one that is `torn` ends with the process half-way.
    pub(crate) fn checkpoint(&mut self, torn: bool) -> Result<(), Broken> {
        let now = self.engine_time();
        if let Some(cell) = &mut self.engine {
            // What is due is decided before: the checkpoint's time is a moment that every shard has reached.
            cell.tick(now);
        }
        for _ in 0..SETTLING_COMMITS {
            if self.engine.as_ref().is_none_or(is_settled) {
                break;
            }
            self.commit()?;
        }
        let Some(cell) = &mut self.engine else { return Ok(()) };
        if torn {
            self.disk.store.stop_after(self.shared.chance.below(12));
        }
        let outcome = cell.checkpoint();
        if torn || outcome.is_err() {
            return self.crash();
        }
        self.report.checkpoints += 1;
        Ok(())
    }

    /// The link breaks: some of what was under way still arrives, on either side.
    pub(crate) fn cut_link(&mut self) -> Result<(), Broken> {
        let Some(link) = &mut self.link else { return Ok(()) };
        self.report.link_cuts += 1;
        let arriving = link.up.cut(&mut self.shared.chance);
        link.at_engine.extend(arriving);
        self.engine_hears()?;
        let Some(link) = &mut self.link else { return Ok(()) };
        let arriving = link.down.cut(&mut self.shared.chance);
        link.at_gateway.extend(arriving);
        let id = link.id;
        self.gateway_hears()?;
        self.link = None;
        self.core.link_closed();
        if let Some(cell) = &mut self.engine {
            cell.link_down(id);
        }
        let long = !self.shared.is_quiet && self.shared.chance.per_mille(100);
        let away_ms = if long { 6_000 } else { 100 };
        self.link_returns_at = self.shared.now.plus_ms(self.shared.chance.below(away_ms));
        Ok(())
    }

    /// A client's connection breaks.
    fn cut_client(&mut self, number: usize) -> Result<(), Broken> {
        let client = &mut self.clients[number];
        let Some(line) = &mut client.line else { return Ok(()) };
        self.report.client_cuts += 1;
        let key = line.key;
        let (sent, told) = (line.up.cut(&mut self.shared.chance), line.down.cut(&mut self.shared.chance));
        client.hear(&told, &mut self.shared)?;
        self.core.receive(self.shared.now, key, &sent);
        self.lose_client(number)
    }

    /// Both ends know that the connection is gone.
    pub(crate) fn lose_client(&mut self, number: usize) -> Result<(), Broken> {
        let client = &mut self.clients[number];
        if let Some(line) = &client.line {
            self.core.disconnect(self.shared.now, line.key);
        }
        let away_ms = if self.shared.is_quiet { 0 } else { self.shared.chance.below(300) };
        client.lost(self.shared.now, away_ms);
        Ok(())
    }

    /// The gateway's process dies and another starts: every connection and the link are gone.
    fn restart_gateway(&mut self) -> Result<(), Broken> {
        self.report.gateway_restarts += 1;
        for number in 0..self.clients.len() {
            self.cut_client(number)?;
        }
        self.cut_link()?;
        self.core = new_gateway(&mut self.shared.chance);
        Ok(())
    }
}
