//! Where assignments come from: the file with its lines, the environment, the flags.

use std::path::{Path, PathBuf};

use toml::Value;
use toml::de::{DeTable, DeValue};

use super::keys::Known;
use super::{ConfigError, Origin};

/// What stands between section and key in the name of a variable.
const SEPARATOR: &str = "__";
const PREFIX: &str = "VENDUE_";

/// Everything that may assign values.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    pub(crate) file: Option<PathBuf>,
    /// Name and value of each variable of the environment.
    pub(crate) environment: Vec<(String, String)>,
    /// `SECTION.KEY=VALUE` of each `--set`.
    pub(crate) set: Vec<String>,
    /// Key, value and name of each flag with a name of its own.
    pub(crate) flags: Vec<(&'static str, Value, &'static str)>,
}

/// A value as it was given.
#[derive(Debug)]
pub(super) enum Given {
    Typed(Value),
    /// From the environment or `--set`: TOML where it reads as TOML, else the text itself.
    Text(String),
}

impl Given {
    /// What it may mean, the likelier first.
    pub(super) fn candidates(self) -> Vec<Value> {
        match self {
            Self::Typed(value) => vec![value],
            Self::Text(text) => {
                let read = text.parse::<Value>().ok();
                read.into_iter().chain([Value::String(text)]).collect()
            }
        }
    }
}

/// One value for one known key.
#[derive(Debug)]
pub(super) struct Assignment {
    pub(super) key: String,
    pub(super) value: Given,
    pub(super) origin: Origin,
}

impl Sources {
    /// The process's own environment, and what was typed.
    pub(crate) fn of_process(arguments: &crate::cli::ConfigArguments) -> Self {
        let file = arguments.config.clone().or_else(super::usual_file);
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| {
                Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
            })
            .collect();
        Self { file, environment, set: arguments.set.clone(), flags: Vec::new() }
    }

    /// A flag with a name of its own, where it was given.
    #[must_use]
    pub(crate) fn flag<V: Into<Value>>(
        mut self,
        key: &'static str,
        value: Option<V>,
        flag: &'static str,
    ) -> Self {
        self.flags.extend(value.map(|value| (key, value.into(), flag)));
        self
    }

    /// All assignments, the weakest first; and the file, where one was read.
    pub(super) fn assignments(
        &self,
        known: &Known,
    ) -> Result<(Option<PathBuf>, Vec<Assignment>), ConfigError> {
        let mut all = Vec::new();
        if let Some(path) = &self.file {
            read_file(path, known, &mut all)?;
        }
        let mut environment: Vec<_> = self.environment.iter().collect();
        environment.sort();
        for (name, value) in environment {
            all.extend(variable(name, value, known)?);
        }
        for text in &self.set {
            all.push(set(text, known)?);
        }
        for (key, value, flag) in &self.flags {
            let origin = Origin::Flag((*flag).to_owned());
            all.push(Assignment { key: (*key).to_owned(), value: Given::Typed(value.clone()), origin });
        }
        Ok((self.file.clone(), all))
    }
}

fn read_file(path: &Path, known: &Known, all: &mut Vec<Assignment>) -> Result<(), ConfigError> {
    let unreadable =
        |error: std::io::Error| ConfigError::Unreadable { path: path.to_owned(), why: error.to_string() };
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    let line_at =
        |offset: usize| 1 + text.as_bytes()[..offset.min(text.len())].iter().filter(|&&b| b == b'\n').count();
    let table = DeTable::parse(&text).map_err(|error| ConfigError::NotToml {
        path: path.to_owned(),
        line: error.span().map_or(1, |span| line_at(span.start)),
        why: error.message().to_owned(),
    })?;
    walk(&mut Walk { path, known, line_at: &line_at, all }, "", table.get_ref())
}

/// What the walk through a file carries along.
struct Walk<'a> {
    path: &'a Path,
    known: &'a Known,
    line_at: &'a dyn Fn(usize) -> usize,
    all: &'a mut Vec<Assignment>,
}

fn walk(on: &mut Walk<'_>, prefix: &str, table: &DeTable<'_>) -> Result<(), ConfigError> {
    // The map sorts by name; the person reads by line: the first wrong line is the one to report.
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(name, _)| name.span().start);
    for (name, value) in entries {
        let key = if prefix.is_empty() {
            name.get_ref().to_string()
        } else {
            format!("{prefix}.{}", name.get_ref())
        };
        let origin = Origin::File { path: on.path.to_owned(), line: (on.line_at)(name.span().start) };
        match value.get_ref() {
            _ if on.known.is_key(&key) => {
                on.all.push(Assignment { key, value: Given::Typed(value_of(value.get_ref())), origin });
            }
            DeValue::Table(inner) if on.known.is_section(&key) => walk(on, &key, inner)?,
            DeValue::Table(_) => return Err(unknown("section", key, &origin, on.known)),
            _ => return Err(unknown("key", key, &origin, on.known)),
        }
    }
    Ok(())
}

/// A parsed value without its places.
fn value_of(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or_else(|_| Value::String(number.to_string()), Value::Integer),
        DeValue::Float(number) => {
            number.as_str().parse().map_or_else(|_| Value::String(number.to_string()), Value::Float)
        }
        DeValue::Boolean(flag) => Value::Boolean(*flag),
        DeValue::Datetime(moment) => Value::Datetime(*moment),
        DeValue::Array(items) => Value::Array(items.iter().map(|item| value_of(item.get_ref())).collect()),
        DeValue::Table(fields) => Value::Table(
            fields
                .iter()
                .map(|(name, value)| (name.get_ref().to_string(), value_of(value.get_ref())))
                .collect(),
        ),
    }
}

/// An unknown name, with what was probably meant.
fn unknown(kind: &'static str, name: String, origin: &Origin, known: &Known) -> ConfigError {
    let nearest = if kind == "section" { known.nearest_section(&name) } else { known.nearest_key(&name) };
    ConfigError::Unknown { kind, name, place: origin.to_string(), nearest }
}

/// How a key is called in the environment.
pub(super) fn variable_name(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', SEPARATOR).to_uppercase())
}

/// A variable, where it is one of ours. `VENDUE_X` without the double underscore belongs to others (`VENDUE_TOKEN`),
/// unless it is a key's name with a single one: then somebody meant us, and hears so.
fn variable(name: &str, value: &str, known: &Known) -> Result<Option<Assignment>, ConfigError> {
    let Some(rest) = name.strip_prefix(PREFIX) else { return Ok(None) };
    let key = rest.to_lowercase().replace(SEPARATOR, ".");
    let origin = Origin::Environment(name.to_owned());
    if known.is_key(&key) {
        return Ok(Some(Assignment { key, value: Given::Text(value.to_owned()), origin }));
    }
    let names: Vec<String> = known.keys.iter().map(|(key, _)| variable_name(key)).collect();
    let meant = names.iter().find(|known| known.replace(SEPARATOR, "_") == name).cloned();
    if meant.is_none() && !rest.contains(SEPARATOR) {
        return Ok(None);
    }
    let nearest = meant.or_else(|| known.nearest_key(&key).map(|key| variable_name(&key)));
    Err(ConfigError::Unknown {
        kind: "variable",
        name: name.to_owned(),
        place: "environment".to_owned(),
        nearest,
    })
}

fn set(text: &str, known: &Known) -> Result<Assignment, ConfigError> {
    let Some((key, value)) = text.split_once('=') else {
        return Err(ConfigError::NotAnAssignment { text: text.to_owned() });
    };
    let key = key.trim().to_owned();
    let origin = Origin::Flag(format!("--set {text}"));
    if !known.is_key(&key) {
        return Err(unknown("key", key, &origin, known));
    }
    Ok(Assignment { key, value: Given::Text(value.trim().to_owned()), origin })
}
