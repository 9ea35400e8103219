"""The server's clock as seen from here."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

# Exchanges remembered: enough to hold a fast one, few enough to follow drift (the client pings every half minute).
_WINDOW = 12

# Drift allowed between two samples before they count as contradicting each other: 500 ppm over several minutes.
_STEP_TOLERANCE_US = 150_000

# What the monotonic clock has to be given to show microseconds since the Unix epoch.
_ORIGIN_US = time.time_ns() // 1_000 - time.monotonic_ns() // 1_000


def steady_micros() -> int:
    """Microseconds since the Unix epoch from the monotonic clock: no adjustment of the wall clock moves it."""
    return time.monotonic_ns() // 1_000 + _ORIGIN_US


@dataclass(frozen=True, slots=True)
class _Sample:
    rtt: int
    offset: float


class ServerClock:
    """The server's time, by the fastest of several exchanges.

    Each exchange gives an interval in which the true offset must lie; the fastest of the recent ones is the narrowest
    and wins (the idea of NTP's clock filter).
    """

    def __init__(self, local_micros: Callable[[], int] = steady_micros) -> None:
        self._local = local_micros
        self._samples: list[_Sample] = []

    def mark(self) -> int:
        """The local instant to note before a request is sent."""
        return self._local()

    def sample(self, t0: int, t_in: int, t_out: int) -> None:
        """Takes one exchange.

        Sent at `t0` (local), received by the server at `t_in`, answered at `t_out` (server), and the answer seen now;
        microseconds. Exchanges with impossible times are ignored.
        """
        t3 = self._local()
        rtt = t3 - t0 - (t_out - t_in)
        if rtt < 0 or t_out < t_in:
            return
        fresh = _Sample(rtt, (t_in - t0 + (t_out - t3)) / 2)
        # An older sample that cannot be true together with the new one means that a clock has stepped (a laptop slept).
        kept = [one for one in self._samples if abs(one.offset - fresh.offset) <= (one.rtt + rtt) / 2 + _STEP_TOLERANCE_US]
        self._samples = [*kept, fresh][-_WINDOW:]

    def _best(self) -> _Sample | None:
        return min(self._samples, key=lambda one: one.rtt, default=None)

    def now(self) -> int:
        """The server's time now, microseconds since the Unix epoch; the local time before the first exchange."""
        return self._local() + round(self.offset_us)

    @property
    def offset_us(self) -> float:
        """What must be added to the local clock, microseconds."""
        best = self._best()
        return best.offset if best else 0.0

    @property
    def rtt_us(self) -> int | None:
        """The round trip of the fastest recent exchange, microseconds; None before the first."""
        best = self._best()
        return best.rtt if best else None

    @property
    def error_us(self) -> int | None:
        """By how much `now()` may be off at most, microseconds: half of the fastest round trip. None before the first."""
        best = self._best()
        return math.ceil(best.rtt / 2) if best else None
