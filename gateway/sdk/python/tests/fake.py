"""A server small enough to be understood, with every fault a client must survive: it drops, repeats, skips and forgets."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from vendue._codec import Codec, Json, MessagePack

Fields: TypeAlias = dict[str, Any]
# What a method answers: a result, an error, or nothing at all.
Answer: TypeAlias = tuple[Literal["ok", "error"], Any] | None
Handler: TypeAlias = Callable[[Fields], Answer]
Fate: TypeAlias = Literal["deliver", "skip", "twice"]


def now() -> int:
    return time.time_ns() // 1_000


def error(code: str, outcome: str = "rejected", *, temporary: bool = False, **more: Any) -> Answer:
    return "error", {"code": code, "message": "m", "temporary": temporary, "outcome": outcome, "retry_after_ms": None, **more}


@dataclass(eq=False)
class Peer:
    """One connection."""

    socket: ServerConnection
    codec: Codec
    channels: set[str] = field(default_factory=set)


@dataclass
class Channel:
    state: Fields
    epoch: str = "e1"
    seq: int = 0
    ring: list[Fields] = field(default_factory=list)


class FakeServer:
    def __init__(self) -> None:
        self.handlers: dict[str, Handler] = {}
        self.peers: set[Peer] = set()
        self.channels: dict[str, Channel] = {}
        # Outcomes by key, as an actor keeps them; `executions` counts how often the rules ran for a key.
        self.outcomes: dict[str, Answer] = {}
        self.executions: dict[str, int] = {}
        self.seen: list[Fields] = []
        self.frames: list[int] = []
        self.connects = 0
        # Events that a resume may carry.
        self.ring_max = 64
        self.heartbeat_ms = 15_000
        # The answer to `connect`.
        self.admit: Handler = lambda _params: ("ok", self.hello())
        self.port = 0
        self.handlers["ping"] = lambda params: ("ok", {"t0": params.get("t0")})
        self.handlers["command.result"] = lambda params: self.outcomes.get(params["key"]) or error("not_found", "not_executed")

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

    def hello(self) -> Fields:
        return {
            "connection": "c1",
            "account": None,
            "roles": [],
            "server": {"version": "0", "epoch": "e1"},
            "time": now(),
            "heartbeat_ms": self.heartbeat_ms,
            "limits": {"frame_bytes": 262_144},
        }

    def command(self, method: str, act: Callable[[Fields], Answer]) -> None:
        """A command whose rules run once for each key. `act` says what the outcome is."""

        def handle(params: Fields) -> Answer:
            key = params["key"]
            if key not in self.outcomes:
                self.executions[key] = self.executions.get(key, 0) + 1
                self.outcomes[key] = act(params)
            return self.outcomes[key]

        self.handlers[method] = handle

    def channel(self, name: str, state: Fields | None = None) -> Channel:
        return self.channels.setdefault(name, Channel(state or {}))

    def publish(self, name: str, kind: str, data: Fields, lose: Callable[[], Fate] = lambda: "deliver", first: int = 0) -> None:
        """Something happened: every subscriber hears it, except those for whom `lose` says otherwise."""
        channel = self.channel(name)
        channel.seq += 1
        channel.state = {**channel.state, **data}
        event = {"channel": name, "epoch": channel.epoch, "seq": channel.seq, "ts": now(), "type": kind, "data": data}
        if first:
            event["from"] = first
        channel.ring = [*channel.ring, event][-self.ring_max :]
        for peer in tuple(self.peers):
            if name in peer.channels:
                fate = lose()
                for _ in range({"deliver": 1, "skip": 0, "twice": 2}[fate]):
                    self.send(peer, event)

    def heartbeat(self) -> None:
        for peer in tuple(self.peers):
            seqs = {name: self.channel(name).seq for name in peer.channels}
            self.send(peer, {"type": "heartbeat", "time": now(), "seqs": seqs})

    def broadcast(self, message: Fields) -> None:
        for peer in tuple(self.peers):
            self.send(peer, message)

    async def drop(self, code: int | None = None) -> None:
        """Every connection ends: with a close code, or as if the network was cut."""
        for peer in tuple(self.peers):
            self.peers.discard(peer)
            if code is None:
                peer.socket.transport.abort()
            else:
                await peer.socket.close(code)

    def send(self, peer: Peer, message: Fields) -> None:
        # The frames stay in order: each is written at once, into the connection's own buffer.
        frame = peer.codec.frame([peer.codec.encode(message)])
        task = asyncio.get_running_loop().create_task(_quietly(peer.socket, frame))
        _TASKS.add(task)
        task.add_done_callback(_TASKS.discard)

    def _subscribe(self, params: Fields, peer: Peer) -> Answer:
        name = params["channel"]
        channel = self.channels.get(name)
        if channel is None:
            return error("unknown_channel", "not_executed")
        peer.channels.add(name)
        resume = params.get("resume")
        at = {"epoch": channel.epoch, "seq": channel.seq}
        missed = [event for event in channel.ring if resume and event["seq"] > resume["seq"]]
        if resume and resume["epoch"] == channel.epoch and len(missed) == channel.seq - resume["seq"]:
            return "ok", {**at, "resumed": True, "events": missed}
        return "ok", {**at, "resumed": False, "snapshot": channel.state}

    def _answer(self, peer: Peer, message: Fields) -> Answer:
        method, params = message["method"], message.get("params") or {}
        if method == "connect":
            self.connects += 1
            answer = self.admit(params)
            if answer is not None and answer[0] == "ok":
                self.peers.add(peer)
            return answer
        if method == "subscribe" and method not in self.handlers:
            return self._subscribe(params, peer)
        if method == "unsubscribe":
            peer.channels.discard(params["channel"])
            return "ok", {"channel": params["channel"], "was_subscribed": True}
        handler = self.handlers.get(method)
        return handler(params) if handler else error("unknown_method", "not_executed")

    async def _serve(self, socket: ServerConnection) -> None:
        codec: Codec = MessagePack() if socket.subprotocol == "vendue.v1.msgpack" else Json()
        peer = Peer(socket, codec)
        try:
            async for frame in socket:
                parsed = codec.decode(frame)
                messages = parsed if isinstance(parsed, list) else [parsed]
                self.frames.append(len(messages))
                for message in messages:
                    t_in = now()
                    self.seen.append(message)
                    answer = self._answer(peer, message)
                    if answer is None:
                        continue
                    body = {"ok": True, "result": answer[1]} if answer[0] == "ok" else {"ok": False, "error": answer[1]}
                    self.send(peer, {"id": message["id"], **body, "t_in": t_in, "t_out": now()})
        except ConnectionClosed:
            pass
        finally:
            self.peers.discard(peer)


_TASKS: set[asyncio.Task[None]] = set()


async def _quietly(socket: ServerConnection, frame: bytes | str) -> None:
    with contextlib.suppress(ConnectionClosed):
        await socket.send(frame)


@contextlib.asynccontextmanager
async def fake_server(port: int = 0) -> AsyncIterator[FakeServer]:
    fake = FakeServer()
    subprotocols = [Subprotocol("vendue.v1.json"), Subprotocol("vendue.v1.msgpack")]
    server: Server
    async with serve(fake._serve, "127.0.0.1", port, subprotocols=subprotocols, compression=None, close_timeout=0.2) as server:
        fake.port = next(iter(server.sockets)).getsockname()[1]
        try:
            yield fake
        finally:
            await fake.drop()


async def until(what: str, condition: Callable[[], bool], bound: float = 60.0) -> None:
    """Waits for a condition; the bound only keeps a broken test from hanging."""
    end = time.monotonic() + bound
    while not condition():
        assert time.monotonic() < end, f"never came true: {what}"
        await asyncio.sleep(0.002)
