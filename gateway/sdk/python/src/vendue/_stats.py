"""What a client has seen."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Stats:
    """What the client has seen since it was made. Counters only grow; the last fields say how things stand."""

    # Connections that reached the reply to `connect`.
    connections: int = 0
    # Attempts that ended without it.
    failed_attempts: int = 0
    frames_in: int = 0
    frames_out: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    # Messages that could not be read.
    malformed: int = 0
    events: int = 0
    # Events that were already known and dropped.
    duplicates: int = 0
    # Breaks in a channel's sequence, silent ones found by a heartbeat included.
    gaps: int = 0
    # Times that a channel's history was another one: the server was restored from a backup.
    epochs: int = 0
    # Subscriptions that were continued with every missed event.
    resumed: int = 0
    # Subscriptions that were answered with a snapshot.
    snapshots: int = 0
    # Times that a slow reader was given the newest state instead of every event.
    overruns: int = 0
    requests: int = 0
    replies: int = 0
    # Requests sent again with the same key.
    retries: int = 0
    # Commands whose outcome had to be asked for.
    outcomes_asked: int = 0
    # Fresh tokens that a live connection was given.
    renewals: int = 0
    # How things stand: the fastest recent round trip, the clock's offset and how far that may be off (microseconds),
    # channels subscribed to, requests without an answer.
    rtt_us: int | None = None
    offset_us: int = 0
    clock_error_us: int | None = None
    subscriptions: int = 0
    pending: int = 0
