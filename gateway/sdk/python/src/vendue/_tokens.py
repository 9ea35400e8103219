"""Tokens: where they come from, and when a live connection needs a fresh one."""

from __future__ import annotations

import base64
import inspect
import json
from collections.abc import Awaitable, Callable
from typing import TypeAlias

# A token, or how to get one: called for each connection, and before the token of a live one ends.
TokenSource: TypeAlias = str | Callable[[], str | Awaitable[str]]

# How long before its end a token is replaced: a minute, or a fifth of its life where that is less.
_LEAD_US = 60_000_000
_LEAD_PART = 5

# Where a source gives a token that ends no later than the last one, or none: seconds until it is asked again.
RENEW_AGAIN = 1.0


async def fetch(source: TokenSource | None) -> str | None:
    """A token; None for a guest. Raises what the source raises."""
    if source is None or isinstance(source, str):
        return source
    token = source()
    return await token if inspect.isawaitable(token) else token


def expiry_of(token: str | None) -> int | None:
    """When a token ends, microseconds since the Unix epoch. Only a hint to come in time: the server judges it."""
    if token is None or token.count(".") != 2:
        return None
    part = token.split(".")[1]
    try:
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        return int(claims["exp"] * 1_000_000)
    except (ValueError, KeyError, TypeError, OverflowError):
        return None


def renew_in(expires_at: int, now: int) -> float:
    """Seconds until a token should be replaced."""
    left = expires_at - now
    return max(0.0, (left - min(_LEAD_US, left // _LEAD_PART)) / 1e6)
