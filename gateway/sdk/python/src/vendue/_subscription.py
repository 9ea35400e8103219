"""A hold on a channel, and what its reader is given."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Generic, Literal, Self, TypeAlias, TypeVar, cast

from ._bell import Bell
from ._channel import ChannelCore, Event, Position, State
from ._stats import Stats
from .errors import VendueError, local

S = TypeVar("S")

# Every event, or the newest state: then steps may be skipped, which the event that stands for them says.
Mode: TypeAlias = Literal["all", "latest"]

# `syncing`: the state shown is the last one known; `live`: it is the newest; `failed`: the server refused for good.
Status: TypeAlias = Literal["syncing", "live", "failed", "closed"]


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


class Channel:
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

    def __init__(self, channel: Channel, release: Callable[[Subscription[S]], None], buffer: int, stats: Stats) -> None:
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
