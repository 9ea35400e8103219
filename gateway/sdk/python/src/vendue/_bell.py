"""Small helpers for waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Bell:
    """Wakes everybody who waits at this moment."""

    __slots__ = ("_waiters",)

    def __init__(self) -> None:
        self._waiters: set[asyncio.Future[None]] = set()

    async def wait(self) -> None:
        """Until the next ring."""
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        try:
            await waiter
        finally:
            self._waiters.discard(waiter)

    def ring(self) -> None:
        """Now."""
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)


class Timers:
    """Timers by name: setting one again moves it."""

    __slots__ = ("_handles",)

    def __init__(self) -> None:
        self._handles: dict[str, asyncio.TimerHandle] = {}

    def after(self, name: str, seconds: float, then: Callable[[], object]) -> None:
        """Calls once, then is forgotten."""
        self.clear(name)

        def fire() -> None:
            self._handles.pop(name, None)
            then()

        self._handles[name] = asyncio.get_running_loop().call_later(max(0.0, seconds), fire)

    def has(self, name: str) -> bool:
        """Whether it is set."""
        return name in self._handles

    def clear(self, name: str) -> None:
        """Takes one away; it need not be there."""
        handle = self._handles.pop(name, None)
        if handle is not None:
            handle.cancel()

    def clear_all(self) -> None:
        """Takes all away."""
        for name in tuple(self._handles):
            self.clear(name)
