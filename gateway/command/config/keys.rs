//! Which keys there are: what the options' defaults serialize to, absent ones (`null`) included.

use serde_json::Value;

use super::Config;

/// How far a name may be from the one that is suggested: a third of its letters may be wrong, at least two.
const SUGGESTION_SHARE: usize = 3;

/// Every known key, dotted, and its default (`null`: none).
pub(super) struct Known {
    pub(super) keys: Vec<(String, Value)>,
}

/// The keys of [`Config`].
pub(super) fn known() -> Known {
    // Options are plain data (no maps with keys of other types): they always serialize.
    let defaults = serde_json::to_value(Config::default()).unwrap_or_default();
    let mut keys = Vec::new();
    collect("", &defaults, &mut keys);
    Known { keys }
}

fn collect(prefix: &str, value: &Value, keys: &mut Vec<(String, Value)>) {
    let Value::Object(fields) = value else {
        keys.push((prefix.to_owned(), value.clone()));
        return;
    };
    for (name, value) in fields {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        collect(&key, value, keys);
    }
}

impl Known {
    /// Whether this is the name of one value.
    pub(super) fn is_key(&self, name: &str) -> bool {
        self.keys.iter().any(|(key, _)| key == name)
    }

    /// Whether this is the name of a section or of a table in one.
    pub(super) fn is_section(&self, name: &str) -> bool {
        self.keys.iter().any(|(key, _)| key.strip_prefix(name).is_some_and(|rest| rest.starts_with('.')))
    }

    /// The top-level sections, each once, in the options' order.
    pub(super) fn sections(&self) -> Vec<&str> {
        let mut sections: Vec<&str> =
            self.keys.iter().filter_map(|(key, _)| Some(key.split_once('.')?.0)).collect();
        sections.dedup();
        sections
    }

    /// The key nearest to a wrong one: the same name in another section before a similar name in this one.
    pub(super) fn nearest_key(&self, name: &str) -> Option<String> {
        let last = |key: &str| key.rsplit('.').next().unwrap_or_default().to_owned();
        let same = self.keys.iter().map(|(key, _)| key).find(|key| last(key) == last(name));
        same.cloned().or_else(|| nearest(name, self.keys.iter().map(|(key, _)| key.as_str())))
    }

    /// The section nearest to a wrong one.
    pub(super) fn nearest_section(&self, name: &str) -> Option<String> {
        nearest(name, self.sections().into_iter())
    }
}

/// The nearest of some names, where one is near enough to have been meant.
pub(super) fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<String> {
    let near = candidates.map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate)).min()?;
    (near.0 <= (name.chars().count() / SUGGESTION_SHARE).max(2)).then(|| near.1.to_owned())
}
