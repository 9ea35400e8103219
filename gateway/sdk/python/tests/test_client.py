"""Requests and connections against a server whose lines the test speaks: what the client sends, what it makes of what comes."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from typing import Any

import pytest

from vendue import (
    Client,
    ConnectionState,
    ConnectionTimes,
    NotExecuted,
    OutcomeUnknown,
    Rejected,
    RequestTimes,
    VendueError,
)

from .fake import FakeServer, error, until
from .world import FAST, live, refusal, world


def bids(server: FakeServer) -> list[dict[str, Any]]:
    return [message["params"] for message in server.seen if message["method"] == "lot.bid"]


def leading(params: dict[str, Any]) -> Any:
    return "ok", {"bid": "bid_1", "status": "leading", "price": params["amount"]}


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
async def test_requests_results_and_errors(encoding: Any) -> None:
    async with live(token="t", encoding=encoding) as (server, client):
        server.command("lot.bid", leading)
        server.handlers["lot.get"] = lambda _params: error("not_found", details={"lot": "lot_2"})
        assert client.hello is not None
        assert client.hello["connection"] == "c1"
        assert server.seen[0]["params"]["token"] == "t"
        assert (await client.lot.bid(lot="lot_1", amount=100, key="k1"))["status"] == "leading"
        assert bids(server)[0].keys() == {"lot", "amount", "key", "deadline_ms"}
        found = await refusal(client.lot.get(lot="lot_2"))
        assert isinstance(found, Rejected)
        assert (found.code, found.outcome, found.details) == ("not_found", "rejected", {"lot": "lot_2"})
        assert (await refusal(client.request("no.such"))).code == "unknown_method"
        await until("the clock is known", lambda: client.stats().rtt_us is not None)
        stats = client.stats()
        assert abs(stats.offset_us) < 1_000_000
        assert stats.clock_error_us is not None
        assert await client.ping() >= 0


async def test_what_is_asked_at_once_travels_in_one_frame() -> None:
    async with live() as (server, client):
        server.handlers["lot.get"] = lambda params: ("ok", {"lot": params["lot"]})
        found = await asyncio.gather(*(client.lot.get(lot=f"lot_{number}") for number in range(1_500)))
        assert [one["lot"] for one in found] == [f"lot_{number}" for number in range(1_500)]
        assert max(server.frames) == 1_024


async def test_what_is_made_has_an_id_from_here() -> None:
    async with live() as (server, client):
        server.handlers["lot.create"] = lambda params: ("ok", {"lot": params.get("lot")})
        made = await client.lot.create(market="mkt_1", title="A chair", format="english", start_amount=5)
        assert len(made["lot"]) == 30
        # With a key of the caller's the server derives it, so that a repeat in another session finds the same.
        await client.lot.create(market="mkt_1", title="A chair", format="english", start_amount=5, key="k")
        assert "lot" not in server.seen[-1]["params"]


async def test_what_cannot_be_written_is_said_and_harms_nothing() -> None:
    async with live() as (server, client):
        server.handlers["lot.get"] = lambda _params: ("ok", {})
        bad: Any = object()
        assert (await refusal(client.lot.get(lot=bad))).code == "invalid_request"
        assert (await refusal(client.lot.get(lot="x" * 300_000))).code == "payload_too_large"
        assert not await client.lot.get(lot="lot_1")
        assert server.connects == 1


async def test_a_command_keeps_its_key_through_a_lost_connection_and_happens_once() -> None:
    async with world() as (server, client):
        server.command("lot.bid", leading)
        execute = server.handlers["lot.bid"]
        tasks = []

        def first_is_lost(params: dict[str, Any]) -> Any:
            answer = execute(params)
            if len(bids(server)) > 1:
                return answer
            tasks.append(asyncio.create_task(server.drop()))
            return None

        server.handlers["lot.bid"] = first_is_lost
        client.start()
        phases: list[str] = []
        bid = await client.lot.bid(lot="lot_1", amount=5, on_phase=phases.append)
        assert bid["status"] == "leading"
        assert list(server.executions.values()) == [1]
        assert phases == ["queued", "sent", "retrying"]
        assert client.stats().retries == 1


async def test_an_answer_that_never_comes_is_asked_for_and_the_deadline_stands() -> None:
    table: list[tuple[str, Any, str]] = [
        ("it was executed", ("ok", {"status": "leading"}), "leading"),
        ("it was rejected", error("bid_too_low", replayed=True), "bid_too_low rejected"),
        ("it was rejected: there is no such lot", error("not_found", replayed=True), "not_found rejected"),
        ("it never arrived", None, "deadline_exceeded not_executed"),
        ("the question itself is refused", error("forbidden", "not_executed"), "forbidden unknown"),
    ]
    async with live() as (server, client):
        for name, earlier, expected in table:

            def lost(params: dict[str, Any], earlier: Any = earlier) -> None:
                if earlier:
                    server.outcomes[params["key"]] = earlier

            server.handlers["lot.bid"] = lost
            phases: list[str] = []
            try:
                got = str((await client.lot.bid(lot="lot_1", amount=5, deadline_ms=30, on_phase=phases.append))["status"])
            except VendueError as found:
                got = f"{found.code} {found.outcome}"
            assert got == expected, name
            assert phases == ["sent", "checking"], name
        assert len(bids(server)) == len(table), "never sent twice"


async def test_an_outcome_that_cannot_be_learnt_is_unknown_and_what_was_never_sent_is_not_executed() -> None:
    async with live(requests=RequestTimes(grace_ms=5, ask_again_ms=5, resolve_ms=60)) as (server, client):
        server.handlers["lot.bid"] = server.handlers["command.result"] = lambda _params: None
        assert isinstance(await refusal(client.lot.bid(lot="lot_1", amount=5, deadline_ms=10)), OutcomeUnknown)
        nobody = Client("ws://127.0.0.1:1/ws", backoff=FAST)
        nobody.start()
        assert isinstance(await refusal(nobody.lot.bid(lot="lot_1", amount=5, deadline_ms=10)), NotExecuted)
        await nobody.close()


async def test_what_the_server_could_not_take_is_sent_again_within_the_deadline() -> None:
    async with live() as (server, client):
        server.handlers["lot.bid"] = lambda params: (
            leading(params) if len(bids(server)) > 2 else error("overloaded", "not_executed", temporary=True, retry_after_ms=1)
        )
        assert (await client.lot.bid(lot="lot_1", amount=5))["status"] == "leading"
        assert len(bids(server)) == 3
        assert len({params["key"] for params in bids(server)}) == 1


async def test_close_codes_are_obeyed() -> None:
    async with live() as (server, client):
        await server.drop(4201)
        await until("it came back", lambda: server.connects == 2 and client.state.phase == "live")
        await server.drop(4101)
        await until("it came back after a while", lambda: server.connects == 3 and client.state.phase == "live")
        lot = client.subscribe("lot:1")
        await server.drop(4003)
        await until("it stays away", lambda: client.state.phase == "closed")
        assert (await refusal(client.ready())).code == "forbidden"
        assert (await refusal(client.lot.get(lot="lot_1"))).outcome == "not_executed"
        assert (await refusal(anext(lot))).code == "forbidden"


async def test_a_drain_is_waited_for_as_the_server_said() -> None:
    states: list[ConnectionState] = []
    notices: list[Any] = []
    async with live(on_connection=states.append, on_notice=notices.append) as (server, client):
        server.broadcast({"type": "server_shutdown", "reconnect_after_ms": 60_000})
        await until("the notice arrived", lambda: len(notices) == 1)
        await server.drop(4201)
        await until("it waits", lambda: states[-1].phase == "waiting")
        assert 50 < states[-1].retry_in <= 60, "not before its own moment"
        client.reconnect_now()
        await until("a person may insist", lambda: client.state.phase == "live")


def jwt(ends_in: float, name: str) -> str:
    claims = json.dumps({"sub": name, "exp": time.time() + ends_in}).encode()
    return f"e30.{base64.urlsafe_b64encode(claims).decode().rstrip('=')}.{name}"


async def test_tokens_are_fetched_anew() -> None:
    def admit(params: dict[str, Any]) -> Any:
        return error("unauthenticated", "not_executed") if params.get("token") == "bad" else ("ok", server.hello())

    async with world(token="bad") as (server, client):
        server.admit = admit
        client.start()
        assert (await refusal(client.ready())).code == "unauthenticated"
        client.sign_in(None)
        await client.ready()
        tokens = iter(["bad", "good"])
        async with Client(server.url, lambda: next(tokens), backoff=FAST) as renewing:
            assert renewing.state.phase == "live"


async def test_a_token_is_renewed_on_the_live_connection_before_it_ends() -> None:
    async with world() as (server, _client):
        given: list[str] = []

        async def source() -> str:
            given.append(jwt(0.2 if not given else 3_600, f"t{len(given)}"))
            return given[-1]

        server.handlers["authenticate"] = lambda _params: ("ok", {"account": "acc_1", "expires_at": 2**60})
        async with Client(server.url, source, backoff=FAST) as client:
            await until("renewed", lambda: client.stats().renewals == 1)
            assert server.seen[-1]["params"] == {"token": given[1]}
            assert (len(given), server.connects) == (2, 1)


async def test_what_a_token_cut_short_goes_on_with_the_next() -> None:
    async with world() as (server, _client):
        server.channel("account", {"name": "A"})
        fresh = False

        def authenticate(_params: dict[str, Any]) -> Any:
            nonlocal fresh
            fresh = True
            return "ok", {"account": "acc_1", "expires_at": 2**60}

        server.handlers["authenticate"] = authenticate
        expired = error("token_expired", "not_executed", temporary=True)
        server.handlers["lot.bid"] = lambda params: leading(params) if fresh else expired
        async with Client(server.url, lambda: "t", backoff=FAST) as client:
            assert (await client.lot.bid(lot="lot_1", amount=5))["status"] == "leading"
            account = client.watch_account()
            await account.ready()
            server.broadcast({"type": "subscription_ended", "channel": "account", "code": "token_expired"})
            await until("asked again", lambda: client.stats().snapshots + client.stats().resumed == 2)
            await account.ready()
        # A token that nobody can renew: the channel fails, and says why.
        async with Client(server.url, "t", backoff=FAST) as client:
            account = client.watch_account()
            await account.ready()
            server.broadcast({"type": "subscription_ended", "channel": "account", "code": "token_expired"})
            await anext(account)
            assert (await refusal(anext(account))).code == "token_expired"


async def test_a_silent_connection_is_given_up() -> None:
    async with world() as (server, client):
        server.heartbeat_ms = 1
        server.handlers["ping"] = lambda _params: None
        client.start()
        await client.ready()
        await until("it was replaced", lambda: server.connects >= 2)


async def test_a_connection_that_carries_nothing_away_is_found_by_a_missing_answer() -> None:
    times = ConnectionTimes(probe=0.05)
    async with live(connection=times) as (server, client):
        server.command("lot.bid", leading)
        handlers = dict(server.handlers)
        server.handlers["ping"] = server.handlers["lot.bid"] = server.handlers["command.result"] = lambda _params: None
        bid = asyncio.create_task(client.lot.bid(lot="lot_1", amount=5, deadline_ms=30))
        await until("it was replaced", lambda: server.connects == 2)
        server.handlers.update(handlers)
        assert (await refusal(bid)).outcome == "not_executed"


async def test_a_closed_client_leaves_nobody_waiting() -> None:
    async with live() as (server, client):
        server.channel("lot:1", {})
        server.handlers["lot.bid"] = server.handlers["lot.get"] = lambda _params: None
        lot = client.subscribe("lot:1")
        await lot.ready()
        work = [
            asyncio.create_task(refusal(client.lot.bid(lot="lot_1", amount=5))),
            asyncio.create_task(refusal(client.lot.get(lot="lot_1"))),
        ]
        reader = asyncio.create_task(_read_all(lot))
        await until("both were sent", lambda: client.stats().pending == 2)
        await client.close()
        assert [one.outcome for one in await asyncio.gather(*work)] == ["unknown", "not_executed"]
        await reader
        assert (await refusal(client.lot.get(lot="lot_1"))).code == "unavailable"


async def _read_all(updates: Any) -> int:
    return len([update async for update in updates])


async def test_a_close_may_wait_for_what_is_under_way() -> None:
    async with live() as (server, client):
        server.handlers["lot.bid"] = lambda _params: None
        bid = asyncio.create_task(client.lot.bid(lot="lot_1", amount=5))
        await until("it is under way", lambda: len(bids(server)) == 1)
        closing = asyncio.create_task(client.close(drain=30))
        await asyncio.sleep(0)
        assert client.stats().pending == 1
        request = next(one for one in server.seen if one["method"] == "lot.bid")
        server.broadcast({"id": request["id"], "ok": True, "result": {"status": "leading"}, "t_in": 1, "t_out": 2})
        assert (await bid)["status"] == "leading"
        await closing
        assert client.state.phase == "closed"


async def test_a_caller_that_gives_up_leaves_nothing_behind() -> None:
    async with live() as (server, client):
        server.handlers["lot.get"] = lambda _params: None
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await client.lot.get(lot="lot_1")
        assert client.stats().pending == 0


async def test_who_cannot_connect_says_why() -> None:
    client = Client("ws://127.0.0.1:1/ws", backoff=FAST, ready_timeout=0.1)
    with pytest.raises(NotExecuted, match="no connection within"):
        async with client:
            pass
    with pytest.raises(VendueError, match="cannot be connected to"):
        async with Client("not a url"):
            pass


async def test_lines_that_cannot_be_read_are_counted_and_survived() -> None:
    async with live() as (server, client):
        server.handlers["lot.get"] = lambda _params: ("ok", {})
        peer = next(iter(server.peers))
        for frame in ("nonsense", "[1, null]", '{"channel":"lot:1","seq":"x"}', '{"id":99,"ok":true}', '{"id":null,"ok":false}'):
            await peer.socket.send(frame)
        assert not await client.lot.get(lot="lot_1")
        assert client.stats().malformed == 3
