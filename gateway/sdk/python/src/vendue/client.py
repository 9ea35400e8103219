"""One party's line to a market."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random as random_module
import ssl
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import TracebackType
from typing import Any, Self, TypeVar, cast

from ._backoff import Backoff
from ._bell import Bell
from ._channel import Position, State
from ._clock import ServerClock
from ._codec import Encoding, Message, codec_of
from ._connection import Connection
from ._requests import Phase, RequestTable, RequestTimes, Send
from ._state import ConnectionState, ConnectionTimes
from ._stats import Stats
from ._subscription import Mode, StreamFault, Subscription
from ._subscriptions import SubscriptionTable
from ._tokens import TokenSource
from .errors import VendueError, local
from .ids import new_id, new_key
from .methods import METHODS, AllMethods
from .types import BookSnapshot, Connected, LotSnapshot, MarketSnapshot, StockSnapshot

log = logging.getLogger("vendue")

__version__ = "0.1.0"

T = TypeVar("T")

# Updates that wait for one reader before it is given the newest state instead: the protocol's own bound for a resume.
BUFFER = 1_024

# How long `async with Client(...)` waits for the first connection, seconds.
READY_TIMEOUT = 30.0


class Client(AllMethods):
    """Connects by itself, comes back by itself, continues every subscription without a gap.

    A command sent through it happens at most once, however often the connection breaks.

        async with Client("ws://127.0.0.1:7400/ws", token=token) as client:
            bid = await client.lot.bid(lot=lot, amount=10_500)

    Methods stand under their nouns (`client.lot`, `client.stock`, ...), made of the server's own documents. Money is
    integer minor units, instants are integer microseconds since the Unix epoch on the server's clock. One client belongs
    to one event loop.
    """

    def __init__(
        self,
        url: str,
        token: TokenSource | None = None,
        *,
        name: str = "vendue-python",
        encoding: Encoding = "json",
        tls: ssl.SSLContext | None = None,
        proxy: str | bool | None = True,
        backoff: Backoff = Backoff(),  # noqa: B008 - frozen
        requests: RequestTimes = RequestTimes(),  # noqa: B008
        connection: ConnectionTimes = ConnectionTimes(),  # noqa: B008
        ready_timeout: float | None = READY_TIMEOUT,
        on_connection: Callable[[ConnectionState], object] | None = None,
        on_fault: Callable[[StreamFault], object] | None = None,
        on_notice: Callable[[Message], object] | None = None,
        random: Callable[[], float] = random_module.random,
    ) -> None:
        """Nothing is connected yet: `async with` does that, or `start()`.

        token: a JWT, or a function (plain or async) that gives one; a function is called for each connection, and before
            the token of a live one ends, which is then refreshed without an interruption. None: a guest, who may watch.
        name: what the server's operator sees as the client's name.
        encoding: `msgpack` needs the extra `vendue[msgpack]`; smaller and faster.
        tls: for `wss://` and a certificate that the system does not know.
        proxy: True: as the environment says; None: none; or a proxy's URL.
        ready_timeout: seconds that `async with` waits for the first connection; None: as long as it takes.
        on_connection, on_fault, on_notice: told of each state of the connection, of each fault that the verifier of streams
            found, of messages that belong to no channel.
        random: a source of jitter, 0 (included) to 1.
        """
        super().__init__(self._call)
        self.clock = ServerClock()
        self._stats = Stats()
        self._on_connection, self._on_fault, self._on_notice = on_connection, on_fault, on_notice
        self._ready_timeout = ready_timeout
        self._changed = Bell()
        self._closed = False
        self._requests = RequestTable(requests, self._stats, random)
        self._subscriptions = SubscriptionTable(self._stats, random, lambda fault: _tell(self._on_fault, fault))
        self._connection = Connection(
            url,
            _Ears(self),
            token=token,
            name=(name, __version__),
            codec=codec_of(encoding),
            tls=tls,
            proxy=proxy,
            backoff=backoff,
            times=connection,
            clock=self.clock,
            stats=self._stats,
            random=random,
        )
        self._requests.doubt = self._connection.probe
        self._set_renewal(token)

    async def __aenter__(self) -> Self:
        self.start()
        try:
            await self.ready(self._ready_timeout)
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    def start(self) -> None:
        """Begins to connect, without waiting for it."""
        if self._closed:
            raise local("unavailable", "The client was closed.", "not_executed", temporary=False)
        self._requests.begin()
        self._connection.start()

    async def ready(self, timeout: float | None = None) -> Connected:  # noqa: ASYNC109
        """Waits until the connection is live. Raises why it never will be, or is not within `timeout` seconds."""
        try:
            async with asyncio.timeout(timeout):
                while True:
                    if self._connection.is_live and self.hello is not None:
                        return self.hello
                    if self.state.error is not None:
                        raise self.state.error
                    await self._changed.wait()
        except TimeoutError:
            text = f"There was no connection within {timeout} s: {self.state.reason or self.state.phase}."
            raise local("unavailable", text, "not_executed") from None

    async def close(self, drain: float = 0.0) -> None:
        """Ends the connection for good.

        What waits for an answer may do so for `drain` seconds; then it is told that the client was closed: `unknown` where
        a command had been sent. Every reader of a subscription ends.
        """
        self._closed = True
        if len(self._requests) and drain > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(drain):
                    await self._requests.drained()
        self._subscriptions.end(None)
        await self._connection.close(local("unavailable", "The client was closed.", "not_executed", temporary=False))

    @property
    def state(self) -> ConnectionState:
        """Where the connection is now."""
        return self._connection.state

    @property
    def hello(self) -> Connected | None:
        """What the server said at the last connection: account, limits, version. None before the first."""
        return self._connection.hello

    def now(self) -> int:
        """The server's time, microseconds since the Unix epoch; `clock.error_us` says how far it may be off."""
        return self.clock.now()

    def stats(self) -> Stats:
        """What the client has seen since it was made."""
        return replace(
            self._stats,
            rtt_us=self.clock.rtt_us,
            offset_us=round(self.clock.offset_us),
            clock_error_us=self.clock.error_us,
            subscriptions=len(self._subscriptions),
            pending=len(self._requests),
        )

    def subscribe(
        self,
        channel: str,
        *,
        mode: Mode = "all",
        buffer: int = BUFFER,
        since: Position | None = None,
        state: State | None = None,
    ) -> Subscription[Mapping[str, Any]]:
        """Subscribes to a channel: `lot:<id>`, `stock:<id>`, `book:<id>`, `market:<id>`, `account`, `ops:<market>`.

        mode: `latest` may skip steps between two states; what was skipped is said by the event and is no gap.
        buffer: updates that wait for the reader; beyond it the reader is given an `Overrun` and the newest state.
        since, state: where an earlier subscription stood, in another process perhaps: what was missed comes as events.
        """
        if self._closed:
            raise local("unavailable", "The client was closed.", "not_executed", temporary=False)
        return self._subscriptions.subscribe(channel, mode, buffer, since, state)

    def watch_lot(self, lot: str, *, mode: Mode = "all", buffer: int = BUFFER) -> Subscription[LotSnapshot]:
        """`subscribe("lot:...")`, typed."""
        return cast("Subscription[LotSnapshot]", self.subscribe(f"lot:{lot}", mode=mode, buffer=buffer))

    def watch_stock(self, stock: str, *, mode: Mode = "all", buffer: int = BUFFER) -> Subscription[StockSnapshot]:
        """`subscribe("stock:...")`, typed."""
        return cast("Subscription[StockSnapshot]", self.subscribe(f"stock:{stock}", mode=mode, buffer=buffer))

    def watch_book(self, book: str, *, mode: Mode = "all", buffer: int = BUFFER) -> Subscription[BookSnapshot]:
        """`subscribe("book:...")`, typed."""
        return cast("Subscription[BookSnapshot]", self.subscribe(f"book:{book}", mode=mode, buffer=buffer))

    def watch_market(self, market: str, *, mode: Mode = "all", buffer: int = BUFFER) -> Subscription[MarketSnapshot]:
        """`subscribe("market:...")`, typed; what happens to its lots comes as events."""
        return cast("Subscription[MarketSnapshot]", self.subscribe(f"market:{market}", mode=mode, buffer=buffer))

    def watch_account(self, *, buffer: int = BUFFER) -> Subscription[Mapping[str, Any]]:
        """`subscribe("account")`: the caller's own news."""
        return self.subscribe("account", buffer=buffer)

    async def request(
        self,
        method: str,
        params: Mapping[str, Any] | None = None,
        *,
        key: str | None = None,
        target: str | None = None,
        deadline_ms: int | None = None,
        on_phase: Callable[[Phase], None] | None = None,
    ) -> Any:
        """Calls any method, also one this client does not know; a question unless `key` makes it a command."""
        how = {"key": key, "target": target, "deadline_ms": deadline_ms, "on_phase": on_phase}
        return await self._requests.request(method, params or {}, **cast("Any", how))

    async def ping(self) -> int:
        """Asks the server once; the round trip in microseconds."""
        before = self.clock.mark()
        await self._requests.request("ping", {"t0": before})
        return self.clock.mark() - before

    async def server_subscriptions(self) -> Mapping[str, Any]:
        """What the server believes this connection is subscribed to: `{epoch, subscriptions:[{channel, seq}]}`."""
        return cast("Mapping[str, Any]", await self._requests.request("subscriptions", {}))

    async def authenticate(self, token: str) -> Mapping[str, Any]:
        """Gives the live connection a fresh token of the same account; `{account, roles, expires_at}`."""
        answer = await self._requests.request("authenticate", {"token": token}, transient=True)
        if not callable(self._connection.token):
            self._connection.token = token
        self._subscriptions.renewed()
        return cast("Mapping[str, Any]", answer)

    def sign_in(self, token: TokenSource | None) -> None:
        """From now on speaks as the token's account, or as a guest for None.

        A live connection is renewed: rights are never mixed. Subscriptions to public channels continue without a gap.
        """
        if self._closed:
            raise local("unavailable", "The client was closed.", "not_executed", temporary=False)
        self._connection.token = token
        self._set_renewal(token)
        self._subscriptions.forget_account()
        self._requests.begin()
        self._connection.restart("signing in")

    def reconnect_now(self) -> None:
        """Does not wait for the agreed moment: a person asked, or the machine came back online."""
        self._connection.open_now()

    def probe(self) -> None:
        """Checks a connection that may have died unnoticed, after sleep say."""
        self._connection.probe()

    async def _call(self, method: str, params: dict[str, Any], how: Mapping[str, Any]) -> Any:
        """Carries a method of the table: what is None is left out, a command has a key, what it makes has an id."""
        kind = METHODS[method]
        given = {name: value for name, value in params.items() if value is not None}
        if not kind.command:
            return await self._requests.request(method, given, **how)
        options = dict(how)
        if kind.makes is not None and kind.target is not None and "key" not in options:
            given.setdefault(kind.target, new_id(kind.makes))
        options.setdefault("key", new_key())
        if kind.target is not None:
            options.setdefault("target", given.get(kind.target))
        return await self._requests.request(method, given, **options)

    def _set_renewal(self, token: TokenSource | None) -> None:
        renew = self._connection.renew if callable(token) else None
        self._requests.renew = renew
        self._subscriptions.renew = renew

    async def _subscription_request(self, method: str, params: Message) -> Any:
        return await self._requests.request(method, params, transient=True)

    def _message(self, message: Message) -> None:
        if isinstance(message.get("channel"), str) and "seq" in message:
            return self._subscriptions.message(message)
        kind = message.get("type")
        data = message["data"] if isinstance(message.get("data"), dict) else message
        if kind == "heartbeat":
            seqs = data.get("seqs")
            return self._subscriptions.heartbeat(seqs if isinstance(seqs, dict) else {})
        if kind == "subscription_ended":
            self._subscriptions.ended(str(data.get("channel")), str(data.get("code")))
        return _tell(self._on_notice, message)


class _Ears:
    """What the connection tells its owner: not for others, so that it does not stand among the client's own methods."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def on_up(self, send: Send) -> None:
        self._client._requests.up(send)
        self._client._subscriptions.up(self._client._subscription_request)

    def on_down(self, reason: str) -> None:
        # Subscriptions first: the answers that they miss must not be taken for refusals.
        self._client._subscriptions.down()
        self._client._requests.down()
        log.info("connection lost: %s", reason)

    def on_ended(self, error: VendueError) -> None:
        self._client._subscriptions.end(error)
        self._client._requests.end(error)

    def on_reply(self, reply: Message) -> None:
        self._client._requests.reply(reply)

    def on_message(self, message: Message) -> None:
        self._client._message(message)

    def on_state(self, state: ConnectionState) -> None:
        self._client._changed.ring()
        _tell(self._client._on_connection, state)

    def take_id(self) -> int:
        return self._client._requests.take_id()

    async def authenticate(self, token: str) -> Any:
        return await self._client.authenticate(token)


def _tell(listener: Callable[[T], object] | None, value: T) -> None:
    """A listener that fails does not stop the client."""
    if listener is None:
        return
    try:
        listener(value)
    except Exception:
        log.exception("a listener failed")
