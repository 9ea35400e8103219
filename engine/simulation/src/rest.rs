//! The quiet end of a world.

use xxhash_rust::xxh3::xxh3_64;

use vendue_engine::local::LocalCell;

use crate::Report;
use crate::client::Client;
use crate::world::World;

impl World {
    /// Nothing fails any more, and whoever is away comes back now.
    pub(crate) fn calm(&mut self) {
        self.shared.is_quiet = true;
        // A failure that was to come with the next append belongs to the time before.
        self.disk.log.heal();
        let now = self.shared.now;
        self.engine_returns_at = now;
        self.link_returns_at = now;
        for client in &mut self.clients {
            client.returns_at = now;
        }
    }

    /// Whether every request is answered, every command's outcome known and every wanted channel heard.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.is_set_up()
            && self.engine.as_ref().is_some_and(crate::cell::is_settled)
            && self
                .engine
                .as_ref()
                .and_then(LocalCell::next_deadline)
                .is_none_or(|due| due > self.engine_time())
            && self.clients.iter().all(is_at_rest)
    }

    /// Who still waits, in words.
    pub(crate) fn restless(&self) -> String {
        let mut words = String::new();
        for (number, client) in self.clients.iter().enumerate().filter(|(_, client)| !is_at_rest(client)) {
            let open: Vec<_> =
                client.open.iter().map(|&issue| &self.shared.history.issues[issue]).take(3).collect();
            if let Some(line) = &client.line {
                let (key, core) = (line.key, &self.core);
                words += &format!(
                    "(unwritten: {}, read: {}, finished: {}) ",
                    core.output(key).len(),
                    core.wants_reading(key),
                    core.is_finished(key)
                );
            }
            words += &format!("client {number} (ready: {}) awaits {}; ", client.is_ready, client.awaits());
            words += &format!("without an outcome: {open:?}\n");
        }
        words
    }

    /// What happened.
    pub(crate) fn finished(self) -> Report {
        let (history, ledger) = (&self.shared.history, &self.shared.ledger);
        let streams: Vec<u8> =
            self.clients.iter().flat_map(|client| client.heard.digest().to_le_bytes()).collect();
        Report {
            commands: history.issues.len() as u64,
            acknowledged: history.acknowledged,
            replayed: history.replayed,
            records: vendue_storage::JournalReader::last(&self.disk.log),
            events: ledger.heard,
            resumed: ledger.resumed,
            snapshots: ledger.snapshots,
            simulated_ms: self.shared.now.micros_since(crate::market::BEGIN) / 1_000,
            journal_hash: self.disk.journal_hash().unwrap_or_default(),
            streams_hash: xxh3_64(&streams),
            ..self.report
        }
    }
}

fn is_at_rest(client: &Client) -> bool {
    client.is_ready
        && client.awaited() == 0
        && client.open.is_empty()
        && client.watches.values().all(|watch| !watch.is_wanted || watch.is_live)
}
