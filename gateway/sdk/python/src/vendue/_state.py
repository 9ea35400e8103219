"""Where a connection is, its times, and who hears of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from ._codec import Message
from .errors import VendueError

# Close codes in words for a person.
CLOSE_WORDS: Mapping[int, str] = {
    1000: "closed",
    1001: "the server went away",
    1006: "the connection was lost",
    4001: "bad request",
    4003: "forbidden",
    4008: "too slow to introduce itself",
    4009: "replaced by another connection",
    4101: "the server is overloaded",
    4102: "too slow to read",
    4103: "too many requests",
    4201: "the server restarts",
    4203: "the server asked to start again",
}


@dataclass(frozen=True, slots=True)
class ConnectionState:
    """Where the connection is."""

    phase: Literal["connecting", "live", "waiting", "closed"]
    # Attempts that have failed since a connection stayed up.
    attempt: int = 0
    # Seconds until the next attempt; of `waiting`.
    retry_in: float = 0.0
    # Why it is not live, for a person.
    reason: str = ""
    # Why it will not come back; of `closed`.
    error: VendueError | None = None


@dataclass(frozen=True, slots=True)
class ConnectionTimes:
    """Times of connections, seconds."""

    # Socket, upgrade and `connect` together.
    connect: float = 10.0
    # How long a connection must last before the next failure counts as the first one.
    stable: float = 5.0
    # What a doubtful connection is given to show that it lives.
    probe: float = 4.0


class Owner(Protocol):
    """Who hears what a connection has to say."""

    def on_up(self, send: Callable[[Message], None]) -> None:
        """It is live."""

    def on_down(self, reason: str) -> None:
        """It is not live any more."""

    def on_ended(self, error: VendueError) -> None:
        """It will not come back."""

    def on_reply(self, reply: Message) -> None:
        """A reply that `connect` and `ping` did not take."""

    def on_message(self, message: Message) -> None:
        """An event or a notice."""

    def on_state(self, state: ConnectionState) -> None:
        """It went from one state to another."""

    def take_id(self) -> int:
        """A fresh id of a request."""

    async def authenticate(self, token: str) -> Any:
        """Gives the live connection a token; the server's answer."""
