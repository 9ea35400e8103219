"""Keeps one connection alive: connects, watches for silence, measures the clock, comes back."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import cast

from websockets.exceptions import InvalidURI, WebSocketException

from ._backoff import Backoff, reconnect_delay
from ._bell import Timers
from ._clock import ServerClock
from ._codec import Codec, Message
from ._socket import ABNORMAL, Ending, Socket, dial
from ._state import CLOSE_WORDS, ConnectionState, ConnectionTimes, Owner
from ._stats import Stats
from ._tokens import RENEW_AGAIN, TokenSource, expiry_of, fetch, renew_in
from .errors import VendueError, local, of_wire
from .types import Connected

log = logging.getLogger("vendue")

# Pings right after connecting: several, because the first on a fresh connection is rarely the fastest.
_BURST_PINGS = 5
_BURST_INTERVAL = 0.2

# Afterwards: often enough to follow a drifting clock and to keep middle boxes from closing the connection. Seconds.
_PING_INTERVAL = 30.0

# A connection is dead when it was silent for this many heartbeats, and a second for the network.
_SILENT_HEARTBEATS = 2
_SILENCE_SLACK = 1.0
_DEFAULT_HEARTBEAT_MS = 15_000

# Bytes of one message that the server takes where its limits do not say (protocol, section 1).
_MESSAGE_BYTES_MAX = 256 * 1024


@dataclass(slots=True)
class _Live:
    """What belongs to one connection."""

    socket: Socket
    introduced: bool = False
    connect_id: int = -1
    connect_sent_at: int = 0
    pings: dict[int, int] = field(default_factory=dict)


class Connection:
    """One party's line to a server."""

    def __init__(
        self,
        url: str,
        owner: Owner,
        *,
        token: TokenSource | None,
        name: tuple[str, str],
        codec: Codec,
        tls: ssl.SSLContext | None,
        proxy: str | bool | None,
        backoff: Backoff,
        times: ConnectionTimes,
        clock: ServerClock,
        stats: Stats,
        random: Callable[[], float],
    ) -> None:
        self._url, self._owner, self.token, self._name, self._codec = url, owner, token, name, codec
        self._tls, self._proxy, self._backoff, self._times = tls, proxy, backoff, times
        self._clock, self._stats, self._random = clock, stats, random
        self.state = ConnectionState("waiting", reason="not connected yet")
        self.hello: Connected | None = None
        self._live: _Live | None = None
        self._failures = 0
        self._shutdown_until = 0.0
        self._token_refused = False
        self._token_ends: int | None = None
        self._heard_at = 0.0
        self._timers = Timers()
        self._task: asyncio.Task[None] | None = None
        self._now = asyncio.Event()
        self._renewal: asyncio.Task[bool] | None = None

    @property
    def is_live(self) -> bool:
        """Whether requests can be sent."""
        return self.state.phase == "live"

    def start(self) -> None:
        """Begins, or begins again after an end."""
        if self._task is not None and not self._task.done() and self.state.phase != "closed":
            return
        self._failures = 0
        self._set(ConnectionState("connecting"))
        self._task = asyncio.get_running_loop().create_task(self._run(self._task), name="vendue connection")

    def open_now(self) -> None:
        """Connects now, whatever wait was agreed on."""
        self._now.set()

    def restart(self, reason: str) -> None:
        """Ends this connection and makes a new one at once, as another party perhaps."""
        self._token_refused = False
        self._token_ends = None
        if self._live is not None:
            self._live.socket.abandon(4200, reason)
        self._now.set()
        self.start()

    def probe(self) -> None:
        """Pings, and gives the connection up if that is not answered soon: it may have died while the machine slept."""
        live = self._live
        if live is None or not self.is_live or self._timers.has("probe"):
            return
        asked = self._ping(live)

        def judge() -> None:
            if asked in live.pings:
                live.socket.abandon(ABNORMAL, "the connection went silent")

        self._timers.after("probe", self._times.probe, judge)

    async def close(self, error: VendueError) -> None:
        """Ends for good."""
        live = self._live
        self._finish(error)
        if live is not None:
            await live.socket.close()
        for task in (self._task, self._renewal):
            if task is not None and task is not asyncio.current_task():
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, Exception):
                    await task

    def renew(self) -> Awaitable[bool]:
        """Gives the live connection a fresh token, once for all who ask at the same time. False where none is to be had."""
        if self._renewal is None or self._renewal.done():
            self._renewal = asyncio.get_running_loop().create_task(self._renew(), name="vendue token")
        # Whoever asks may be cancelled; the renewal goes on.
        return asyncio.shield(self._renewal)

    async def _run(self, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait([before])
        try:
            while self.state.phase != "closed":
                self._now.clear()
                self._set(ConnectionState("connecting", self._failures))
                ending = await self._connect_once()
                delay = self._ended(ending)
                if delay is None:
                    return
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._now.wait(), delay)
        except Exception as error:
            log.exception("the client failed")
            self._finish(local("internal", f"The client failed: {error!r}", "not_executed", temporary=False))

    async def _connect_once(self) -> Ending:
        """One connection from dialling to its end."""
        try:
            async with asyncio.timeout(self._times.connect):
                connection = await dial(self._url, self._codec, self._tls, self._proxy)
        except InvalidURI as error:
            self._finish(
                local("invalid_request", f"{self._url} cannot be connected to: {error}", "not_executed", temporary=False)
            )
            return Ending(ABNORMAL, str(error))
        except TimeoutError:
            return Ending(ABNORMAL, "no answer in time")
        except (OSError, WebSocketException, EOFError) as error:
            return Ending(ABNORMAL, str(error) or type(error).__name__)
        socket = Socket(connection, self._codec, self._stats)
        live = self._live = _Live(socket)
        if self.state.phase == "closed":
            await socket.close()
            return Ending(1000, "closed")
        self._timers.after("connect", self._times.connect, lambda: socket.abandon(ABNORMAL, "no answer in time"))
        tasks = [asyncio.create_task(socket.write()), asyncio.create_task(self._introduce(live))]
        try:
            return await socket.read(self._receive)
        finally:
            for task in tasks:
                task.cancel()
            socket.abandon(ABNORMAL, "over")
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _introduce(self, live: _Live) -> None:
        try:
            token = await fetch(self.token)
        except Exception as error:  # noqa: BLE001 - a source may raise anything; the next attempt asks it again
            log.warning("no token: %r", error)
            live.socket.abandon(ABNORMAL, f"no token: {error!r}")
            return
        self._token_ends = expiry_of(token)
        live.connect_id = self._owner.take_id()
        live.connect_sent_at = self._clock.mark()
        name, version = self._name
        params: Message = {"client": {"name": name, "version": version}, "batch": True}
        if token is not None:
            params["token"] = token
        live.socket.send({"id": live.connect_id, "method": "connect", "params": params})

    def _receive(self, message: Message) -> None:
        self._heard_at = time.monotonic()
        if isinstance(message.get("ok"), bool):
            if isinstance(message.get("id"), int):
                self._reply(message)
            return
        if message.get("type") == "server_shutdown":
            self._shutdown(message)
        self._owner.on_message(message)

    def _reply(self, reply: Message) -> None:
        live = self._live
        if live is None:
            return
        if reply["id"] == live.connect_id and not live.introduced:
            self._introduced(live, reply)
            return
        t0 = live.pings.pop(reply["id"], None)
        if t0 is None:
            self._owner.on_reply(reply)
        elif reply["ok"] and isinstance(reply.get("t_in"), int) and isinstance(reply.get("t_out"), int):
            self._clock.sample(t0, reply["t_in"], reply["t_out"])

    def _introduced(self, live: _Live, reply: Message) -> None:
        self._timers.clear("connect")
        if not reply["ok"]:
            return self._refused(live, of_wire(reply.get("error")))
        hello = cast("Connected", reply["result"])
        live.introduced = True
        seen = reply.get("t_in") or hello["time"]
        self._clock.sample(live.connect_sent_at, seen, reply.get("t_out") or seen)
        self.hello = hello
        self._token_refused = False
        self._stats.connections += 1
        self._timers.after("stable", self._times.stable, self._settled)
        self._set(ConnectionState("live"))
        self._watch(hello.get("heartbeat_ms") or _DEFAULT_HEARTBEAT_MS)
        self._ping_often(_BURST_PINGS)
        self._plan_renewal()
        return self._owner.on_up(self._send)

    def _settled(self) -> None:
        self._failures = 0

    def _send(self, message: Message) -> None:
        """Raises `VendueError` where the message cannot be written."""
        try:
            encoded = self._codec.encode(message)
        except (TypeError, ValueError, OverflowError) as error:
            raise local("invalid_request", f"It cannot be written: {error}", "not_executed", temporary=False) from error
        limits = self.hello["limits"] if self.hello else {}
        if len(encoded) > limits.get("frame_bytes", _MESSAGE_BYTES_MAX):
            raise local(
                "payload_too_large",
                f"{len(encoded)} bytes are more than a frame holds.",
                "not_executed",
                temporary=False,
            )
        if self._live is not None:
            self._live.socket.send_encoded(encoded)

    def _refused(self, live: _Live, error: VendueError) -> None:
        stale = error.code in {"token_expired", "unauthenticated"}
        # A token that can be fetched anew gets one more chance at once.
        chance = stale and callable(self.token) and not self._token_refused
        stuck = error.code == "token_expired" and not callable(self.token)
        again = chance or (not stale and (error.temporary or error.outcome == "not_executed"))
        self._token_refused = stale
        if not again or stuck:
            self._finish(error)
        live.socket.abandon(4101 if error.temporary and not chance else 4200, error.message)

    def _shutdown(self, message: Message) -> None:
        data = message.get("data")
        asked = (data if isinstance(data, dict) else message).get("reconnect_after_ms")
        wait = max(0, asked if isinstance(asked, int) else 0) / 1000
        self._shutdown_until = time.monotonic() + wait
        live = self._live
        # The server closes when it has drained; if it has not by our moment, we go.
        if live is not None:
            self._timers.after("shutdown", wait, lambda: live.socket.abandon(4201, "the server shuts down"))

    def _ended(self, ending: Ending) -> float | None:
        """What to do after a connection: seconds until the next attempt, None for never."""
        was_live = self.is_live
        self._live = None
        self._timers.clear_all()
        if self.state.phase == "closed":
            return None
        if not was_live:
            self._stats.failed_attempts += 1
        agreed = self._shutdown_until - time.monotonic()
        delay: float | None = reconnect_delay(ending.code, self._failures, self._backoff, self._random)
        if was_live and agreed > 0 and delay is not None:
            delay = agreed
        self._failures += 1
        words = ending.reason or CLOSE_WORDS.get(ending.code) or f"closed ({ending.code})"
        if delay is None:
            code = "forbidden" if ending.code == 4003 else "unavailable"
            self._finish(local(code, f"The server closed the connection: {words}.", "not_executed", temporary=False))
            return None
        log.info("not connected to %s (%s); again in %.3f s", self._url, words, delay)
        self._set(ConnectionState("waiting", self._failures, delay, words))
        if was_live:
            self._owner.on_down(words)
        return delay

    def _finish(self, error: VendueError) -> None:
        if self.state.phase == "closed":
            return
        was_live = self.is_live
        self._timers.clear_all()
        self._set(ConnectionState("closed", self._failures, reason=error.message, error=error))
        if was_live:
            self._owner.on_down(error.message)
        self._owner.on_ended(error)

    def _watch(self, heartbeat_ms: int) -> None:
        """A connection that says nothing is dead even if nobody closed it: a train went into a tunnel.

        So is one that brings news but carries nothing away: its pings stay unanswered.
        """
        limit = heartbeat_ms / 1000 * _SILENT_HEARTBEATS + _SILENCE_SLACK

        def judge() -> None:
            live = self._live
            if live is None:
                return
            waited = self._clock.mark() - min(live.pings.values(), default=self._clock.mark())
            if time.monotonic() - self._heard_at > limit or waited > limit * 1e6:
                live.socket.abandon(ABNORMAL, "the connection went silent")
            else:
                self._watch(heartbeat_ms)

        self._timers.after("silence", limit / 4, judge)

    def _ping(self, live: _Live) -> int:
        """Asks the server for its time; also shows that the connection lives. The id of what was asked."""
        request_id = self._owner.take_id()
        t0 = self._clock.mark()
        live.pings[request_id] = t0
        live.socket.send({"id": request_id, "method": "ping", "params": {"t0": t0}})
        return request_id

    def _ping_often(self, left: int) -> None:
        if self._live is not None:
            self._ping(self._live)
        wait = _BURST_INTERVAL if left > 1 else _PING_INTERVAL
        self._timers.after("ping", wait, lambda: self._ping_often(max(1, left - 1)))

    def _plan_renewal(self, again: float = 0.0) -> None:
        """A token that can be had anew is replaced before it ends."""
        if callable(self.token) and self._token_ends is not None:
            wait = max(again, renew_in(self._token_ends, self._clock.now()))
            self._timers.after("token", wait, self.renew)

    async def _renew(self) -> bool:
        if not callable(self.token):
            return False
        before = self._token_ends or 0
        try:
            async with asyncio.timeout(self._times.connect):
                token = await fetch(self.token)
                if token is None or not self.is_live:
                    return False
                answer = await self._owner.authenticate(token)
        except Exception as error:  # noqa: BLE001 - a source may raise anything; it is asked again
            log.warning("the token could not be renewed: %r", error)
            if self.is_live:
                self._plan_renewal(RENEW_AGAIN)
            return False
        said = answer.get("expires_at") if isinstance(answer, dict) else None
        self._token_ends = said if isinstance(said, int) else expiry_of(token)
        self._stats.renewals += 1
        # A source that gives the same token again is not asked without a pause.
        self._plan_renewal(0.0 if (self._token_ends or 0) > before else RENEW_AGAIN)
        return True

    def _set(self, state: ConnectionState) -> None:
        if state != self.state:
            self.state = state
            self._owner.on_state(state)
