//! The configuration: defaults < file < environment < flags, one assignment after the other.
//!
//! The options of the components are the only list of keys there is: what their defaults serialize to is what is known
//! here. Every assignment is tried alone first, so that a wrong one is reported with the line, variable or flag it came
//! from, and an unknown one with the nearest that exists. (The layering libraries lose the line, or the suggestion.)

mod error;
mod keys;
mod options;
mod sources;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::{Table, Value};

pub(crate) use error::ConfigError;
pub(crate) use options::{Config, DemoOptions, LogFormat, LogOptions};
use sources::Assignment;
pub(crate) use sources::Sources;

/// The commented file with every key, unit and default, as it ships.
pub(crate) const SHIPPED: &str = include_str!("../../../config/vendue.toml");

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    Default,
    /// Follows from `engine.data_dir`.
    DataDir,
    File {
        path: PathBuf,
        /// From 1.
        line: usize,
    },
    Environment(String),
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::DataDir => f.write_str("in engine.data_dir"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::Flag(flag) => write!(f, "flag {flag}"),
        }
    }
}

/// The configuration in force, and where each value that is not a default came from.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) config: Config,
    pub(crate) origins: BTreeMap<String, Origin>,
    /// The file that was read.
    pub(crate) file: Option<PathBuf>,
}

impl Loaded {
    /// Where the value of `key` came from.
    pub(crate) fn origin(&self, key: &str) -> &Origin {
        self.origins.get(key).unwrap_or(&Origin::Default)
    }
}

/// Reads all sources, checks each assignment and then the whole.
pub(crate) fn load(sources: &Sources) -> Result<Loaded, ConfigError> {
    let known = keys::known();
    let (file, assignments) = sources.assignments(&known)?;
    let mut merged = Table::new();
    let mut origins = BTreeMap::new();
    for Assignment { key, value, origin } in assignments {
        let value = accept(&key, value, &origin)?;
        insert(&mut merged, &key, value);
        origins.insert(key, origin);
    }
    let mut config =
        Config::deserialize(merged).map_err(|error| ConfigError::Whole { why: error.to_string() })?;
    follow_data_dir(&mut config, &mut origins);
    validate(&config)?;
    Ok(Loaded { config, origins, file })
}

/// Takes one assignment if the options can be read with it. A text that is no TOML value (a path or an address given in
/// the environment without quotes) is taken as the text it is.
fn accept(key: &str, value: sources::Given, origin: &Origin) -> Result<Value, ConfigError> {
    let mut first_error = None;
    for candidate in value.candidates() {
        let mut alone = Table::new();
        insert(&mut alone, key, candidate.clone());
        match Config::deserialize(alone) {
            Ok(_) => return Ok(candidate),
            Err(error) => first_error = first_error.or(Some(error.message().trim().to_owned())),
        }
    }
    let why = first_error.unwrap_or_else(|| "no value".to_owned());
    Err(ConfigError::BadValue { key: key.to_owned(), place: origin.to_string(), why })
}

/// Puts a value under its dotted key.
fn insert(table: &mut Table, key: &str, value: Value) {
    match key.split_once('.') {
        None => {
            table.insert(key.to_owned(), value);
        }
        Some((section, rest)) => {
            let inner = table.entry(section).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(inner) = inner {
                insert(inner, rest, value);
            }
        }
    }
}

/// Paths that nobody named lie in the data directory: one key moves them all.
fn follow_data_dir(config: &mut Config, origins: &mut BTreeMap<String, Origin>) {
    let data = crate::data_dir::DataDir(config.engine.data_dir.clone());
    let followers: [(&str, &mut PathBuf, PathBuf); 2] = [
        ("gateway.engine_socket", &mut config.gateway.engine_socket, config.engine.link_path()),
        ("gateway.token_secret", &mut config.gateway.token_secret, data.token_secret()),
    ];
    for (key, path, derived) in followers {
        if !origins.contains_key(key) {
            *path = derived;
            origins.insert(key.to_owned(), Origin::DataDir);
        }
    }
}

/// What no single value shows.
fn validate(config: &Config) -> Result<(), ConfigError> {
    let whole = |section: &str, why: String| ConfigError::Whole { why: format!("[{section}] {why}") };
    config.engine.validate().map_err(|error| whole("engine", error.to_string()))?;
    config.gateway.validate().map_err(|error| whole("gateway", error.to_string()))?;
    config.demo.validate().map_err(|why| whole("demo", why))?;
    config.log.validate().map_err(|why| whole("log", why))
}

/// The file that is read where none is named.
pub(crate) const USUAL_FILE: &str = "vendue.toml";

/// The usual file, where it is there.
pub(crate) fn usual_file() -> Option<PathBuf> {
    Path::new(USUAL_FILE).is_file().then(|| PathBuf::from(USUAL_FILE))
}
