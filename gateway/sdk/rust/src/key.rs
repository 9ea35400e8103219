//! The key of a command.

use std::fmt;

/// A command's key: 1 to 64 characters. Sending the same command with the same key again gives the first outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// A key that nobody has used: 128 random bits as 32 hexadecimal digits.
    #[must_use]
    pub fn random() -> Self {
        Self(format!("{:032x}", rand::random::<u128>()))
    }

    /// The text that goes over the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for Key {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<String> for Key {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&String> for Key {
    fn from(text: &String) -> Self {
        Self(text.clone())
    }
}

/// A random key where the caller has none.
impl From<Option<String>> for Key {
    fn from(text: Option<String>) -> Self {
        text.map_or_else(Self::random, Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_keys_fit_the_protocol_and_differ() {
        let (one, other) = (Key::random(), Key::random());
        assert_eq!(one.as_str().len(), 32);
        assert_ne!(one, other);
        assert_eq!(Key::from(Some("mine".to_owned())).as_str(), "mine");
    }
}
