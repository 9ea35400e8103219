"""Through cuts, stalls, torn frames, lost answers and forgotten history nothing is missing and nothing happens twice.

The scenario is `../torture.json`, the same for all clients.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import time
from pathlib import Path
from random import Random
from typing import Any

import pytest

from vendue import Backoff, Client, Event, Overrun, Position, RequestTimes, Snapshot, VendueError, new_key

from .fake import Answer, FakeServer, Fate, fake_server, until
from .market import PATIENCE, Market, auction
from .proxy import faulty_proxy

SCENARIO: dict[str, Any] = json.loads((Path(__file__).resolve().parents[2] / "torture.json").read_text(encoding="utf-8"))

SEEDS = [*SCENARIO["seeds"], int(os.environ.get("VENDUE_SEED") or secrets.randbelow(2**31))]


def client_of(url: str, random: Random, **more: Any) -> Client:
    times = SCENARIO["client"]
    return Client(
        url,
        proxy=None,
        backoff=Backoff(
            base=times["backoff_base_ms"] / 1000, cap=times["backoff_cap_ms"] / 1000, relief=times["backoff_relief_ms"] / 1000
        ),
        requests=RequestTimes(
            deadline_ms=times["deadline_ms"],
            grace_ms=times["grace_ms"],
            ask_again_ms=times["ask_again_ms"],
            resolve_ms=times["resolve_ms"],
        ),
        random=random.random,
        **more,
    )


class Watcher:
    """Reads a channel to its end, and keeps what came: the number of an event, minus that of a snapshot."""

    def __init__(self, client: Client, channel: str) -> None:
        self.subscription = client.subscribe(channel, buffer=1_000_000)
        self.steps: list[int] = []
        self.task = asyncio.get_running_loop().create_task(self._read())

    async def _read(self) -> None:
        async for update in self.subscription:
            assert not isinstance(update, Overrun)
            self.steps.append(update.seq if isinstance(update, Event) else -update.position.seq)

    def check(self, seed: int) -> None:
        """Each step follows the one before, or is a snapshot that is not older than it."""
        last = 0
        for step in self.steps:
            if step <= 0:
                assert -step >= last, f"{self.subscription.channel}: snapshot {-step} after {last}, seed {seed}"
            else:
                assert step == last + 1, f"{self.subscription.channel}: {step} after {last}, seed {seed}"
            last = abs(step)


def fates(random: Random) -> Fate:
    server = SCENARIO["server"]
    drawn = random.random()
    if drawn < server["skip_event"]:
        return "skip"
    return "twice" if drawn < server["skip_event"] + server["repeat_event"] else "deliver"


def make_forgetful(server: FakeServer, random: Random) -> None:
    """Some commands are lost before they are executed, some answers after."""
    server.ring_max = SCENARIO["server"]["ring_events"]
    for name in SCENARIO["channels"]:
        server.channel(name, {"price": 0, "state": "open"})
    server.command("lot.bid", lambda params: ("ok", {"status": "leading", "price": params["amount"]}))
    execute = server.handlers["lot.bid"]

    def bid(params: dict[str, Any]) -> Answer:
        fate = random.random()
        if fate < SCENARIO["server"]["lose_command"]:
            return None
        answer = execute(params)
        return None if fate < SCENARIO["server"]["lose_command"] + SCENARIO["server"]["lose_answer"] else answer

    server.handlers["lot.bid"] = bid


async def told(work: Any) -> str:
    """`ok`, or code and outcome."""
    try:
        await work
    except VendueError as error:
        return f"{error.code} {error.outcome}"
    return "ok"


async def rounds(server: FakeServer, client: Client, random: Random) -> dict[str, list[asyncio.Task[str]]]:
    """Everything that happens; the bids by their keys."""
    chance = SCENARIO["round"]
    bids: dict[str, list[asyncio.Task[str]]] = {}
    for number in range(1, SCENARIO["rounds"] + 1):
        name = random.choice(SCENARIO["channels"])
        kind = "market_state" if name.startswith("market:") else "price_changed"
        server.publish(name, kind, {"price": number, "state": "open"}, lambda: fates(random))
        if random.random() < chance["bid"]:
            key = new_key()
            times = 2 if random.random() < chance["same_key_twice"] else 1
            work = [told(client.lot.bid(lot="lot_1", amount=number, key=key)) for _ in range(times)]
            bids[key] = [asyncio.create_task(one) for one in work]
        if random.random() < chance["close"]:
            await server.drop(chance["close_code"])
        if random.random() < chance["drop"]:
            await server.drop()
        if random.random() < chance["pause"]:
            await asyncio.sleep(random.uniform(*chance["pause_ms"]) / 1000)
    return bids


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
@pytest.mark.parametrize("seed", SEEDS)
async def test_torture(seed: int, encoding: Any) -> None:
    print(f"VENDUE_SEED={seed}")
    random = Random(seed)
    async with fake_server() as server, faulty_proxy(server.port, SCENARIO["proxy"], random) as proxy:
        make_forgetful(server, random)
        client = client_of(f"ws://127.0.0.1:{proxy.port}/ws", random, encoding=encoding)
        client.start()
        watchers = [Watcher(client, name) for name in SCENARIO["channels"]]
        proxy.start()
        bids = await rounds(server, client, random)
        outcomes = {key: await asyncio.gather(*tasks) for key, tasks in bids.items()}
        await proxy.calm()
        await client.ready(60)
        held = await check_streams(server, watchers, random, seed) | check_commands(server, outcomes, seed)
        stats = client.stats()
        print(stats, proxy.counts)
        assert stats.connections > 1, "nothing was survived"
        await client.close()
        await asyncio.gather(*(watcher.task for watcher in watchers))
        assert stats.pending == 0
        assert not [one for one in asyncio.all_tasks() if one.get_name().startswith("vendue") and not one.done()]
        # A name in the file that nothing here has asserted is a promise that nobody keeps.
        assert held | {"nothing_is_left_open"} == set(SCENARIO["hold"])


async def check_streams(server: FakeServer, watchers: list[Watcher], random: Random, seed: int) -> set[str]:
    fresh = client_of(server.url, random)
    fresh.start()
    for watcher in watchers:
        held, truth = watcher.subscription, server.channel(watcher.subscription.channel)
        # The last events may have been lost on their way: a heartbeat tells.
        server.heartbeat()
        await until(
            f"{held.channel} caught up, seed {seed}",
            lambda held=held, truth=truth: held.status == "live" and held.position is not None and held.position.seq == truth.seq,  # type: ignore[misc]
        )
        assert held.state == await fresh.subscribe(held.channel).ready(), f"{held.channel}, seed {seed}"
        await until(f"{held.channel} was read", lambda watcher=watcher, truth=truth: abs(watcher.steps[-1]) == truth.seq)  # type: ignore[misc]
        watcher.check(seed)
    await fresh.close()
    return {"streams_are_dense", "state_is_a_fresh_snapshot"}


def check_commands(server: FakeServer, outcomes: dict[str, list[str]], seed: int) -> set[str]:
    for key, times in server.executions.items():
        assert times == 1, f"key {key} was executed {times} times, seed {seed}"
    succeeded = {key for key, told in outcomes.items() if "ok" in told}
    assert succeeded == set(server.executions), f"known successes are the executions, seed {seed}"
    for key, told in outcomes.items():
        assert set(told) <= {"ok", "deadline_exceeded not_executed"}, f"{key}: {told}, seed {seed}"
    return {"each_command_once", "known_successes_are_the_executions", "failures_were_not_executed"}


@pytest.mark.parametrize("seed", SEEDS[:1] + SEEDS[-1:])
async def test_torture_of_a_real_market(seed: int) -> None:
    """The same faults between the client and the real gateway; engine and gateway are killed besides."""
    print(f"VENDUE_SEED={seed}")
    random = Random(seed)
    async with auction() as (market, house, place, lot):
        stock = (await house.stock.create(market=place, title="Mugs", price=900, on_hand=0))["stock"]
        async with faulty_proxy(market.port, SCENARIO["proxy"], random) as proxy:
            client = client_of(f"ws://127.0.0.1:{proxy.port}/ws", random, token=market.operator_token)
            client.start()
            watchers = [Watcher(client, f"stock:{stock}"), Watcher(client, f"lot:{lot}")]
            await asyncio.gather(*(watcher.subscription.ready() for watcher in watchers))
            proxy.start()
            work: list[asyncio.Task[str]] = []
            for number in range(SCENARIO["rounds"] // 2):
                how: dict[str, Any] = {"deadline_ms": 20_000}
                receipt = client.stock.receive(stock=stock, quantity=1, reason=f"delivery {number}", **how)
                work.append(asyncio.create_task(told(receipt)))
                if number % 20 == 19:
                    await house.lot.pause(lot=lot, reason="a question", **how)
                    await house.lot.resume(lot=lot, reason="answered", **how)
                if number == 60:
                    await market.kill_gateway()
                    await market.start_gateway()
                if number == 120:
                    await market.kill_engine()
                    await market.start_engine()
                await asyncio.sleep(random.uniform(*SCENARIO["round"]["pause_ms"]) / 1000)
            outcomes = await asyncio.gather(*work)
            await proxy.calm()
            assert set(outcomes) <= {"ok", "deadline_exceeded not_executed"}, f"{set(outcomes)}, seed {seed}"
            stocked = watchers[0].subscription
            await until(f"all is there, seed {seed}", lambda: (stocked.state or {}).get("on_hand", 0) >= outcomes.count("ok"))
            for watcher in watchers:
                held = watcher.subscription
                position, state = await settled(market, watcher, seed)
                assert held.state == state, f"{held.channel}, seed {seed}"
                await until("all was read", lambda watcher=watcher, end=position.seq: abs(watcher.steps[-1]) == end)  # type: ignore[misc]
                watcher.check(seed)
            assert (stocked.state or {}).get("on_hand") == outcomes.count("ok"), f"each once, seed {seed}"
            print(client.stats(), proxy.counts)
            assert client.stats().connections > 2
            await client.close()
            await asyncio.gather(*(watcher.task for watcher in watchers))


async def settled(market: Market, watcher: Watcher, seed: int) -> tuple[Position, Any]:
    """A fresh snapshot at the place where the watcher stands. Another connection may be told of it a little later, or sooner."""
    end = time.monotonic() + PATIENCE
    while True:
        async with market.operator() as other:
            fresh = other.subscribe(watcher.subscription.channel)
            state, position = await fresh.ready(), fresh.position
        if position is not None and position == watcher.subscription.position:
            return position, state
        assert time.monotonic() < end, f"{watcher.subscription.channel} never caught up, seed {seed}"
        await asyncio.sleep(0.05)


async def test_a_snapshot_is_an_update_of_its_own() -> None:
    """What the torture reads as a negative step."""
    async with fake_server() as server:
        server.channel("lot:1", {"price": 0})
        client = client_of(server.url, Random(1))
        client.start()
        first = await anext(client.subscribe("lot:1"))
        assert isinstance(first, Snapshot)
        await client.close()
