"""The parts that know neither sockets nor timers."""

from __future__ import annotations

import os
import secrets
from random import Random
from typing import Any

import pytest

from vendue import Backoff, Event, Position, ServerClock, new_id, new_key
from vendue._backoff import advice_of, reconnect_delay
from vendue._channel import ChannelCore, change_levels, fold_for
from vendue._codec import Codec, Json, MessagePack
from vendue._tokens import expiry_of, renew_in
from vendue.errors import NotExecuted, Rejected, of_wire


@pytest.mark.parametrize(
    ("code", "failures", "least", "most"),
    [
        (1006, 0, 0.0, 0.25),
        (1006, 3, 0.0, 2.0),
        (1006, 99, 0.0, 15.0),
        (4101, 0, 1.0, 1.25),
        (4102, 99, 1.0, 15.0),
        (4201, 0, 0.0, 0.0),
        (4203, 1, 0.0, 0.5),
        (4003, 0, None, None),
        (4009, 5, None, None),
    ],
)
def test_when_to_come_back(code: int, failures: int, least: float | None, most: float | None) -> None:
    assert reconnect_delay(code, failures, Backoff(), lambda: 0.0) == least
    assert reconnect_delay(code, failures, Backoff(), lambda: 1.0) == most


def test_close_codes_have_their_meaning() -> None:
    assert [advice_of(code) for code in (1000, 4000, 4099, 4100, 4199, 4200, 4299, 4300)] == [
        "retry",
        "never",
        "never",
        "back_off",
        "back_off",
        "at_once",
        "at_once",
        "retry",
    ]


def test_ids_and_keys() -> None:
    ids = {new_id("lot") for _ in range(500)}
    assert len(ids) == 500
    assert all(len(one) == 30 and one[4] in "01234567" and not set(one[4:]) & set("ILOU") for one in ids)
    assert len(new_key()) == 24


def test_the_fastest_exchange_tells_the_time() -> None:
    local = 1_000_000
    clock = ServerClock(lambda: local)
    assert (clock.rtt_us, clock.error_us, clock.now()) == (None, None, local)
    # The server is 500 us ahead; the second answer is slow on its way back.
    clock.sample(local - 100, local + 450, local + 450)
    assert (clock.offset_us, clock.rtt_us, clock.error_us) == (500, 100, 50)
    clock.sample(local - 10_000, local - 9_450, local - 9_450)
    assert clock.offset_us == 500
    # Impossible times are ignored; a stepped clock is believed.
    clock.sample(local + 5, local, local)
    assert clock.offset_us == 500
    clock.sample(local - 200, local + 60_000_000, local + 60_000_000)
    assert clock.offset_us == 60_000_100


@pytest.mark.parametrize("codec", [Json(), MessagePack()])
def test_frames_come_back(codec: Codec) -> None:
    messages: list[dict[str, Any]] = [{"id": number, "params": {"title": "Ünïcode", "amount": 2**53 - 1}} for number in range(40)]
    encoded = [codec.encode(message) for message in messages]
    assert codec.decode(codec.frame(encoded)) == messages
    assert codec.decode(codec.frame(encoded[:1])) == messages[0]
    for nonsense in (b"\xc1", "{", "[" * 100_000):
        with pytest.raises(ValueError):
            codec.decode(nonsense)


def test_errors_of_the_wire() -> None:
    low = of_wire(
        {"code": "bid_too_low", "message": "", "outcome": "rejected", "details": {"min_next_amount": 5}, "replayed": True}
    )
    assert isinstance(low, Rejected)
    assert (str(low), low.details["min_next_amount"], low.replayed) == ("bid_too_low", 5, True)
    busy = of_wire({"code": "overloaded", "message": "busy", "outcome": "not_executed", "temporary": True, "retry_after_ms": 7})
    assert isinstance(busy, NotExecuted)
    assert (busy.temporary, busy.retry_after_ms, str(busy)) == (True, 7, "overloaded: busy")
    assert of_wire(None).code == "internal"


def test_tokens_tell_when_they_end() -> None:
    # {"exp": 1800000000}
    assert expiry_of("e30.eyJleHAiOjE4MDAwMDAwMDB9.x") == 1_800_000_000_000_000
    for unknown in (None, "opaque", "a.b.c", "e30.e30.x", "e30.eyJleHAiOiJ4In0.x"):
        assert expiry_of(unknown) is None
    assert renew_in(3_600_000_000, 0) == 3_540
    assert renew_in(10_000_000, 0) == 8
    assert renew_in(5, 10) == 0


def event(kind: str, **data: Any) -> Event:
    return Event("x", "e", 1, 0, kind, data, 1)


@pytest.mark.parametrize(
    ("channel", "before", "what", "after"),
    [
        (
            "lot:1",
            {"state": "open", "price": 1},
            event("price_changed", price=2, bidder="b", units=1),
            {"state": "open", "price": 2},
        ),
        ("lot:1", {"state": "open"}, event("time_extended", old_ends_at=1, ends_at=2), {"state": "open", "ends_at": 2}),
        ("lot:1", {"state": "open"}, event("lot_closed", result="sold"), {"state": "closed", "result": "sold"}),
        ("lot:1", {"newer": 1}, event("price_changed", newer=2, unknown=3), {"newer": 2}),
        ("stock:1", {"available": 3}, event("stock_changed", available=2), {"available": 2}),
        ("market:1", {"state": "open"}, event("lots_changed", lots=[]), {"state": "open"}),
        ("market:1", {"state": "open"}, event("market_state", state="halted"), {"state": "halted"}),
        ("account", {"balances": []}, event("outbid", lot="l", price=3), {"balances": []}),
        (
            "account",
            {"balances": [{"currency": "EUR", "balance": 1}, {"currency": "JPY", "balance": 2}]},
            event("hold_placed", hold="h", currency="EUR", balance=9, held=4, available=5),
            {"balances": [{"currency": "JPY", "balance": 2}, {"currency": "EUR", "balance": 9, "held": 4, "available": 5}]},
        ),
        ("book:1", {"last_trade": None}, event("trade", price=1), {"last_trade": {"price": 1}}),
        ("book:1", {"indicative": 1}, event("auction_indicative", price=None, volume=0), {"indicative": None}),
        (
            "book:1",
            {"bids": [[100, 5], [90, 1]], "asks": [[110, 4]]},
            event(
                "book_changed", bids=[[95, 2], [100, 0]], asks=[[105, 1]], trades=[{"price": 1}, {"price": 2}], trades_left_out=3
            ),
            {"bids": [[95, 2], [90, 1]], "asks": [[105, 1], [110, 4]], "last_trade": {"price": 2}},
        ),
    ],
)
def test_folds(channel: str, before: Any, what: Event, after: Any) -> None:
    kept = repr(before)
    assert fold_for(channel)(before, what) == after
    assert repr(before) == kept, "never changed in place"


def test_levels_add_up_however_they_come() -> None:
    seed = int(os.environ.get("VENDUE_SEED") or secrets.randbelow(2**31))
    print(f"VENDUE_SEED={seed}")
    random = Random(seed)
    for highest_first in (True, False):
        truth: dict[int, int] = {}
        levels: list[Any] = []
        for _ in range(500):
            changes = [[random.randrange(40), random.randrange(3)] for _ in range(random.randrange(4))]
            for price, quantity in changes:
                truth[price] = quantity
            levels = change_levels(levels, changes, highest_first=highest_first)
            expected = sorted(([price, quantity] for price, quantity in truth.items() if quantity), reverse=highest_first)
            assert levels == expected


def numbered(seq: int, first: int = 0, epoch: str = "e") -> Event:
    return Event("lot:1", epoch, seq, 0, "price_changed", {"price": seq}, first or seq)


def test_a_stream_is_taken_in_order_only() -> None:
    core = ChannelCore("lot:1")
    heard: list[int | None] = []

    def hear(one: Event | None) -> None:
        heard.append(one.seq if one else None)

    assert core.take(numbered(5)) == "held"
    assert core.settle({"epoch": "e", "seq": 4, "resumed": False, "snapshot": {"price": 4}}, hear)
    assert (heard, core.position, core.state) == ([None, 5], Position("e", 5), {"price": 5})
    assert [core.take(one) for one in (numbered(5), numbered(7), numbered(6), numbered(9, 7), numbered(10, epoch="f"))] == [
        "duplicate",
        "gap",
        "applied",
        "applied",
        "epoch",
    ]
    assert core.is_behind(10)
    assert not core.is_behind(9)
    # A resume that leaves something out is no resume.
    core.begin_sync()
    assert not core.settle({"epoch": "e", "seq": 11, "resumed": True, "events": []}, hear)
    assert core.position is None
