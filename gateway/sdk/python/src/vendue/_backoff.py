"""When to come back after a connection has ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

CloseAdvice: TypeAlias = Literal["never", "back_off", "at_once", "retry"]


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits between attempts to connect, seconds."""

    # Upper bound of the first wait.
    base: float = 0.25
    # Upper bound of every wait: a server that returns should not wait long for its clients.
    cap: float = 15.0
    # Least wait after a close code 41xx: the server asked for relief.
    relief: float = 1.0


# Doublings of the base; beyond it every cap has long been reached.
_DOUBLINGS_MAX = 16


def advice_of(code: int) -> CloseAdvice:
    """What a close code asks of the client (protocol, section 3)."""
    if 4000 <= code <= 4099:
        return "never"
    if 4100 <= code <= 4199:
        return "back_off"
    if 4200 <= code <= 4299:
        return "at_once"
    return "retry"


def reconnect_delay(code: int, failures: int, backoff: Backoff, random: Callable[[], float]) -> float | None:
    """Seconds until the next attempt, or None for never.

    `failures` counts the connections since the last one that stayed up. Full jitter: any moment between nothing and the
    bound, so that a crowd does not come back together.
    """
    advice = advice_of(code)
    if advice == "never":
        return None
    # "At once" holds for the first time only: a server that keeps saying it must not be hammered.
    if advice == "at_once" and failures == 0:
        return 0.0
    jittered = random() * min(backoff.cap, backoff.base * 2.0 ** min(failures, _DOUBLINGS_MAX))
    return min(backoff.cap, backoff.relief + jittered) if advice == "back_off" else jittered
