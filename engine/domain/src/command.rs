//! What somebody asks for. A command's table (`command!`) gives both its bytes on the link and its parameters on the wire.

use std::borrow::Cow;

use crate::actor::ActorAddress;
use crate::amount::Currency;
use crate::record::Field;

/// The parameters every command takes besides its own.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Common<'a> {
    /// The client's key, 1 to 64 characters; checked by the gateway.
    pub key: Option<Cow<'a, str>>,
    /// How long the command may wait for its decision, in milliseconds.
    pub deadline_ms: Option<u64>,
    /// The currency that the caller takes its amounts to be in; another than the market's is refused
    /// (`currency_mismatch`). Only of commands that carry money and name no currency of their own.
    pub currency: Option<Currency>,
}

/// A command as it stands in a request's `params`, with the common parameters beside its own.
pub trait Params<'a>: serde::Deserialize<'a> {
    /// What remains when the common parameters are taken out.
    type Command;

    /// The names of all parameters, for a suggestion where one is unknown.
    const NAMES: &'static [&'static str];

    /// Separates the common parameters from the command.
    fn split(self) -> (Common<'a>, Self::Command);
}

/// A field's name as it stands on the wire: `ref` where Rust has to write `r#ref`.
#[must_use]
pub const fn wire_name(field: &'static str) -> &'static str {
    match field.as_bytes() {
        [b'r', b'#', rest @ ..] => match std::str::from_utf8(rest) {
            Ok(name) => name,
            Err(_) => field,
        },
        _ => field,
    }
}

/// A command that is meant for one actor.
pub trait Targeted {
    /// The actor that decides it; `None` where a creation has not been given its id yet.
    fn target(&self) -> Option<ActorAddress>;
}

/// The hash by which "created again with the same content" is told: of the command's bytes.
#[must_use]
pub fn content_hash(command: &impl Field) -> u64 {
    xxhash_rust::xxh3::xxh3_64(&command.to_bytes())
}

/// Defines a command: the record of its fields and the structure that `params` are read into.
///
/// Field names are the wire's names. `Option` fields may be missing on the wire and are absent in the bytes. Fields in
/// an `engine` block are the engine's own: on the link and in the engine, never read from or shown on the wire. A command
/// `in currency` carries money: on the wire `currency` may stand beside its amounts, and is checked against the market's.
#[macro_export]
macro_rules! command {
    ($(#[$meta:meta])* $vis:vis struct $name:ident / $params:ident $(in $currency:ident)? {
        $( $(#[$field_meta:meta])* $key:literal => $field:ident : $type:ty ),* $(,)?
    } $( engine { $( $(#[$own_meta:meta])* $own_key:literal => $own:ident : $own_type:ty ),* $(,)? } )? ) => {
        $crate::record! {
            $(#[$meta])*
            #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
            $vis struct $name {
                $( $(#[$field_meta])* $key => pub $field: $type, )*
                $($( $(#[$own_meta])* #[serde(skip)] $own_key => pub $own: $own_type, )*)?
            }
        }

        #[doc = concat!("The wire's parameters of [`", stringify!($name), "`].")]
        #[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
        #[serde(deny_unknown_fields)]
        #[allow(missing_docs)]
        $vis struct $params<'a> {
            #[serde(borrow, default)]
            pub key: Option<std::borrow::Cow<'a, str>>,
            #[serde(default)]
            pub deadline_ms: Option<u64>,
            $( #[serde(default)] pub $currency: Option<$crate::amount::Currency>, )?
            $( $(#[$field_meta])* pub $field: $type, )*
        }

        impl<'a> $crate::command::Params<'a> for $params<'a> {
            type Command = $name;
            const NAMES: &'static [&'static str] = &["key", "deadline_ms", $( stringify!($currency), )? $( $crate::command::wire_name(stringify!($field)) ),*];

            fn split(self) -> ($crate::command::Common<'a>, $name) {
                let common =
                    $crate::command::Common { key: self.key, deadline_ms: self.deadline_ms, currency: None };
                $( let common = $crate::command::Common { $currency: self.$currency, ..common }; )?
                (common, $name {
                    $( $field: self.$field, )*
                    $($( $own: Default::default(), )*)?
                })
            }
        }
    };
}
