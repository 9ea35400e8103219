"""Requests under way.

A command keeps its key through every repeat, so repeating it after a lost connection is safe; one whose deadline has
passed without an answer is looked up with `command.result` and never sent again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from ._bell import Bell
from ._codec import Message
from ._stats import Stats
from .errors import VendueError, local, of_wire

# Where a request is, for whoever waits and must not see a silent spinner.
Phase: TypeAlias = Literal["queued", "sent", "retrying", "checking"]

# Requests that may wait at once, so that a program without a connection does not gather them without end.
PENDING_MAX = 4_096

# What a socket takes: an id's message. Raises `VendueError` where it cannot be written.
Send: TypeAlias = Callable[[Message], None]


@dataclass(frozen=True, slots=True)
class RequestTimes:
    """Times of requests, milliseconds."""

    # Until the outcome must be decided, where the request does not say.
    deadline_ms: int = 5_000
    # Beyond the deadline, for the answer's way back, before the outcome is asked for.
    grace_ms: int = 1_000
    # How long an outcome is looked for before it is called unknown.
    resolve_ms: int = 60_000
    # Between two questions for an outcome, and the bound of the wait before a repeat.
    ask_again_ms: int = 1_000


@dataclass(eq=False, slots=True)
class _Pending:
    method: str
    params: Mapping[str, Any]
    # None for a question.
    key: str | None
    target: str | None
    # Belongs to one connection and dies with it.
    transient: bool
    deadline_at: float
    resolve_until: float
    future: asyncio.Future[Any]
    on_phase: Callable[[Phase], None] | None
    sent: bool = False
    checking: bool = False
    renewed: bool = False
    # The id under which an answer is awaited.
    id: int | None = None
    timer: asyncio.TimerHandle | None = field(default=None)


class RequestTable:
    """Everything that waits for an answer."""

    def __init__(self, times: RequestTimes, stats: Stats, random: Callable[[], float]) -> None:
        self._times = times
        self._stats = stats
        self._random = random
        self._waiting: dict[_Pending, None] = {}
        self._by_id: dict[int, _Pending] = {}
        self._next_id = 1
        self._send: Send | None = None
        self._ended: VendueError | None = None
        # Gives the live connection a fresh token; False where there is none to be had.
        self.renew: Callable[[], Awaitable[bool]] | None = None
        # Called when an answer is missing: the connection may be dead.
        self.doubt: Callable[[], None] | None = None
        self._answered = Bell()
        self._renewing: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._waiting)

    def take_id(self) -> int:
        """A number for a message that its sender answers for itself (`connect`, `ping`)."""
        self._next_id += 1
        return self._next_id - 1

    async def drained(self) -> None:
        """Until nobody waits any more."""
        while self._waiting:
            await self._answered.wait()

    async def request(
        self,
        method: str,
        params: Mapping[str, Any],
        *,
        key: str | None = None,
        target: str | None = None,
        deadline_ms: int | None = None,
        on_phase: Callable[[Phase], None] | None = None,
        transient: bool = False,
    ) -> Any:
        """The result. With a key it is a command; `VendueError` says what became of one that did not succeed."""
        if self._ended is not None:
            raise local(self._ended.code, self._ended.message, "not_executed", temporary=False)
        if len(self._waiting) >= PENDING_MAX:
            raise local("overloaded", f"More than {PENDING_MAX} requests are waiting.", "not_executed")
        wait = (self._times.deadline_ms if deadline_ms is None else deadline_ms) / 1000
        now = time.monotonic()
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        resolve_until = now + wait + self._times.resolve_ms / 1000
        pending = _Pending(method, params, key, target, transient, now + wait, resolve_until, future, on_phase)
        self._stats.requests += 1
        self._waiting[pending] = None
        try:
            if self._send:
                self._dispatch(pending)
            else:
                self._tell(pending, "queued")
            if pending.timer is None and not future.done():
                self._arm_deadline(pending)
            return await future
        finally:
            # Also where the caller has been cancelled: then nobody waits any more.
            self._forget(pending)

    def up(self, send: Send) -> None:
        """A connection is there: everything that waits goes out, with the keys it had."""
        self._send = send
        for pending in tuple(self._waiting):
            if pending.future.done():
                continue
            if pending.checking:
                self._ask(pending)
            else:
                self._dispatch(pending)

    def down(self) -> None:
        """The connection is gone."""
        self._send = None
        self._by_id.clear()
        for pending in tuple(self._waiting):
            pending.id = None
            if pending.transient:
                self._fail(pending, local("unavailable", "The connection was lost.", "not_executed"))

    def end(self, error: VendueError) -> None:
        """No connection will ever come again: everybody is told."""
        self.down()
        self._ended = error
        for pending in tuple(self._waiting):
            outcome: Literal["unknown", "not_executed"] = "unknown" if pending.key and pending.sent else "not_executed"
            self._fail(pending, local(error.code, error.message, outcome, temporary=False))
        for task in self._renewing:
            task.cancel()

    def begin(self) -> None:
        """After an end: as another party perhaps."""
        self._ended = None

    def reply(self, reply: Mapping[str, Any]) -> None:
        """Takes a reply; one that nobody waits for is dropped."""
        pending = self._by_id.pop(reply["id"], None)
        if pending is None:
            return
        pending.id = None
        self._stats.replies += 1
        if pending.checking:
            self._looked(pending, reply)
        elif reply["ok"]:
            self._succeed(pending, reply.get("result"))
        else:
            self._refused(pending, of_wire(reply.get("error")))

    def _dispatch(self, pending: _Pending) -> None:
        left = round((pending.deadline_at - time.monotonic()) * 1000)
        # Too late to be executed; its timer decides what is said.
        if left <= 0 or self._send is None:
            return
        if pending.sent:
            self._stats.retries += 1
        beside = {} if pending.key is None else {"key": pending.key, "deadline_ms": left}
        if not self._transmit(pending, pending.method, {**pending.params, **beside}):
            return
        self._tell(pending, "retrying" if pending.sent else "sent")
        pending.sent = True
        self._arm_deadline(pending)

    def _transmit(self, pending: _Pending, method: str, params: Message) -> bool:
        if pending.id is not None:
            self._by_id.pop(pending.id, None)
            pending.id = None
        request_id = self.take_id()
        assert self._send is not None
        try:
            self._send({"id": request_id, "method": method, "params": params})
        except VendueError as error:
            self._fail(pending, error)
            return False
        pending.id = request_id
        self._by_id[request_id] = pending
        return True

    def _arm_deadline(self, pending: _Pending) -> None:
        left = max(0.0, pending.deadline_at - time.monotonic())
        self._arm(pending, left + (self._times.grace_ms / 1000 if pending.sent else 0), self._expire)

    def _arm(self, pending: _Pending, seconds: float, then: Callable[[_Pending], None]) -> None:
        if pending.timer is not None:
            pending.timer.cancel()
        pending.timer = asyncio.get_running_loop().call_later(seconds, then, pending)

    def _expire(self, pending: _Pending) -> None:
        if pending.sent and pending.key is not None:
            return self._begin_check(pending)
        reason = "No answer came in time." if pending.sent else "There was no connection before the deadline."
        return self._fail(pending, local("deadline_exceeded", reason, "not_executed"))

    def _refused(self, pending: _Pending, error: VendueError) -> None:
        if error.outcome == "unknown" and pending.key is not None:
            return self._begin_check(pending)
        if error.code == "token_expired" and self.renew and not pending.renewed and not pending.transient:
            return self._renew_for(pending, error)
        in_progress = error.code == "request_in_progress"
        repeatable = in_progress or (error.temporary and error.outcome == "not_executed")
        again = self._times.ask_again_ms * self._random() if error.retry_after_ms is None else error.retry_after_ms
        fits = time.monotonic() + again / 1000 < pending.deadline_at
        if repeatable and fits and not pending.transient:
            return self._arm(pending, again / 1000, self._repeat)
        # The first sending is still being decided: what it came to has to be asked for.
        if in_progress and pending.key is not None:
            return self._begin_check(pending)
        return self._fail(pending, error)

    def _renew_for(self, pending: _Pending, error: VendueError) -> None:
        """The token ran out under a request, which was not executed: once more with a fresh one."""
        pending.renewed = True
        self._arm_deadline(pending)

        async def renew() -> None:
            fresh = self.renew is not None and await self.renew()
            if pending.future.done() or pending.checking:
                return
            if fresh:
                self._repeat(pending)
            else:
                self._fail(pending, error)

        task = asyncio.get_running_loop().create_task(renew(), name="vendue renewal")
        self._renewing.add(task)
        task.add_done_callback(self._renewing.discard)

    def _repeat(self, pending: _Pending) -> None:
        if self._send and pending.id is None:
            self._dispatch(pending)
        if pending.id is None and not pending.future.done():
            self._arm_deadline(pending)

    def _begin_check(self, pending: _Pending) -> None:
        if pending.target is None:
            text = "No answer came, and nobody can be asked for the outcome."
            return self._fail(pending, local("deadline_exceeded", text, "unknown"))
        if not pending.checking:
            self._stats.outcomes_asked += 1
            if self.doubt:
                self.doubt()
        pending.checking = True
        self._tell(pending, "checking")
        return self._ask(pending)

    def _ask(self, pending: _Pending) -> None:
        if time.monotonic() >= pending.resolve_until:
            return self._fail(pending, local("deadline_exceeded", "The outcome could not be learnt.", "unknown"))
        question = {"target": pending.target, "key": pending.key}
        if self._send and not self._transmit(pending, "command.result", question):
            return None
        return self._arm(pending, self._times.ask_again_ms / 1000, self._ask)

    def _looked(self, pending: _Pending, reply: Mapping[str, Any]) -> None:
        """Takes the answer to `command.result`: the earlier reply, given again."""
        if reply["ok"]:
            return self._succeed(pending, reply.get("result"))
        error = of_wire(reply.get("error"))
        if error.outcome == "rejected":
            return self._fail(pending, error)
        # The actor knows no such command. Only after the deadline does that say that it never will.
        if error.code == "not_found":
            if time.monotonic() < pending.deadline_at:
                pending.checking = False
                return self._repeat(pending)
            text = "The command did not arrive in time and was not executed."
            return self._fail(pending, local("deadline_exceeded", text, "not_executed"))
        again = self._times.ask_again_ms if error.retry_after_ms is None else error.retry_after_ms
        if error.code == "token_expired" or error.temporary or error.outcome == "unknown":
            return self._arm(pending, again / 1000, self._ask)
        text = f"The outcome could not be learnt: {error.message}"
        return self._fail(pending, local(error.code, text, "unknown", temporary=False))

    @staticmethod
    def _tell(pending: _Pending, phase: Phase) -> None:
        if pending.on_phase:
            pending.on_phase(phase)

    def _succeed(self, pending: _Pending, result: Any) -> None:
        self._forget(pending)
        if not pending.future.done():
            pending.future.set_result(result)

    def _fail(self, pending: _Pending, error: VendueError) -> None:
        self._forget(pending)
        if not pending.future.done():
            pending.future.set_exception(error)

    def _forget(self, pending: _Pending) -> None:
        if pending.timer is not None:
            pending.timer.cancel()
        if self._waiting.pop(pending, False) is None:
            self._answered.ring()
        if pending.id is not None:
            self._by_id.pop(pending.id, None)
            pending.id = None
