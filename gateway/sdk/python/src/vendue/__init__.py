"""The client of a Vendue market: live lots, safe bids, no gaps."""

from __future__ import annotations

from ._backoff import Backoff
from ._channel import Event, Position
from ._clock import ServerClock
from ._requests import Phase, RequestTimes
from ._state import ConnectionState, ConnectionTimes
from ._stats import Stats
from ._subscription import Mode, Overrun, Snapshot, StreamFault, Subscription, Update
from .client import Client, __version__
from .errors import NotExecuted, Outcome, OutcomeUnknown, Rejected, VendueError
from .ids import new_id, new_key

__all__ = [
    "Backoff",
    "Client",
    "ConnectionState",
    "ConnectionTimes",
    "Event",
    "Mode",
    "NotExecuted",
    "Outcome",
    "OutcomeUnknown",
    "Overrun",
    "Phase",
    "Position",
    "Rejected",
    "RequestTimes",
    "ServerClock",
    "Snapshot",
    "Stats",
    "StreamFault",
    "Subscription",
    "Update",
    "VendueError",
    "__version__",
    "new_id",
    "new_key",
]
