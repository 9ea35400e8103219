"""Subscriptions against a server whose lines the test speaks: the stream is checked, folded, and healed."""

from __future__ import annotations

from vendue import (
    Event,
    Overrun,
    Position,
    Snapshot,
    StreamFault,
)

from .fake import until
from .world import live, refusal


async def test_snapshot_and_events_are_the_state() -> None:
    async with live() as (server, client):
        server.channel("lot:1", {"title": "A clock", "price": 0, "state": "scheduled"})
        lot = client.watch_lot("1")
        assert (await lot.ready())["price"] == 0
        first = await anext(lot)
        assert isinstance(first, Snapshot)
        assert first.position == Position("e1", 0)
        server.publish("lot:1", "lot_opened", {})
        server.publish("lot:1", "price_changed", {"price": 5, "leader": "bidder-1"})
        server.publish("lot:1", "time_extended", {"old_ends_at": 7, "ends_at": 9})
        kinds = [await anext(lot) for _ in range(3)]
        assert [one.type for one in kinds if isinstance(one, Event)] == ["lot_opened", "price_changed", "time_extended"]
        assert lot.state == {"title": "A clock", "price": 5, "state": "open", "leader": "bidder-1", "ends_at": 9}
        # Who comes later begins with what is known; the last one to close unsubscribes.
        other = client.watch_lot("1")
        assert isinstance(await anext(other), Snapshot)
        other.close()
        other.close()
        assert [update async for update in other] == []
        lot.close()
        await until("unsubscribed", lambda: server.seen[-1]["method"] == "unsubscribe")
        assert client.stats().subscriptions == 0


async def test_the_newest_state_of_each_moment() -> None:
    async with live() as (server, client):
        server.channel("stock:1", {"available": 9})
        stock = client.watch_stock("1")
        shown = []
        async for state in stock.states():
            shown.append(state["available"])
            if len(shown) == 1:
                for left in (8, 7, 6):
                    server.publish("stock:1", "stock_changed", {"available": left})
                await until("all came", lambda: client.stats().events == 3)
            else:
                stock.close()
        assert shown == [9, 6]


async def test_gaps_duplicates_and_epochs_are_reported_and_healed() -> None:
    faults: list[StreamFault] = []
    async with live(on_fault=faults.append) as (server, client):
        server.channel("lot:1", {"price": 0})
        lot = client.subscribe("lot:1")
        await lot.ready()
        server.publish("lot:1", "price_changed", {"price": 1})
        server.publish("lot:1", "price_changed", {"price": 2}, lambda: "skip")
        server.publish("lot:1", "price_changed", {"price": 3}, lambda: "twice")
        await until("the hole is filled", lambda: (lot.state or {})["price"] == 3)
        server.publish("lot:1", "price_changed", {"price": 4}, lambda: "skip")
        server.heartbeat()
        await until("the silent hole is filled", lambda: (lot.state or {})["price"] == 4)
        server.publish("lot:1", "price_changed", {"price": 5}, lambda: "twice")
        await until("twice", lambda: client.stats().duplicates >= 1)
        assert client.stats().gaps == 2
        assert client.stats().resumed == 2
        updates = [await anext(lot) for _ in range(6)]
        assert [update.data["price"] for update in updates if isinstance(update, Event)] == [1, 2, 3, 4, 5]
        # The server was restored: another history, which begins with a snapshot.
        server.channels["lot:1"].epoch, server.channels["lot:1"].seq = "e2", 1
        server.publish("lot:1", "price_changed", {"price": 2})
        await until("the new history", lambda: lot.position == Position("e2", 2))
        assert isinstance(await anext(lot), Snapshot)
        assert client.stats().epochs >= 1
        assert {"gap", "silent_gap", "duplicate", "epoch"} <= {fault.kind for fault in faults}


async def test_a_skipped_range_that_is_said_is_no_gap() -> None:
    async with live() as (server, client):
        channel = server.channel("lot:1", {"price": 0})
        lot = client.subscribe("lot:1", mode="latest")
        await lot.ready()
        channel.seq = 4
        server.publish("lot:1", "price_changed", {"price": 5}, first=1)
        await until("it came", lambda: lot.position == Position("e1", 5))
        assert client.stats().gaps == 0
        event = [await anext(lot), await anext(lot)][1]
        assert isinstance(event, Event)
        assert (event.first, event.seq) == (1, 5)
        # Somebody else wants every step: the channel is asked for anew.
        both = client.subscribe("lot:1")
        await both.ready()
        assert server.seen[-1]["params"]["mode"] == "all"


async def test_a_slow_reader_is_told_and_memory_does_not_grow() -> None:
    async with live() as (server, client):
        server.channel("lot:1", {"price": 0})
        slow = client.subscribe("lot:1", buffer=10)
        await slow.ready()
        assert isinstance(await anext(slow), Snapshot)
        for price in range(1, 301):
            server.publish("lot:1", "price_changed", {"price": price})
        await until("all came", lambda: client.stats().events == 300)
        assert len(slow._buffer) <= 10
        told = await anext(slow)
        assert isinstance(told, Overrun)
        assert (told.missed, told.position.seq, told.state["price"]) == (300, 300, 300)
        server.publish("lot:1", "price_changed", {"price": 301})
        assert isinstance(await anext(slow), Event)
        assert client.stats().overruns == 1


async def test_a_subscription_continues_where_another_process_stood() -> None:
    async with live() as (server, client):
        server.channel("lot:1", {"price": 0})
        for price in range(1, 5):
            server.publish("lot:1", "price_changed", {"price": price})
        lot = client.subscribe("lot:1", since=Position("e1", 2), state={"price": 2, "title": "kept"})
        missed = [await anext(lot), await anext(lot)]
        assert [one.seq for one in missed if isinstance(one, Event)] == [3, 4]
        assert lot.state == {"price": 4, "title": "kept"}


async def test_a_subscription_that_is_refused_fails_once_and_says_so() -> None:
    async with live() as (_server, client):
        none = client.subscribe("lot:none")
        assert (await refusal(none.ready())).code == "unknown_channel"
        assert (await refusal(anext(none))).code == "unknown_channel"
        assert none.status == "failed"
        assert client.stats().subscriptions == 0
