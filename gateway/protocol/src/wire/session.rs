//! The requests that concern the connection itself: they never reach the engine's rules.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use vendue_domain::command::{Common, Params};

/// The common parameters and the arguments of a session's request, in one structure as commands have them.
macro_rules! session_params {
    ($($(#[$meta:meta])* $name:ident / $params:ident { $( $(#[$field_meta:meta])* $field:ident : $type:ty ),* $(,)? })+) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name<'a> { $( $(#[$field_meta])* pub $field: $type, )* #[doc(hidden)] pub borrowed: std::marker::PhantomData<&'a ()> }

        #[derive(Deserialize, schemars::JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub(crate) struct $params<'a> {
            #[serde(borrow, default)]
            key: Option<Cow<'a, str>>,
            #[serde(default)]
            deadline_ms: Option<u64>,
            $( $(#[$field_meta])* #[serde(default)] $field: $type, )*
        }

        impl<'a> Params<'a> for $params<'a> {
            type Command = $name<'a>;
            const NAMES: &'static [&'static str] = &["key", "deadline_ms", $( stringify!($field) ),*];

            fn split(self) -> (Common<'a>, $name<'a>) {
                (
                    Common { key: self.key, deadline_ms: self.deadline_ms, currency: None },
                    $name { $( $field: self.$field, )* borrowed: std::marker::PhantomData },
                )
            }
        }
    )+};
}

/// What a client says of itself, for the logs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, schemars::JsonSchema)]
pub struct ClientInfo {
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// Its version.
    #[serde(default)]
    pub version: String,
}

/// Where a client's copy of a channel stands.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resume {
    /// The epoch it heard.
    pub epoch: String,
    /// The last sequence number it has.
    pub seq: u64,
}

/// How many steps a watcher wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WatchMode {
    /// Every event.
    #[default]
    All,
    /// The newest state; steps that a newer one makes obsolete may be skipped.
    Latest,
}

/// A number that is given back as it came.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize, schemars::JsonSchema)]
#[serde(untagged)]
pub enum Echo {
    /// An integer.
    Integer(i64),
    /// A fraction, `performance.now()` of a browser say.
    Fraction(f64),
}

session_params! {
    /// `connect`: the first message of a connection.
    Connect / ConnectParams {
        /// A JWT; absent: a guest, or the token of the upgrade's `Authorization` header.
        token: Option<Cow<'a, str>>,
        /// What the client says of itself.
        client: Option<ClientInfo>,
        /// Whether replies and events may come back in arrays.
        batch: Option<bool>,
    }
    /// `authenticate`: upgrades or refreshes a live connection.
    Authenticate / AuthenticateParams {
        /// A JWT.
        token: Option<Cow<'a, str>>,
    }
    /// `ping`.
    Ping / PingParams {
        /// Comes back in the reply.
        t0: Option<Echo>,
    }
    /// `subscribe`.
    Subscribe / SubscribeParams {
        /// The channel's name.
        channel: Cow<'a, str>,
        /// Whether a snapshot is wanted; `true` where absent.
        snapshot: Option<bool>,
        /// What the client has already.
        resume: Option<Resume>,
        /// Every step or the newest state.
        mode: Option<WatchMode>,
    }
    /// `unsubscribe`.
    Unsubscribe / UnsubscribeParams {
        /// The channel's name.
        channel: Cow<'a, str>,
    }
    /// `subscriptions`: what this connection watches.
    Subscriptions / SubscriptionsParams {}
}

/// A request that concerns the connection itself.
#[derive(Debug, Clone, PartialEq)]
pub enum SessionCall<'a> {
    /// See [`Connect`].
    Connect(Connect<'a>),
    /// See [`Authenticate`].
    Authenticate(Authenticate<'a>),
    /// See [`Ping`].
    Ping(Ping<'a>),
    /// See [`Subscribe`].
    Subscribe(Subscribe<'a>),
    /// See [`Unsubscribe`].
    Unsubscribe(Unsubscribe<'a>),
    /// See [`Subscriptions`].
    Subscriptions,
}
