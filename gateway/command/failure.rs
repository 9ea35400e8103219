//! Why a command ends without success: one line that says what, why and what to do; and its exit code.

use std::fmt;
use std::process::ExitCode;

/// The exit codes, as `vendue --help` and docs/operation.md list them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Something broke or could not be reached.
    Broken = 1,
    /// Wrong usage or configuration.
    Usage = 2,
    /// The market's rules said no, or what was verified is not right.
    Refused = 3,
    /// The outcome is not known.
    Unknown = 4,
}

/// What went wrong, why, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// What could not be done.
    pub(crate) what: String,
    /// The reason, as exactly as it is known.
    pub(crate) why: String,
    /// What the person at the terminal can do.
    pub(crate) remedy: String,
    pub(crate) exit: Exit,
}

impl Failure {
    pub(crate) fn new(
        exit: Exit,
        what: impl Into<String>,
        why: impl fmt::Display,
        remedy: impl Into<String>,
    ) -> Self {
        Self { what: what.into(), why: why.to_string(), remedy: remedy.into(), exit }
    }

    /// Something broke or could not be reached.
    pub(crate) fn broken(what: impl Into<String>, why: impl fmt::Display, remedy: impl Into<String>) -> Self {
        Self::new(Exit::Broken, what, why, remedy)
    }

    /// Wrong usage or configuration.
    pub(crate) fn usage(what: impl Into<String>, why: impl fmt::Display, remedy: impl Into<String>) -> Self {
        Self::new(Exit::Usage, what, why, remedy)
    }

    /// Prints it to standard error and gives the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        use std::io::Write;
        // A closed standard error leaves nobody to tell: the exit code still says it.
        let _ = writeln!(std::io::stderr(), "vendue: {self}");
        ExitCode::from(self.exit as u8)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if !self.why.is_empty() {
            write!(f, ": {}", self.why)?;
        }
        if !self.remedy.is_empty() {
            write!(f, " -- {}", self.remedy)?;
        }
        Ok(())
    }
}
