//! The notary's chain against the journal: signatures, links, roots made again from the records, and checkpoints kept outside.

use std::path::Path;

use vendue_domain::lot::Digest;

use super::report::VerifyReport;
use crate::entry::Entry;
use crate::notary::{Notarized, NotaryKey, leaf_of_record, read_witness, root};

const NAME: &str = "notary";
const REWRITTEN: &str = "the history has been changed since it was signed: restore a backup from before, and keep this directory as evidence";

/// What the notary has signed, compared as the journal is read.
pub(super) struct NotaryAudit {
    key: Option<NotaryKey>,
    /// With their positions, in the journal's order.
    signed: Vec<(u64, Notarized)>,
    /// The interval that is being read.
    next: usize,
    leaves: Vec<Digest>,
    roots: u64,
    /// Checkpoints by a key that is not here: their records cannot be compared.
    foreigners: u64,
}

impl NotaryAudit {
    /// Checks what the checkpoints say of each other; `first` is the oldest record that is there.
    pub(super) fn new(
        dir: &Path,
        signed: Vec<(u64, Notarized)>,
        (first, cell): (u64, Option<u128>),
        expected: Option<&Digest>,
        report: &mut VerifyReport,
    ) -> Self {
        for (at, checkpoint) in &signed {
            if let Err(why) = checkpoint.check(expected) {
                report.found(
                    NAME,
                    format!("checkpoint {} at record {at}: {why}", checkpoint.number),
                    REWRITTEN,
                );
            }
            if cell.is_some_and(|cell| cell != checkpoint.cell) || checkpoint.last >= *at {
                let what = format!("checkpoint {} at record {at} is of another journal", checkpoint.number);
                report.found(NAME, what, REWRITTEN);
            }
        }
        if let Some((at, checkpoint)) = signed.first()
            && first == 1
            && (checkpoint.number, checkpoint.first, checkpoint.previous) != (1, 1, Digest::default())
        {
            let what = format!("checkpoint {} at record {at} is not the first", checkpoint.number);
            report.found(NAME, what, REWRITTEN);
        }
        for pair in signed.windows(2) {
            let ((_, one), (at, next)) = (&pair[0], &pair[1]);
            let follows = next.number == one.number + 1 && next.first == one.last + 1;
            if !follows || next.previous != one.head() {
                let what =
                    format!("checkpoint {} at record {at} does not continue {}", next.number, one.number);
                report.found(NAME, what, REWRITTEN);
            }
        }
        let key = NotaryKey::read(dir).unwrap_or_else(|error| {
            report.found(NAME, error.to_string(), "put notary/key back from a backup");
            None
        });
        let foreign = signed
            .iter()
            .find(|(_, checkpoint)| key.as_ref().is_none_or(|key| key.public() != checkpoint.key));
        // A restored directory may have lost its key, and another one since: what the old one has signed can then be checked for its
        // signatures and links only. A newest checkpoint that is another's, where there is a key, is nobody's.
        let is_ours = |checkpoint: &Notarized| key.as_ref().is_none_or(|key| key.public() == checkpoint.key);
        let newest_is_ours = signed.last().is_none_or(|(_, newest)| is_ours(newest));
        let foreigners = foreign.map_or(0, |_| {
            let others =
                signed.iter().filter(|(_, one)| key.as_ref().is_none_or(|key| key.public() != one.key));
            others.count() as u64
        });
        if let Some((at, checkpoint)) = foreign.filter(|_| !newest_is_ours) {
            let what = format!(
                "checkpoint {} at record {at} was signed by key {}, which is not in notary/key: the records cannot be compared with what was signed",
                checkpoint.number, checkpoint.key
            );
            report.found(NAME, what, "put notary/key back from a backup");
        }
        let next = signed.partition_point(|(_, checkpoint)| checkpoint.first < first);
        Self { key, signed, next, leaves: Vec::new(), roots: 0, foreigners }
    }

    /// Takes the next record.
    pub(super) fn take(&mut self, position: u64, record: &[u8], entry: &Entry, report: &mut VerifyReport) {
        let Some((_, checkpoint)) = self.signed.get(self.next) else { return };
        let Some(key) = self.key.as_ref().filter(|key| key.public() == checkpoint.key) else {
            self.next += usize::from(position >= checkpoint.last);
            return;
        };
        if position < checkpoint.first {
            return;
        }
        self.leaves.push(leaf_of_record(&key.salts(position), position, record, entry).hash());
        if position < checkpoint.last {
            return;
        }
        if root(&self.leaves) != checkpoint.root {
            let what = format!(
                "the records {} to {} are not those that checkpoint {} was made of",
                checkpoint.first, checkpoint.last, checkpoint.number
            );
            report.found(NAME, what, REWRITTEN);
        }
        self.roots += 1;
        self.next += 1;
        self.leaves.clear();
    }

    /// Compares with checkpoints kept outside, and says what came of it all.
    pub(super) fn end(self, witness: Option<&Path>, last: u64, report: &mut VerifyReport) {
        let mut seen = 0;
        if let Some(path) = witness {
            match read_witness(path) {
                Ok(lines) => {
                    seen = lines.len();
                    for line in &lines {
                        self.compare(line, report);
                    }
                    if lines.is_empty() {
                        report.found(
                            NAME,
                            format!("{} holds no checkpoint", path.display()),
                            "name the file of engine.witness_file",
                        );
                    }
                }
                Err(error) => report.found(NAME, error, "name the file of engine.witness_file"),
            }
        }
        let count = self.signed.len() as u64;
        let covered = self.signed.last().map_or(0, |(_, checkpoint)| checkpoint.last);
        report.notarized = (count, covered);
        if count == 0 && seen == 0 {
            return report.skipped(
                NAME,
                "nothing is signed in this journal (engine.notary = false, or it is very young)",
            );
        }
        let mut looked_at = format!(
            "{} checkpoints, {} roots made again, {} records not signed yet",
            count,
            self.roots,
            last - covered.min(last)
        );
        if self.foreigners > 0 {
            looked_at += &format!(
                "; {} were signed by a key that is not in notary/key, their records are not compared",
                self.foreigners
            );
        }
        if witness.is_some() {
            looked_at += &format!(", {seen} lines of the witness");
        }
        report.checked(NAME, looked_at);
    }

    fn compare(&self, line: &Notarized, report: &mut VerifyReport) {
        let number = line.number;
        if let Err(why) = line.check(None) {
            return report.found(
                NAME,
                format!("the witness's checkpoint {number}: {why}"),
                "the witness file was changed: look for a copy",
            );
        }
        match self.signed.iter().find(|(_, checkpoint)| checkpoint.number == number) {
            Some((_, checkpoint)) if checkpoint == line => {}
            Some((at, _)) => {
                let what = format!("checkpoint {number} at record {at} is not the one that the witness has");
                report.found(NAME, what, REWRITTEN);
            }
            None if self.signed.first().is_some_and(|(_, first)| number < first.number) => {}
            None => {
                let what = format!(
                    "the witness has checkpoint {number} over the records {} to {}, this journal does not: it was cut off or replaced",
                    line.first, line.last
                );
                report.found(NAME, what, REWRITTEN);
            }
        }
    }
}
