//! A whole store judged: two readings of the journal, the first for its frames and the notary's checkpoints, the second for
//! everything else.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use vendue_domain::actor::Entity;
use vendue_domain::id::AccountId;
use vendue_domain::lot::Digest;
use vendue_domain::record::Field;
use vendue_storage::StorageError;

use super::ground::{OfflineVault, Opened, hold_still};
use super::notary::NotaryAudit;
use super::report::VerifyReport;
use super::state::{BASES, KeyAudit, OTHER_BASE, StateAudit};
use super::town::Town;
use super::{Begun, Offline, Start};
use crate::effects::LaneAudit;
use crate::entry::Entry;
use crate::error::EngineError;
use crate::notary::Notarized;

/// How many findings of one check are told: one cause often shows in thousands of places.
pub(super) const FINDINGS_MAX: usize = 10;

const RESTORE: &str = "restore the journal from a backup or the archive; nothing can make it again";
const TELL: &str = "the journal says what the rules do not allow: keep the directory as it is and report it, or restore a backup";

/// What to verify.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VerifyOptions {
    /// The journal's events only: neither checkpoints nor key lists nor vault.
    pub events_only: bool,
    /// Checkpoints of the notary kept elsewhere.
    pub witness: Option<PathBuf>,
    /// The public key that must have signed.
    pub key: Option<Digest>,
}

/// Judges a data directory. `progress` hears how many of how many records have been read.
///
/// # Errors
/// It could not be judged: there is no journal, or it cannot be read. Damage is no error: the report tells it.
pub fn verify(
    dir: &Path,
    options: &VerifyOptions,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<VerifyReport, EngineError> {
    let mut report = VerifyReport::default();
    let held = hold_still(dir);
    let offline = match Offline::open(dir) {
        Ok(offline) => offline,
        Err(EngineError::Storage(error)) if is_broken(&error) => {
            report.found("journal", error.to_string(), RESTORE);
            report.checked("journal", String::new());
            return Ok(report);
        }
        Err(EngineError::Record { position, error }) => {
            report.found("records", format!("record {position} cannot be read: {error}"), RESTORE);
            report.checked("records", String::new());
            return Ok(report);
        }
        Err(error) => return Err(error),
    };
    let signed = survey(&offline, &mut report, progress)?;
    let first = offline.journal().first();
    let cell = offline.genesis().map(|genesis| genesis.cell);
    let notary = NotaryAudit::new(dir, signed, (first, cell), options.key.as_ref(), &mut report);
    let mut verification = Verification {
        report,
        notary,
        from: first,
        town: None,
        lanes: None,
        state: None,
        bases: Vec::new(),
        base_values: 0,
        keys: None,
    };
    let running = held.as_ref().err().map(ToString::to_string);
    verification.open(dir, cell, options, &offline, running.as_deref());
    verification.begin(&offline, options)?;
    verification.read(&offline, progress)?;
    Ok(verification.end(dir, &offline, options))
}

fn is_broken(error: &StorageError) -> bool {
    !matches!(error, StorageError::Io { .. } | StorageError::InUse { .. } | StorageError::NewerVersion { .. })
}

/// The first reading: every frame's checks, the chain, dense positions; what the notary has signed.
fn survey(
    offline: &Offline,
    report: &mut VerifyReport,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Vec<(u64, Notarized)>, EngineError> {
    let journal = offline.journal();
    let (first, last) = (journal.first(), journal.last());
    report.records = (first, last);
    let total = 2 * (last + 1).saturating_sub(first);
    let (mut frames, mut next, mut signed, mut bytes) = (0_u64, first, Vec::new(), 0_u64);
    let read = journal.frames(first, &mut |frame| {
        frames += 1;
        bytes += frame.payload.len() as u64;
        if frame.first != next {
            report.found("journal", format!("after record {} comes {}", next - 1, frame.first), RESTORE);
        }
        next = frame.last() + 1;
        for (position, record) in (frame.first..).zip(frame.records()) {
            // A map of one entry with the number of `Entry::Notarized`.
            if record.starts_with(&[0x81, 9])
                && let Ok(Entry::Notarized(checkpoint)) = Entry::from_bytes(record)
            {
                signed.push((position, checkpoint));
            }
        }
        progress(next - first, total);
        ControlFlow::Continue(())
    });
    match read {
        Ok(()) if next != last + 1 => {
            report.found("journal", format!("it ends after record {}, not {last}", next - 1), RESTORE);
        }
        Ok(()) => {}
        Err(error) if is_broken(&error) => report.found("journal", error.to_string(), RESTORE),
        Err(error) => return Err(error.into()),
    }
    report.checked("journal", format!("{} records in {frames} frames, {bytes} bytes", next - first));
    Ok(signed)
}

/// The second reading.
struct Verification {
    report: VerifyReport,
    notary: NotaryAudit,
    /// Until something is broken: what follows would be broken by it.
    town: Option<Town>,
    lanes: Option<LaneAudit>,
    state: Option<StateAudit>,
    /// As the state store's: of the bases that the town did not begin with.
    bases: Vec<StateAudit>,
    base_values: u64,
    /// From where on the records are applied.
    from: u64,
    keys: Option<KeyAudit>,
}

impl Verification {
    fn open(
        &mut self,
        dir: &Path,
        cell: Option<u128>,
        options: &VerifyOptions,
        offline: &Offline,
        running: Option<&str>,
    ) {
        let report = &mut self.report;
        let why = match running {
            _ if options.events_only => "events only were asked for".to_owned(),
            Some(running) => running.to_owned(),
            None => {
                self.keys = KeyAudit::open(dir, report);
                if matches!(offline.start(), Start::Kept { .. }) {
                    report.skipped(
                        "state",
                        "the journal's beginning is gone, and there is no base: it cannot be rebuilt",
                    );
                } else {
                    self.state = StateAudit::open(dir, cell, report);
                }
                return;
            }
        };
        report.skipped("keys", why.clone());
        report.skipped("state", why);
    }

    /// What the records are applied to: nothing, or what a base holds. Every other base has to be met, as the state store has.
    fn begin(&mut self, offline: &Offline, options: &VerifyOptions) -> Result<(), EngineError> {
        let mut begins_with = None;
        match *offline.start() {
            Start::Genesis(_) => {
                (self.town, self.lanes) = (Some(Town::default()), Some(LaneAudit::default()));
            }
            Start::Base { base, .. } => {
                let begun = offline.begun(&base)?;
                if let Some(state) = &mut self.state {
                    state.begin(&begun, &mut self.report);
                }
                self.base_values += begun.values;
                self.from = base.replay_from;
                self.lanes = Some(LaneAudit::after(base.replay_from));
                begins_with = Some((base, begun));
            }
            Start::Kept { .. } => {}
        }
        let Some(bases) = offline.bases().filter(|_| !options.events_only) else {
            self.town = self.town.take().or(begins_with.map(|(_, begun)| Town::after(begun.actors)));
            self.report.skipped(
                BASES,
                if options.events_only { "events only were asked for" } else { "there are none" },
            );
            return Ok(());
        };
        for base in bases.list()? {
            if begins_with.as_ref().is_some_and(|(first, _)| *first == base) {
                continue;
            }
            match bases.verify(&base).map_err(EngineError::from).and_then(|_| offline.begun(&base)) {
                Ok(begun) => self.meet(&base, &begun, begins_with.as_ref().map(|(_, begun)| begun), offline),
                Err(error) => {
                    self.report.found(BASES, format!("{}: {error}", base.file()), OTHER_BASE);
                }
            }
        }
        self.town = self.town.take().or(begins_with.map(|(_, begun)| Town::after(begun.actors)));
        Ok(())
    }

    /// Takes a base that the journal has to lead to.
    fn meet(
        &mut self,
        base: &vendue_storage::BaseName,
        begun: &Begun,
        begins_with: Option<&Begun>,
        offline: &Offline,
    ) {
        self.base_values += begun.values;
        if base.highest > offline.journal().last() {
            let what = format!("{} holds what the journal does not have", base.file());
            return self.report.found(BASES, what, OTHER_BASE);
        }
        let mut audit = StateAudit::of_base(base, begun);
        if let Some(begins_with) = begins_with {
            audit.begin(begins_with, &mut self.report);
        }
        self.bases.push(audit);
    }

    fn read(&mut self, offline: &Offline, progress: &mut dyn FnMut(u64, u64)) -> Result<(), EngineError> {
        let journal = offline.journal();
        let (first, last) = (journal.first(), journal.last());
        let count = (last + 1).saturating_sub(first);
        let mut taken = 0;
        let read = journal.read(first, &mut |position, record| {
            taken += 1;
            if taken % 1_024 == 0 {
                progress(count + taken, 2 * count);
            }
            self.take(position, record)
        });
        match read {
            // Told by the first reading already.
            Ok(()) | Err(StorageError::Damaged { .. }) => {}
            Err(error) if is_broken(&error) => {}
            Err(error) => return Err(error.into()),
        }
        progress(2 * count, 2 * count);
        let decoded = format!("{taken} records");
        self.report.checked("records", decoded);
        Ok(())
    }

    fn take(&mut self, position: u64, record: &[u8]) -> ControlFlow<()> {
        let entry = match Entry::from_bytes(record) {
            Ok(entry) => entry,
            Err(error) => {
                let remedy = "run the version of vendue that wrote it, or restore a backup";
                self.report.found("records", format!("record {position} cannot be read: {error}"), remedy);
                self.give_up();
                self.lanes = None;
                return ControlFlow::Continue(());
            }
        };
        let report = &mut self.report;
        self.notary.take(position, record, &entry, report);
        if let Some((keys, keyed)) = self.keys.as_mut().zip(entry.keyed()) {
            keys.take(position, keyed, report);
        }
        if position < self.from {
            return ControlFlow::Continue(());
        }
        if let Some(lanes) = &mut self.lanes
            && let Err(what) = lanes.take(position, &entry)
        {
            report.found("effects", format!("I2: {what}"), TELL);
            self.lanes = None;
        }
        let Some(town) = &mut self.town else { return ControlFlow::Continue(()) };
        for state in self.state.iter_mut().chain(&mut self.bases) {
            state.before(position, town.actors().iter(), report);
            if let Some((slot, lane)) = entry.lane() {
                state.lane(slot, lane);
            }
        }
        let Entry::Decided(decided) = &entry else { return ControlFlow::Continue(()) };
        match town.take(decided) {
            Ok(address) => {
                let Some(actor) = town.actors().get(&address) else { return ControlFlow::Continue(()) };
                for state in self.state.iter_mut().chain(&mut self.bases) {
                    state.after(position, &address, actor, report);
                }
            }
            Err((check, what)) => {
                report.found(check, format!("record {position}: {what}; what follows was not judged"), TELL);
                self.give_up();
            }
        }
        ControlFlow::Continue(())
    }

    /// What follows a broken record cannot be judged.
    fn give_up(&mut self) {
        (self.town, self.state) = (None, None);
        self.bases.clear();
    }

    fn end(mut self, dir: &Path, offline: &Offline, options: &VerifyOptions) -> VerifyReport {
        let last = offline.journal().last();
        let mut report = std::mem::take(&mut self.report);
        self.rules(offline, &mut report);
        if let Some(keys) = self.keys {
            keys.end(&mut report);
        }
        match self.state {
            Some(mut state) => {
                if let Some(town) = &self.town {
                    // A checkpoint may say that everything is stored.
                    state.before(u64::MAX, town.actors().iter(), &mut report);
                }
                let compared = state.end(last, &mut report);
                report.checked("state", format!("{compared} actors, hash by hash"));
            }
            None if !report.checks.iter().any(|check| check.name == "state") => {
                report.skipped("state", "the records do not lead to one");
            }
            None => {}
        }
        let others = self.bases.len();
        for mut audit in self.bases {
            if let Some(town) = &self.town {
                audit.before(u64::MAX, town.actors().iter(), &mut report);
            }
            audit.end(last, &mut report);
        }
        if !report.checks.iter().any(|check| check.name == BASES) {
            let began = usize::from(matches!(offline.start(), Start::Base { .. }));
            report.checked(BASES, format!("{} bases, {} values", others + began, self.base_values));
        }
        if options.events_only {
            report.skipped("vault", "events only were asked for");
        } else {
            vault(dir, self.town.as_ref(), &mut report);
        }
        self.notary.end(options.witness.as_deref(), last, &mut report);
        report
    }

    fn rules(&self, offline: &Offline, report: &mut VerifyReport) {
        const NAMES: [&str; 6] = ["actors", "auctions", "money", "stock", "orders", "books"];
        let Some(town) = &self.town else {
            let why = match offline.start() {
                Start::Kept { first } => format!("the journal begins with record {first}"),
                Start::Genesis(_) | Start::Base { .. } => "an earlier record is broken".to_owned(),
            };
            for name in NAMES {
                if report.findings.iter().any(|finding| finding.check == name) {
                    report.checked(name, String::new());
                } else {
                    report.skipped(name, why.clone());
                }
            }
            return self.effects(report, &why);
        };
        // Where effects are under way money and goods are, too.
        if self.lanes.as_ref().is_some_and(|lanes| lanes.undone().is_none()) {
            for (check, what) in town.at_rest() {
                report.found(check, what, TELL);
            }
        }
        report.checked("actors", format!("{} actors, {} events", town.actors().len(), town.events()));
        // With the first records gone, sums cannot be added up, and of older actors only the states are checked.
        let since = if town.is_whole() { "" } else { " that began in what is left of the journal" };
        for (name, count, what) in town.counts() {
            report.checked(name, format!("{count} {what}{since}"));
        }
        self.effects(report, "");
    }

    fn effects(&self, report: &mut VerifyReport, why: &str) {
        match &self.lanes {
            Some(lanes) => {
                let undone = if lanes.undone().is_some() { ", some under way at the end" } else { "" };
                report.checked("effects", format!("{}{undone}", lanes.count()));
            }
            None if report.findings.iter().any(|finding| finding.check == "effects") => {
                report.checked("effects", String::new());
            }
            None => report.skipped("effects", why),
        }
    }
}

/// Every name that is sealed opens, or its person was erased.
fn vault(dir: &Path, town: Option<&Town>, report: &mut VerifyReport) {
    const REMEDY: &str = "restore vault/ from its own backup, never from one older than the last erasure";
    let vault = match OfflineVault::open(dir) {
        Ok(Some(vault)) => vault,
        Ok(None) => return report.skipped("vault", "there is none"),
        Err(error) => {
            report.found("vault", error.to_string(), REMEDY);
            return report.checked("vault", String::new());
        }
    };
    let (mut opened, mut erased) = (0_u64, 0_u64);
    for (address, (_, entity)) in town.iter().flat_map(|town| town.actors()) {
        let Entity::Account(account) = entity else { continue };
        if account.name_sealed().is_empty() {
            continue;
        }
        match vault.name(AccountId(address.id), account.name_sealed()) {
            Opened::Text(_) => opened += 1,
            Opened::Erased => erased += 1,
            Opened::Damaged(why) => {
                report.found("vault", format!("the name of {address} does not open: {why}"), REMEDY);
            }
        }
    }
    report.checked("vault", format!("{opened} names open, {erased} of people erased"));
}
