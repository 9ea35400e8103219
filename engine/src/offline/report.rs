//! What a verification found.

/// How a check came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Everything it looked at is right.
    Sound,
    /// Something is not; the findings say what.
    Broken,
    /// It could not be made; why.
    Skipped(String),
}

/// One line of the summary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckReport {
    /// What was checked, a word.
    pub name: &'static str,
    /// How it came out.
    pub outcome: Outcome,
    /// How much was looked at, in words: `1,204 records`.
    pub looked_at: String,
}

/// Something that is not right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which check found it.
    pub check: &'static str,
    /// What is wrong, and where.
    pub what: String,
    /// What to do about it.
    pub remedy: &'static str,
}

/// Everything that a verification found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VerifyReport {
    /// The checks, in order.
    pub checks: Vec<CheckReport>,
    /// What is wrong; at most ten of each check.
    pub findings: Vec<Finding>,
    /// How many more there were.
    pub more: u64,
    /// The first and the last record.
    pub records: (u64, u64),
    /// Checkpoints of the notary, and the last record that they cover.
    pub notarized: (u64, u64),
}

impl VerifyReport {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }

    /// Adds what is wrong.
    pub(super) fn found(&mut self, check: &'static str, what: impl Into<String>, remedy: &'static str) {
        let so_far = self.findings.iter().filter(|finding| finding.check == check).count();
        if so_far >= super::verify::FINDINGS_MAX {
            self.more += 1;
            return;
        }
        self.findings.push(Finding { check, what: what.into(), remedy });
    }

    /// Adds the line of a check: broken where it has found anything.
    pub(super) fn checked(&mut self, name: &'static str, looked_at: String) {
        let is_broken = self.findings.iter().any(|finding| finding.check == name);
        let outcome = if is_broken { Outcome::Broken } else { Outcome::Sound };
        self.checks.push(CheckReport { name, outcome, looked_at });
    }

    /// Adds the line of a check that was not made.
    pub(super) fn skipped(&mut self, name: &'static str, why: impl Into<String>) {
        self.checks.push(CheckReport {
            name,
            outcome: Outcome::Skipped(why.into()),
            looked_at: String::new(),
        });
    }
}
