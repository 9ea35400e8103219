//! Errors as clients see them.

use std::borrow::Cow;

use serde::ser::{Serialize, SerializeMap, Serializer};
use vendue_domain::rejection::Rejection;

use crate::link::NotExecuted;
use crate::wire::code::Code;

/// What an error means for the command it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The rules said no; durable.
    Rejected,
    /// It never reached the rules; it may be tried again.
    NotExecuted,
    /// The server cannot know; `command.result` then answers.
    Unknown,
}

impl Outcome {
    /// The protocol's text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::NotExecuted => "not_executed",
            Self::Unknown => "unknown",
        }
    }
}

/// A parameter, what it must be, and what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    /// The parameter's path, `soft_close.window_ms` say.
    pub field: Cow<'static, str>,
    /// What it must be.
    pub expected: Cow<'static, str>,
    /// What it was; `None` where there is nothing to show.
    pub got: Option<String>,
    /// The nearest name that exists.
    pub did_you_mean: Option<&'static str>,
}

/// What a program may read besides the code. Small, since it travels in every result.
#[derive(Debug, Clone, PartialEq)]
pub enum Details {
    /// Nothing.
    None,
    /// A parameter that is not what it must be.
    Invalid(Box<Invalid>),
    /// The numbers of the rule that said no.
    Rule(Box<Rejection>),
    /// A limit's name and value.
    Limit {
        /// As in the reply to `connect`.
        limit: &'static str,
        /// Its value.
        allowed: u64,
    },
}

impl Serialize for Details {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::None => serializer.serialize_none(),
            Self::Invalid(invalid) => {
                let Invalid { field, expected, got, did_you_mean } = invalid.as_ref();
                let entries = 2 + usize::from(got.is_some()) + usize::from(did_you_mean.is_some());
                let mut map = serializer.serialize_map(Some(entries))?;
                map.serialize_entry("field", field)?;
                map.serialize_entry("expected", expected)?;
                if let Some(got) = got {
                    map.serialize_entry("got", got)?;
                }
                if let Some(name) = did_you_mean {
                    map.serialize_entry("did_you_mean", name)?;
                }
                map.end()
            }
            Self::Rule(rejection) => rejection.serialize_details(serializer),
            Self::Limit { limit, allowed } => {
                let mut map = serializer.serialize_map(Some(2))?;
                map.serialize_entry("limit", limit)?;
                map.serialize_entry("allowed", allowed)?;
                map.end()
            }
        }
    }
}

/// An error as clients see it (PROTOCOL section 2).
#[derive(Debug, Clone, PartialEq)]
pub struct WireError {
    /// For programs.
    pub code: Code,
    /// For people.
    pub message: Cow<'static, str>,
    /// Whether trying the same again later may succeed.
    pub temporary: bool,
    /// What it means for the command.
    pub outcome: Outcome,
    /// When to try again, in milliseconds; `None`: no advice.
    pub retry_after_ms: Option<u64>,
    /// For programs: the numbers.
    pub details: Details,
    /// The first outcome of a command that was sent again.
    pub replayed: bool,
}

impl WireError {
    /// An error of something that never reached the rules, with the code's own message.
    #[must_use]
    pub const fn new(code: Code) -> Self {
        Self {
            code,
            message: Cow::Borrowed(code.message()),
            temporary: code.is_temporary(),
            outcome: Outcome::NotExecuted,
            retry_after_ms: None,
            details: Details::None,
            replayed: false,
        }
    }

    /// The same with another message.
    #[must_use]
    pub fn saying(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.message = message.into();
        self
    }

    /// The same with advice when to try again.
    #[must_use]
    pub const fn retry_after(mut self, ms: u64) -> Self {
        self.retry_after_ms = Some(ms);
        self
    }

    /// A parameter that is not what it must be.
    #[must_use]
    pub fn invalid(
        field: impl Into<Cow<'static, str>>,
        expected: impl Into<Cow<'static, str>>,
        got: Option<String>,
    ) -> Self {
        let (field, expected) = (field.into(), expected.into());
        let message = match &got {
            Some(got) => format!("`{field}` must be {expected}; it is {got}"),
            None => format!("`{field}` must be {expected}"),
        };
        let details = Details::Invalid(Box::new(Invalid { field, expected, got, did_you_mean: None }));
        Self { message: Cow::Owned(message), details, ..Self::new(Code::InvalidRequest) }
    }

    /// A rule that said no.
    #[must_use]
    pub fn rejected(rejection: Rejection, replayed: bool) -> Self {
        Self {
            code: Code::of_rejection(&rejection),
            message: Cow::Borrowed(rejection.message()),
            temporary: rejection.is_temporary(),
            outcome: Outcome::Rejected,
            retry_after_ms: None,
            details: Details::Rule(Box::new(rejection)),
            replayed,
        }
    }

    /// What the engine says of something that never reached the rules.
    #[must_use]
    pub fn not_executed(why: NotExecuted, retry_after_ms: u32, message: &str) -> Self {
        let mut error = Self::new(Code::of_not_executed(why));
        if !message.is_empty() {
            error.message = Cow::Owned(message.to_owned());
        }
        error.retry_after_ms = (retry_after_ms > 0).then_some(u64::from(retry_after_ms));
        error
    }

    /// How many fields it has.
    const fn fields(&self) -> usize {
        6 + self.replayed as usize
    }

    /// Writes the fields into a map; `problem+json` writes some of its own before them.
    ///
    /// # Errors
    /// Whatever the serializer says.
    pub fn serialize_fields<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        map.serialize_entry("code", self.code.as_str())?;
        map.serialize_entry("message", &self.message)?;
        map.serialize_entry("temporary", &self.temporary)?;
        map.serialize_entry("outcome", self.outcome.as_str())?;
        map.serialize_entry("retry_after_ms", &self.retry_after_ms)?;
        map.serialize_entry("details", &self.details)?;
        if self.replayed {
            map.serialize_entry("replayed", &true)?;
        }
        Ok(())
    }
}

impl Serialize for WireError {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.fields()))?;
        self.serialize_fields(&mut map)?;
        map.end()
    }
}

/// An error as `application/problem+json` (RFC 9457): its own fields beside `type`, `title` and `status`.
#[derive(Debug)]
pub struct Problem<'a>(pub &'a WireError);

impl Serialize for Problem<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", "about:blank")?;
        map.serialize_entry("title", self.0.code.as_str())?;
        map.serialize_entry("status", &self.0.code.http_status())?;
        self.0.serialize_fields(&mut map)?;
        map.end()
    }
}
