//! What can be wrong with a configuration.

use std::fmt;
use std::path::PathBuf;

use crate::failure::Failure;

/// What is wrong, where it stands, and what was probably meant.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ConfigError {
    /// The file cannot be read.
    Unreadable { path: PathBuf, why: String },
    /// The file is not TOML.
    NotToml { path: PathBuf, line: usize, why: String },
    /// A key, section or variable that nothing knows.
    Unknown {
        /// `key`, `section` or `variable`.
        kind: &'static str,
        name: String,
        place: String,
        nearest: Option<String>,
    },
    /// A value that the key does not take.
    BadValue { key: String, place: String, why: String },
    /// `--set` without `=`.
    NotAnAssignment { text: String },
    /// Values that do not go together.
    Whole { why: String },
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { path, why } => write!(f, "cannot read {}: {why}", path.display()),
            Self::NotToml { path, line, why } => write!(f, "{}:{line} is not TOML: {why}", path.display()),
            Self::Unknown { kind, name, place, nearest } => {
                write!(f, "{place}: unknown {kind} `{name}`")?;
                nearest.as_ref().map_or(Ok(()), |nearest| write!(f, "; did you mean `{nearest}`?"))
            }
            Self::BadValue { key, place, why } => {
                write!(f, "{place}: `{key}` does not take this value: {why}")
            }
            Self::NotAnAssignment { text } => write!(f, "--set {text}: expected SECTION.KEY=VALUE"),
            Self::Whole { why } => f.write_str(why),
        }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::usage("configuration", error, "`vendue config show --defaults` lists every key")
    }
}
