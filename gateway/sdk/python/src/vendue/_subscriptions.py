"""The channels that are subscribed to: where each stands, and what to ask for when a step is missing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

from ._channel import ChannelCore, Event, Position, State
from ._codec import Message
from ._stats import Stats
from ._subscription import Channel, Mode, Snapshot, StreamFault, Subscription
from .errors import VendueError, local

log = logging.getLogger("vendue")

# Seconds for events that are on their way when a heartbeat reports a later seq (`market:` conflates to 250 ms).
_HEARTBEAT_GRACE = 1.0

# Upper bound of the wait before a refused subscription is tried again, seconds, and of the first such wait.
_RETRY_MAX = 5.0
_RETRY_BASE = 0.1
_DOUBLINGS_MAX = 10

# Refusals that asking again will not change.
_FINAL = {"unauthenticated", "forbidden", "unknown_channel", "not_found", "invalid_request", "unknown_method"}


# Sends `subscribe` or `unsubscribe` on the present connection.
Requester: TypeAlias = Callable[[str, Message], Awaitable[Any]]


class SubscriptionTable:
    """All channels of one client."""

    def __init__(self, stats: Stats, random: Callable[[], float], on_fault: Callable[[StreamFault], None]) -> None:
        self._stats = stats
        self._random = random
        self._on_fault = on_fault
        self._channels: dict[str, Channel] = {}
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
            channel = self._channels[name] = Channel(ChannelCore(name, since, state), mode)
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

    def _judge(self, channel: Channel, of_round: int, latest: int) -> None:
        if channel.round == of_round and channel.core.is_behind(latest):
            self._fault(channel, "silent_gap", latest)

    def _report(self, kind: Any, channel: Channel, seq: int) -> None:
        fault = StreamFault(kind, channel.core.name, channel.core.position, seq)
        log.log(logging.DEBUG if kind == "duplicate" else logging.WARNING, "%s", fault)
        self._on_fault(fault)

    def _fault(self, channel: Channel, kind: str, seq: int) -> None:
        if kind == "epoch":
            self._stats.epochs += 1
        else:
            self._stats.gaps += 1
        self._report(kind, channel, seq)
        self._sync(channel)

    def _sync(self, channel: Channel) -> None:
        channel.set_status("syncing")
        channel.core.begin_sync()
        channel.round += 1
        channel.wait_no_more()
        channel.expired = False
        if self._request is not None and channel.status != "failed":
            self._spawn(self._subscribe(channel, channel.round, self._request))

    async def _subscribe(self, channel: Channel, of_round: int, request: Requester) -> None:
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

    def _settle(self, channel: Channel, reply: Mapping[str, Any], at: Position | None) -> None:
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

    def _refused(self, channel: Channel, error: VendueError) -> None:
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

    async def _renew(self, channel: Channel) -> None:
        """`renewed` tells when it has worked; else it is tried again with the pause of a refusal."""
        if self.renew is not None and not await self.renew() and channel.expired:
            self._later(channel)

    def _refuse(self, channel: Channel, error: VendueError) -> None:
        channel.round += 1
        channel.wait_no_more()
        channel.set_status("failed", error)
        # Whoever subscribes again asks the server again.
        if self._channels.get(channel.core.name) is channel:
            del self._channels[channel.core.name]

    def _later(self, channel: Channel) -> None:
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
