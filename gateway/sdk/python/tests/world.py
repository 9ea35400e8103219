"""A server and a client in one process, for tests."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from vendue import (
    Backoff,
    Client,
    RequestTimes,
    VendueError,
)

from .fake import FakeServer, fake_server

FAST = Backoff(base=0.005, cap=0.02, relief=0.005)


QUICK = RequestTimes(grace_ms=20, ask_again_ms=20)


@contextlib.asynccontextmanager
async def world(**options: Any) -> AsyncIterator[tuple[FakeServer, Client]]:
    """A server and a client that is not started."""
    async with fake_server() as server:
        client = Client(server.url, **{"backoff": FAST, "requests": QUICK, **options})
        try:
            yield server, client
        finally:
            await client.close()
            assert client.stats().pending == 0


@contextlib.asynccontextmanager
async def live(**options: Any) -> AsyncIterator[tuple[FakeServer, Client]]:
    async with world(**options) as (server, client):
        client.start()
        await client.ready(30)
        yield server, client


async def refusal(work: Any) -> VendueError:
    with pytest.raises(VendueError) as caught:
        await work
    return caught.value
