//! The JSON Schema of what writes and reads its JSON by hand; everything else derives its own. The documents that the gateway
//! serves (`/openapi.json`, `/asyncapi.json`) are made of them, so that they cannot tell anything that is not so.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::amount::{AMOUNT_MAX, Amount, CURRENCIES, Currency};
use crate::book::Side;
use crate::lot::{Digest, Package, Seed};
use crate::order::{OrderSnapshot, OrderView};
use crate::publication::Alias;
use crate::time::Timestamp;

/// A type with a name of its own in the documents and a fixed schema.
macro_rules! shapes {
    ($($type:ty, $name:literal, $schema:expr;)+) => {$(
        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    )+};
}

shapes! {
    Amount, "Amount", json_schema!({
        "type": "integer", "minimum": 1, "maximum": AMOUNT_MAX,
        "description": "Money or a price in minor units of the currency (cents, yen); never a fraction."
    });
    Currency, "Currency", json_schema!({
        "type": "string", "enum": CURRENCIES.iter().map(|(code, _, _)| *code).collect::<Vec<_>>(),
        "description": "An ISO 4217 code; `GET /v1/currencies` tells how many decimals each has."
    });
    Timestamp, "Timestamp", json_schema!({
        "type": "integer", "minimum": 0, "maximum": Timestamp::MAX.0,
        "description": "An instant in microseconds since the Unix epoch, by the server's clock."
    });
    Side, "Side", json_schema!({ "type": "string", "enum": ["buy", "sell"] });
    Package, "Package", json_schema!({
        "type": "array", "items": { "type": "integer", "minimum": 1 }, "minItems": 1, "uniqueItems": true,
        "description": "The numbers of a combinatorial lot's items, from 1."
    });
    Digest, "Digest", json_schema!({
        "type": "string", "pattern": "^[0-9a-f]{64}$", "description": "A SHA-256."
    });
    Seed, "Seed", json_schema!({
        "type": "string", "pattern": "^[0-9a-f]{32}$", "description": "What a candle auction's end is drawn from."
    });
    Alias, "Alias", json_schema!({
        "type": "string", "description": "What a bidder is called in one lot or sale; it names nobody."
    });
}

impl JsonSchema for OrderSnapshot {
    fn schema_name() -> Cow<'static, str> {
        OrderView::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        OrderView::json_schema(generator)
    }
}
