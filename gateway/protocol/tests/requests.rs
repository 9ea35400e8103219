//! Requests in both encodings: what is read, what is refused and how, and that nothing ever panics.
#![allow(clippy::unwrap_used)] // A test that cannot go on says so by panicking.

use proptest::prelude::*;
use serde_json::{Value, json};
use vendue_domain::actor::Command;
use vendue_domain::id::LotId;
use vendue_domain::lot::LotCommand;
use vendue_protocol::query::Query;
use vendue_protocol::wire::limits::FRAME_MESSAGES;
use vendue_protocol::wire::{Call, Details, Encoding, Failed, Request, SessionCall, frame};

const LOT: &str = "lot_01J9ZZZZZZZZZZZZZZZZZZZZZZ";
const MARKET: &str = "mkt_01J9ZZZZZZZZZZZZZZZZZZZZZZ";
const ACCOUNT: &str = "acc_01J9ZZZZZZZZZZZZZZZZZZZZZZ";
const BOOK: &str = "bok_01J9ZZZZZZZZZZZZZZZZZZZZZZ";
const BOOK_ORDER: &str = "bko_01J9ZZZZZZZZZZZZZZZZZZZZZZ";
const ORDER: &str = "ord_01J9ZZZZZZZZZZZZZZZZZZZZZZ";

fn encode(encoding: Encoding, value: &Value) -> Vec<u8> {
    match encoding {
        Encoding::Json => serde_json::to_vec(value).unwrap(),
        Encoding::MessagePack => rmp_serde::to_vec_named(value).unwrap(),
    }
}

/// Reads one message in both encodings and hands each result to `inspect`.
fn check(value: &Value, inspect: impl Fn(Result<Request<'_>, Failed>)) {
    for encoding in Encoding::ALL {
        for wrapped in [value.clone(), json!([value])] {
            let bytes = encode(encoding, &wrapped);
            let mut messages = frame(encoding, &bytes);
            inspect(messages.next().unwrap_or_else(|| panic!("{encoding:?} {wrapped}: no message")));
            assert!(messages.next().is_none(), "{encoding:?} {wrapped}: one message only");
        }
    }
}

/// A message that is refused: the id that is read, the code, the field in the details, and the suggestion.
fn refused(value: Value, id: Option<u64>, code: &str, field: &str, suggestion: Option<&str>) {
    check(&value, |read| {
        let failed = read.expect_err(&value.to_string());
        assert_eq!((failed.id, failed.error.code.as_str()), (id, code), "{value}: {:?}", failed.error);
        let Details::Invalid(invalid) = &failed.error.details else {
            panic!("{value}: {:?}", failed.error);
        };
        assert_eq!(
            (invalid.field.as_ref(), invalid.did_you_mean),
            (field, suggestion),
            "{value}: {:?}",
            failed.error
        );
    });
}

fn bid(params: Value) -> Value {
    json!({"id": 7, "method": "lot.bid", "params": params})
}

#[test]
fn the_protocols_requests_are_read() {
    for (value, name) in [
        (
            json!({"id":1,"method":"connect","params":{"token":"x","client":{"name":"x","version":"1"},"batch":false}}),
            "connect",
        ),
        (json!({"id":1,"method":"connect"}), "connect"),
        (json!({"id":0,"method":"ping","params":{"t0":1.5}}), "ping"),
        (json!({"id":2,"method":"subscriptions","params":null}), "subscriptions"),
        (json!({"id":2,"method":"authenticate","params":{"token":"a\"b"}}), "authenticate"),
        (
            json!({"id":2,"method":"subscribe","params":{"channel":"account","snapshot":true,"resume":{"epoch":"9f2c","seq":4},"mode":"latest"}}),
            "subscribe",
        ),
        (bid(json!({"lot":LOT,"amount":10500,"key":"k"})), "lot.bid"),
        (
            bid(json!({"lot":LOT,"amount":9007199254740991_u64,"key":"k","quantity":null,"deadline_ms":5})),
            "lot.bid",
        ),
        (json!({"id":3,"method":"lot.open","params":{"lot":LOT,"key":"é".repeat(64)}}), "lot.open"),
        (json!({"id":3,"method":"lot.open","key":"in the envelope","params":{"lot":LOT}}), "lot.open"),
        (
            json!({"id":3,"method":"lot.list","params":{"market":"mkt_01J9ZZZZZZZZZZZZZZZZZZZZZZ","format":"english","sort":"newest"}}),
            "lot.list",
        ),
        (
            json!({"id":3,"method":"book.create","params":{"market":MARKET,"title":"Coffee","tick":5,"lot_size":10,"reference":845,
                "self_trade":"cancel_both","funding":"full","currency":"EUR","key":"k"}}),
            "book.create",
        ),
        (
            json!({"id":3,"method":"book.place","params":{"book":BOOK,"side":"buy","type":"limit","quantity":10,"price":845,
                "time_in_force":"gtd","expires_at":1_795_376_105_000_000_i64,"post_only":true,"key":"k"}}),
            "book.place",
        ),
        (
            json!({"id":3,"method":"book.place","params":{"book":BOOK,"side":"sell","type":"market","quantity":1,"key":"k"}}),
            "book.place",
        ),
        (
            json!({"id":3,"method":"book.cancel","params":{"book":BOOK,"book_order":BOOK_ORDER,"key":"k"}}),
            "book.cancel",
        ),
        (
            json!({"id":3,"method":"book.modify","params":{"book":BOOK,"book_order":BOOK_ORDER,"quantity":5,"price":850,"key":"k"}}),
            "book.modify",
        ),
        (
            json!({"id":3,"method":"book.auction","params":{"book":BOOK,"action":"start","duration_ms":60_000,"random_end_ms":5_000,"key":"k"}}),
            "book.auction",
        ),
        (json!({"id":3,"method":"book.get","params":{"book":BOOK}}), "book.get"),
        (json!({"id":3,"method":"book.list","params":{"market":MARKET,"limit":5}}), "book.list"),
        (json!({"id":3,"method":"book.orders","params":{"book":BOOK}}), "book.orders"),
        (json!({"id":3,"method":"book.trades","params":{"book":BOOK,"limit":5}}), "book.trades"),
        (bid(json!({"lot":LOT,"amount":10500,"currency":"EUR","key":"k"})), "lot.bid"),
        (
            json!({"id":3,"method":"lot.take","params":{"lot":LOT,"quantity":2,"amount":4200,"currency":"EUR","key":"k"}}),
            "lot.take",
        ),
        (
            json!({"id":3,"method":"lot.stay","params":{"lot":LOT,"stay_until":9000,"currency":"EUR","key":"k"}}),
            "lot.stay",
        ),
        (bid(json!({"lot":LOT,"amount":10500,"stay_until":12000,"key":"k"})), "lot.bid"),
        (bid(json!({"lot":LOT,"amount":10500,"package":[1,3],"key":"k"})), "lot.bid"),
        (
            json!({"id":3,"method":"account.deposit","params":{"account":ACCOUNT,"amount":5,"currency":"EUR","reason":"r","key":"k"}}),
            "account.deposit",
        ),
        (
            json!({"id":3,"method":"account.withdraw","params":{"account":ACCOUNT,"goods":"stk_1","quantity":2,"reason":"r","key":"k"}}),
            "account.withdraw",
        ),
        (
            json!({"id":3,"method":"account.correct","params":{"account":ACCOUNT,"entry":"ent_01J9ZZZZZZZZZZZZZZZZZZZZZZ","amount":-5,
                "currency":"EUR","against":"fees","reason":"r","key":"k"}}),
            "account.correct",
        ),
        (
            json!({"id":3,"method":"account.collect_fees","params":{"account":ACCOUNT,"amount":5,"currency":"EUR","reason":"r","key":"k"}}),
            "account.collect_fees",
        ),
        (
            json!({"id":3,"method":"account.statement","params":{"currency":"EUR","from":1,"to":2,"limit":5}}),
            "account.statement",
        ),
        (
            json!({"id":3,"method":"market.set_fees","params":{"market":MARKET,"reason":"r","key":"k",
                "fees":{"buyers_premium":{"bands":[[0,250_000],[5_000_000,200_000]],"rounding":"half_up"}}}}),
            "market.set_fees",
        ),
        (
            json!({"id":3,"method":"order.place","params":{"key":"k","lines":[{"lot":LOT},
                {"stock":"stk_01J9ZZZZZZZZZZZZZZZZZZZZZZ","quantity":2},{"reservation":"rsv_01J9ZZZZZZZZZZZZZZZZZZZZZZ"}]}}),
            "order.place",
        ),
        (json!({"id":3,"method":"order.pay","params":{"order":ORDER,"key":"k"}}), "order.pay"),
        (
            json!({"id":3,"method":"order.cancel","params":{"order":ORDER,"reason":"r","key":"k"}}),
            "order.cancel",
        ),
        (
            json!({"id":3,"method":"order.mark_paid","params":{"order":ORDER,"reference":"4711","key":"k"}}),
            "order.mark_paid",
        ),
        (
            json!({"id":3,"method":"order.refund","params":{"order":ORDER,"amount":5,"currency":"EUR","reason":"r","key":"k"}}),
            "order.refund",
        ),
        (
            json!({"id":3,"method":"order.mark_delivered","params":{"order":ORDER,"key":"k"}}),
            "order.mark_delivered",
        ),
        (json!({"id":3,"method":"order.complete","params":{"order":ORDER,"key":"k"}}), "order.complete"),
        (json!({"id":3,"method":"order.get","params":{"order":ORDER}}), "order.get"),
        (
            json!({"id":3,"method":"order.list","params":{"market":MARKET,"state":"paid","limit":5}}),
            "order.list",
        ),
        (
            json!({"id":4,"method":"lot.create","params":{"market":"mkt_01J9ZZZZZZZZZZZZZZZZZZZZZZ","title":"Chair","format":"english",
            "opens_at":1,"closes_at":2,"start_amount":100,"soft_close":{"window_ms":1,"extend_ms":2},"estimate":[1,2],"key":"k","ref":"17"}}),
            "lot.create",
        ),
    ] {
        check(&value, |read| {
            let request = read.unwrap_or_else(|failed| panic!("{value}: {failed:?}"));
            assert_eq!(request.method.name, name);
            assert_eq!(Some(request.id), value["id"].as_u64());
        });
    }
}

#[test]
fn bad_requests_are_refused_by_name() {
    let id = Some(7);
    refused(bid(json!({"lot":LOT,"amount":10500})), id, "invalid_request", "key", None);
    refused(bid(json!({"lot":LOT,"amount":10500,"key":""})), id, "invalid_request", "key", None);
    refused(bid(json!({"lot":LOT,"amount":10500,"key":"k".repeat(65)})), id, "invalid_request", "key", None);
    refused(bid(json!({"lot":LOT,"key":"k"})), id, "invalid_request", "amount", None);
    refused(bid(json!({"lot":LOT,"key":"k","amount":0})), id, "amount_out_of_range", "amount", None);
    refused(bid(json!({"lot":LOT,"key":"k","amount":-5})), id, "amount_out_of_range", "amount", None);
    refused(
        bid(json!({"lot":LOT,"key":"k","amount":1_u64 << 53})),
        id,
        "amount_out_of_range",
        "amount",
        None,
    );
    refused(bid(json!({"lot":LOT,"key":"k","amount":1e300})), id, "amount_out_of_range", "amount", None);
    refused(bid(json!({"lot":LOT,"key":"k","amount":10500.0})), id, "invalid_request", "amount", None);
    refused(bid(json!({"lot":LOT,"key":"k","amount":"10500"})), id, "invalid_request", "amount", None);
    refused(bid(json!({"lot":"lot_x","key":"k","amount":1})), id, "invalid_request", "lot", None);
    refused(bid(json!({"lot":LOT,"key":"k","amonut":1})), id, "invalid_request", "amonut", Some("amount"));
    refused(
        bid(json!({"lot":LOT,"key":"k","amount":1,"currency":"euro"})),
        id,
        "invalid_request",
        "currency",
        None,
    );
    // Only what carries money has a currency beside it.
    let open = json!({"id":7,"method":"lot.open","params":{"lot":LOT,"key":"k","currency":"EUR"}});
    refused(open, id, "invalid_request", "currency", None);
    refused(bid(json!([LOT, 1, "k"])), id, "invalid_request", "params", None);
    refused(json!({"id":7,"method":"lot.bit","params":{}}), id, "unknown_method", "method", Some("lot.bid"));
    refused(json!({"id":7,"method":"nonsense"}), id, "unknown_method", "method", None);
    refused(json!({"id":7,"method":8}), id, "invalid_request", "method", None);
    refused(json!({"id":7}), id, "invalid_request", "method", None);
    refused(json!({"method":"ping"}), None, "invalid_request", "id", None);
    refused(json!({"id":"x","method":"ping"}), None, "invalid_request", "id", None);
    refused(json!({"id":1_u64 << 53,"method":"ping"}), None, "invalid_request", "id", None);
    refused(json!({"id":-1,"method":"ping"}), None, "invalid_request", "id", None);
    refused(
        json!({"id":7,"method":"command.result","params":{"target":LOT}}),
        id,
        "invalid_request",
        "key",
        None,
    );
    refused(json!(17), None, "invalid_request", "message", None);
    let nested = json!({"id":7,"method":"lot.create","params":{"key":"k","market":"mkt_01J9ZZZZZZZZZZZZZZZZZZZZZZ","title":"x",
        "format":"english","start_amount":1,"soft_close":{"window_ms":"x","extend_ms":2}}});
    refused(nested, id, "invalid_request", "soft_close.window_ms", None);
    let format = json!({"id":7,"method":"lot.create","params":{"key":"k","market":"mkt_01J9ZZZZZZZZZZZZZZZZZZZZZZ","title":"x",
        "format":"englisch","start_amount":1}});
    refused(format, id, "invalid_request", "format", None);
}

#[test]
fn floats_are_no_money_and_the_message_says_so() {
    check(&bid(json!({"lot":LOT,"key":"k","amount":10500.0})), |read| {
        let failed = read.unwrap_err();
        assert!(failed.error.message.contains("never a float"), "{}", failed.error.message);
    });
}

#[test]
fn broken_json_keeps_its_id_where_it_can() {
    for (text, id, count) in [
        ("{\"id\":12,\"method\":\"lot.bid\",", Some(12), 1),
        ("{\"method\":\"ping\",\"id\":3,}", Some(3), 1),
        ("nonsense", None, 1),
        ("", None, 1),
        ("[{\"id\":1,\"method\":\"ping\"},{\"id\":2,\"method\"]", None, 2),
        ("[{\"id\":1,\"method\":\"ping\"} {\"id\":2}]", None, 1),
        ("{\"id\":1,\"method\":\"ping\"} trailing", None, 1),
    ] {
        let read: Vec<_> = frame(Encoding::Json, text.as_bytes()).collect();
        assert_eq!(read.len(), count, "{text}: {read:?}");
        if let Some(id) = id {
            assert_eq!(read[0].as_ref().unwrap_err().id, Some(id), "{text}");
        }
    }
    assert_eq!(frame(Encoding::Json, b"[]").count(), 0);
    assert_eq!(frame(Encoding::Json, b"\xFF\xFE").count(), 1);
}

#[test]
fn at_most_so_many_messages_a_frame() {
    let many: Vec<Value> = (0..FRAME_MESSAGES + 5).map(|id| json!({"id": id, "method": "ping"})).collect();
    for encoding in Encoding::ALL {
        let bytes = encode(encoding, &json!(many));
        let read: Vec<_> = frame(encoding, &bytes).collect();
        assert_eq!(read.len(), FRAME_MESSAGES + 1);
        assert!(read[..FRAME_MESSAGES].iter().all(Result::is_ok));
        assert_eq!(read[FRAME_MESSAGES].as_ref().unwrap_err().error.code.as_str(), "payload_too_large");
    }
}

#[test]
fn the_key_of_a_result_stands_beside_the_question() {
    check(&json!({"id":1,"method":"command.result","params":{"target":LOT,"key":"abc"}}), |read| {
        let Call::Query(Query::CommandResult((asked, key))) = read.unwrap().call else { panic!() };
        assert_eq!((asked.target.as_str(), key.as_str()), (LOT, "abc"));
    });
}

#[test]
fn the_currency_stands_beside_the_command() {
    for (params, expected) in [
        (json!({"lot":LOT,"amount":1,"key":"k"}), None),
        (json!({"lot":LOT,"amount":1,"key":"k","currency":"JPY"}), Some("JPY")),
    ] {
        check(&bid(params), |read| {
            let common = read.unwrap().common;
            assert_eq!(common.currency.as_ref().map(|currency| currency.code()), expected);
        });
    }
}

#[test]
fn a_session_call_keeps_its_arguments() {
    check(
        &json!({"id":1,"method":"subscribe","params":{"channel":"account","resume":{"epoch":"e","seq":9}}}),
        |read| {
            let Call::Session(SessionCall::Subscribe(subscribe)) = read.unwrap().call else { panic!() };
            assert_eq!(subscribe.channel, "account");
            assert_eq!(subscribe.resume.map(|resume| resume.seq), Some(9));
        },
    );
}

proptest! {
    /// The hand-written reader and the general one agree. An unknown field in the envelope, which is ignored, sends a
    /// request to the general one.
    #[test]
    fn fast_and_general_readers_agree(
        lot in any::<u128>(), amount in prop_oneof![any::<u64>(), 1_u64..1_000_000, Just((1 << 53) - 1)], id in any::<u64>(),
        key in "[ -~é\n]{0,70}", deadline in proptest::option::of(any::<u64>()), quantity in proptest::option::of(0_u64..50),
        flag in proptest::option::of(any::<bool>()),
    ) {
        let mut params = json!({"lot": LotId::from_u128(lot).to_string(), "amount": amount, "key": key});
        for (name, value) in [("deadline_ms", deadline.map(Value::from)), ("quantity", quantity.map(Value::from)), ("validate_only", flag.map(Value::from))] {
            if let Some(value) = value {
                params[name] = value;
            }
        }
        let plain = json!({"id": id, "method": "lot.bid", "params": params});
        let mut odd = plain.clone();
        odd["zz"] = json!(true);
        for encoding in Encoding::ALL {
            let (plain, odd) = (encode(encoding, &plain), encode(encoding, &odd));
            let one: Vec<_> = frame(encoding, &plain).collect();
            let other: Vec<_> = frame(encoding, &odd).collect();
            prop_assert_eq!(&one, &other);
            if let Ok(request) = &one[0] {
                let Call::Command(Command::Lot(LotCommand::Bid(bid))) = &request.call else { panic!() };
                prop_assert_eq!((bid.lot.0.as_u128(), bid.amount.get()), (lot, amount));
            }
        }
    }

    /// Whatever comes in, something is answered and nothing panics.
    #[test]
    fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        for encoding in Encoding::ALL {
            prop_assert!(frame(encoding, &bytes).count() <= FRAME_MESSAGES + 1);
        }
    }

    /// Damaged requests too: one byte of a good one is changed, or its end is missing.
    #[test]
    fn damaged_requests_are_answered(at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>()) {
        let good = json!([bid(json!({"lot": LOT, "amount": 10500, "key": "k", "quantity": 3})), {"id": 8, "method": "lot.get", "params": {"lot": LOT}}]);
        for encoding in Encoding::ALL {
            let mut bytes = encode(encoding, &good);
            let cut = cut.index(bytes.len());
            prop_assert!(frame(encoding, &bytes[..cut]).count() <= 3);
            let at = at.index(bytes.len());
            bytes[at] = byte;
            prop_assert!(frame(encoding, &bytes).count() <= FRAME_MESSAGES + 1);
        }
    }
}
