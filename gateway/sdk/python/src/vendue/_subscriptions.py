"""The channels that are subscribed to: where each stands, what to ask for when a step is missing, and who reads."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Generic, Literal, Self, TypeAlias, TypeVar, cast

from ._bell import Bell
from ._channel import ChannelCore, Event, Position, State
from ._codec import Message
from ._stats import Stats
from .errors import VendueError, local

log = logging.getLogger("vendue")

S = TypeVar("S")

# Every event, or the newest state: then steps may be skipped, which the event that stands for them says.
Mode: TypeAlias = Literal["all", "latest"]

# `syncing`: the state shown is the last one known; `live`: it is the newest; `failed`: the server refused for good.
Status: TypeAlias = Literal["syncing", "live", "failed", "closed"]

# Seconds for events that are on their way when a heartbeat reports a later seq (`market:` conflates to 250 ms).
_HEARTBEAT_GRACE = 1.0

# Upper bound of the wait before a refused subscription is tried again, seconds, and of the first such wait.
_RETRY_MAX = 5.0
_RETRY_BASE = 0.1
_DOUBLINGS_MAX = 10

# Refusals that asking again will not change.
_FINAL = {"unauthenticated", "forbidden", "unknown_channel", "not_found", "invalid_request", "unknown_method"}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state was replaced: what happened before is not told event by event."""

    position: Position
    state: State


@dataclass(frozen=True, slots=True)
class Overrun:
    """The reader was too slow for its buffer: instead of `missed` updates here is the newest state."""

    missed: int
    position: Position
    state: State


Update: TypeAlias = Snapshot | Event | Overrun


@dataclass(frozen=True, slots=True)
class StreamFault:
    """What the verifier found in a channel's stream. All of them heal by themselves; this is for whoever watches the watch."""

    # `gap`: an event was missing; `silent_gap`: a heartbeat told of one; `duplicate`: it came twice and was dropped;
    # `epoch`: the history is another one, the server was restored; `broken_resume`: a resume that did not join up.
    kind: Literal["gap", "silent_gap", "duplicate", "epoch", "broken_resume"]
    channel: str
    # Where the channel stood.
    position: Position | None
    # The number that came, or was said to be there.
    seq: int


# Sends `subscribe` or `unsubscribe` on the present connection.
Requester: TypeAlias = Callable[[str, Message], Awaitable[Any]]


class _Channel:
    """One channel of this client, shared by everybody who subscribed to it."""

    def __init__(self, core: ChannelCore, mode: Mode) -> None:
        self.core = core
        self.mode: Mode = mode
        self.status: Status = "syncing"
        self.error: VendueError | None = None
        self.users: list[Subscription[Any]] = []
        # Counts subscriptions sent, so that the reply to an older one is not taken for the newest.
        self.round = 0
        self.refusals = 0
        self.timer: asyncio.TimerHandle | None = None
        # Ended with its token: goes on with the next one.
        self.expired = False

    def set_status(self, status: Status, error: VendueError | None = None) -> None:
        if self.status not in {"failed", "closed"}:
            self.status, self.error = status, error
            for user in tuple(self.users):
                user._ring()

    def give(self, update: Snapshot | Event) -> None:
        for user in tuple(self.users):
            user._give(update)

    def wait_no_more(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


class Subscription(Generic[S]):
    """A hold on a channel: `state` is snapshot + events at `position`.

    Read it as it fits: `state` at any moment, `async for state in lot.states()` for each newest one, or `async for update in
    lot` for every step: `Snapshot`, `Event`, and `Overrun` where the reader was too slow for its buffer. Closing the last
    hold on a channel unsubscribes.
    """

    def __init__(self, channel: _Channel, release: Callable[[Subscription[S]], None], buffer: int, stats: Stats) -> None:
        self._channel = channel
        self._release = release
        self._limit = buffer
        self._stats = stats
        self._buffer: deque[Snapshot | Event] = deque()
        # Updates that found the buffer full: while there are any, they are only counted.
        self._missed = 0
        self._bell = Bell()
        self._closed = False

    @property
    def channel(self) -> str:
        """The channel's name."""
        return self._channel.core.name

    @property
    def state(self) -> S | None:
        """Snapshot + events so far; None before the first snapshot. Never changed in place."""
        return cast("S | None", self._channel.core.state)

    @property
    def position(self) -> Position | None:
        """Where `state` stands; None where a snapshot is awaited."""
        return self._channel.core.position

    @property
    def status(self) -> Status:
        """Whether `state` is the newest."""
        return "closed" if self._closed else self._channel.status

    @property
    def error(self) -> VendueError | None:
        """Why it has failed."""
        return self._channel.error

    async def ready(self) -> S:
        """Waits until it is live. Raises why it never will be."""
        while True:
            if self.status == "live" and self.state is not None:
                return self.state
            self._check_end()
            await self._bell.wait()

    async def states(self) -> AsyncIterator[S]:
        """The state whenever it has changed, the newest each time: a slow reader skips steps and never lags behind."""
        shown: S | None = None
        while True:
            state = self.state
            if state is not None and state is not shown:
                shown = state
                yield state
            elif self._is_over():
                return
            else:
                await self._bell.wait()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Update:
        while True:
            if self._buffer:
                return self._buffer.popleft()
            if self._missed and self.position is not None:
                missed, self._missed = self._missed, 0
                self._stats.overruns += 1
                return Overrun(missed, self.position, self._channel.core.state or {})
            if self._is_over():
                raise StopAsyncIteration
            await self._bell.wait()

    def close(self) -> None:
        """Lets go of the channel; whoever reads, ends. Doing so twice is harmless."""
        if not self._closed:
            self._closed = True
            self._release(self)
            self._buffer.clear()
            self._missed = 0
            self._bell.ring()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _is_over(self) -> bool:
        """Whether nothing more will come. Raises why, unless it was closed here."""
        if self._closed or self._channel.status == "closed":
            return True
        if self._channel.status == "failed" and self._channel.error is not None:
            raise self._channel.error
        return False

    def _check_end(self) -> None:
        if self._is_over():
            raise local("unavailable", f"The subscription to {self.channel} was closed.", "not_executed", temporary=False)

    def _give(self, update: Snapshot | Event) -> None:
        if self._missed or len(self._buffer) >= self._limit:
            # What has been buffered is older than the state that the reader is given instead.
            self._missed += 1 + len(self._buffer)
            self._buffer.clear()
        else:
            self._buffer.append(update)
        self._bell.ring()

    def _ring(self) -> None:
        self._bell.ring()


class SubscriptionTable:
    """All channels of one client."""

    def __init__(self, stats: Stats, random: Callable[[], float], on_fault: Callable[[StreamFault], None]) -> None:
        self._stats = stats
        self._random = random
        self._on_fault = on_fault
        self._channels: dict[str, _Channel] = {}
        self._request: Requester | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        # Gives the connection a fresh token; None where the token cannot be had anew.
        self.renew: Callable[[], Awaitable[bool]] | None = None

    def __len__(self) -> int:
        return len(self._channels)

    def subscribe(self, name: str, mode: Mode, buffer: int, since: Position | None, state: State | None) -> Subscription[Any]:
        """A hold on a channel; the first one subscribes."""
        channel = self._channels.get(name)
        if channel is None:
            channel = self._channels[name] = _Channel(ChannelCore(name, since, state), mode)
            self._sync(channel)
        subscription: Subscription[Any] = Subscription(channel, self._release, buffer, self._stats)
        if channel.core.position is not None and since is None and channel.core.state is not None:
            # Who comes later begins with what the others know.
            subscription._give(Snapshot(channel.core.position, channel.core.state))
        channel.users.append(subscription)
        if mode == "all" and channel.mode == "latest":
            channel.mode = "all"
            self._sync(channel)
        return subscription

    def up(self, request: Requester) -> None:
        """A connection is there."""
        self._request = request
        for channel in tuple(self._channels.values()):
            self._sync(channel)

    def down(self) -> None:
        """The connection is gone; states stay as they are, to be resumed."""
        self._request = None
        for channel in self._channels.values():
            channel.wait_no_more()
            channel.round += 1
            channel.set_status("syncing")

    def end(self, error: VendueError | None) -> None:
        """No connection will ever come again: every reader ends, with the error if there is one."""
        self.down()
        for channel in tuple(self._channels.values()):
            channel.set_status("failed" if error else "closed", error)
        self._channels.clear()
        for task in self._tasks:
            task.cancel()

    def forget_account(self) -> None:
        """Another account speaks from now on: positions in the private channel mean nothing to it."""
        channel = self._channels.get("account")
        if channel is not None:
            channel.core.position = None
            self._sync(channel)

    def message(self, message: Mapping[str, Any]) -> None:
        """An event."""
        channel = self._channels.get(message["channel"])
        if channel is None:
            return
        try:
            event = Event.of(message, channel.core.name)
        except ValueError:
            self._stats.malformed += 1
            return
        verdict = channel.core.take(event)
        if verdict == "applied":
            self._stats.events += 1
            channel.give(event)
        elif verdict == "duplicate":
            self._stats.duplicates += 1
            self._report("duplicate", channel, event.seq)
        elif verdict in {"gap", "epoch"}:
            self._fault(channel, "epoch" if verdict == "epoch" else "gap", event.seq)

    def heartbeat(self, seqs: Mapping[str, Any]) -> None:
        """The latest seqs that the server knows: whoever is behind and stays behind has a silent gap."""
        for name, latest in seqs.items():
            channel = self._channels.get(name)
            if channel is None or not isinstance(latest, int) or not channel.core.is_behind(latest):
                continue
            asyncio.get_running_loop().call_later(_HEARTBEAT_GRACE, self._judge, channel, channel.round, latest)

    def ended(self, name: str, code: str) -> None:
        """The server delivers a channel no more."""
        channel = self._channels.get(name)
        if channel is None:
            return
        if code == "token_expired" and self.renew is not None:
            channel.expired = True
            channel.round += 1
            channel.set_status("syncing")
            self._spawn(self._renew(channel))
        else:
            self._refuse(channel, local(code, f"{name} is not delivered any more.", "rejected", temporary=False))

    def renewed(self) -> None:
        """The connection has a fresh token: what ended with the old one goes on."""
        for channel in tuple(self._channels.values()):
            if channel.expired:
                self._sync(channel)

    def _judge(self, channel: _Channel, of_round: int, latest: int) -> None:
        if channel.round == of_round and channel.core.is_behind(latest):
            self._fault(channel, "silent_gap", latest)

    def _report(self, kind: Any, channel: _Channel, seq: int) -> None:
        fault = StreamFault(kind, channel.core.name, channel.core.position, seq)
        log.log(logging.DEBUG if kind == "duplicate" else logging.WARNING, "%s", fault)
        self._on_fault(fault)

    def _fault(self, channel: _Channel, kind: str, seq: int) -> None:
        if kind == "epoch":
            self._stats.epochs += 1
        else:
            self._stats.gaps += 1
        self._report(kind, channel, seq)
        self._sync(channel)

    def _sync(self, channel: _Channel) -> None:
        channel.set_status("syncing")
        channel.core.begin_sync()
        channel.round += 1
        channel.wait_no_more()
        channel.expired = False
        if self._request is not None and channel.status != "failed":
            self._spawn(self._subscribe(channel, channel.round, self._request))

    async def _subscribe(self, channel: _Channel, of_round: int, request: Requester) -> None:
        at = channel.core.position
        params: Message = {"channel": channel.core.name, "snapshot": True, "mode": channel.mode}
        if at is not None:
            params["resume"] = {"epoch": at.epoch, "seq": at.seq}
        try:
            reply = await request("subscribe", params)
        except VendueError as error:
            if channel.round == of_round:
                self._refused(channel, error)
            return
        if channel.round == of_round:
            self._settle(channel, reply, at)

    def _settle(self, channel: _Channel, reply: Mapping[str, Any], at: Position | None) -> None:
        channel.refusals = 0
        resumed = reply.get("resumed") is True
        if resumed:
            self._stats.resumed += 1
        else:
            self._stats.snapshots += 1
        if at is not None and at.epoch != reply.get("epoch"):
            self._stats.epochs += 1
            self._report("epoch", channel, int(reply.get("seq") or 0))

        def heard(event: Event | None) -> None:
            if event is not None:
                self._stats.events += 1
                channel.give(event)
            elif channel.core.position is not None:
                channel.give(Snapshot(channel.core.position, channel.core.state or {}))

        if channel.core.settle(reply, heard):
            channel.set_status("live")
        else:
            self._report("broken_resume", channel, int(reply.get("seq") or 0))
            self._later(channel)

    def _refused(self, channel: _Channel, error: VendueError) -> None:
        if error.code == "unrecoverable_position" and channel.core.position is not None:
            channel.core.position = None
            return self._sync(channel)
        if error.code == "token_expired" and self.renew is not None:
            channel.expired = True
            return self._spawn(self._renew(channel))
        stuck = error.code in _FINAL or error.code == "token_expired"
        if not stuck and (error.temporary or error.outcome == "not_executed"):
            return self._later(channel)
        return self._refuse(channel, error)

    async def _renew(self, channel: _Channel) -> None:
        """`renewed` tells when it has worked; else it is tried again with the pause of a refusal."""
        if self.renew is not None and not await self.renew() and channel.expired:
            self._later(channel)

    def _refuse(self, channel: _Channel, error: VendueError) -> None:
        channel.round += 1
        channel.wait_no_more()
        channel.set_status("failed", error)
        # Whoever subscribes again asks the server again.
        if self._channels.get(channel.core.name) is channel:
            del self._channels[channel.core.name]

    def _later(self, channel: _Channel) -> None:
        bound = min(_RETRY_MAX, _RETRY_BASE * 2.0 ** min(channel.refusals, _DOUBLINGS_MAX))
        channel.refusals += 1
        channel.wait_no_more()
        of_round = channel.round

        def again() -> None:
            if channel.round == of_round:
                self._sync(channel)

        channel.timer = asyncio.get_running_loop().call_later(self._random() * bound, again)

    def _release(self, subscription: Subscription[Any]) -> None:
        channel = subscription._channel
        channel.users.remove(subscription)
        if channel.users or self._channels.get(channel.core.name) is not channel:
            return
        channel.wait_no_more()
        channel.round += 1
        del self._channels[channel.core.name]
        if self._request is not None:
            self._spawn(self._unsubscribe(channel.core.name, self._request))

    async def _unsubscribe(self, name: str, request: Requester) -> None:
        try:
            await request("unsubscribe", {"channel": name})
        except VendueError:
            # Whether it arrives does not matter: events of a channel that nobody holds are dropped here.
            log.debug("not unsubscribed from %s", name)

    def _spawn(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work, name="vendue subscription")
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("a subscription failed", exc_info=task.exception())
