"""A proxy that does to a connection what networks do: it cuts, stalls, delays, and tears frames in two."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from random import Random
from typing import Any

# Bytes read at once.
_CHUNK = 16 * 1024


class _Pipe:
    """One direction of one connection."""

    def __init__(self, line: _Line, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.line, self.reader, self.writer = line, reader, writer
        self.held_until = 0.0
        self.torn = False
        self.waiting: asyncio.Queue[bytes] = asyncio.Queue()

    async def read(self) -> None:
        """What is held when an end goes away is lost, as it is in a network."""
        while chunk := await self.reader.read(_CHUNK):
            self.waiting.put_nowait(chunk)

    async def write(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            chunk = await self.waiting.get()
            while (left := self.held_until - loop.time()) > 0:
                await asyncio.sleep(left)
            if self.torn:
                self.writer.write(chunk[: len(chunk) // 2])
                with contextlib.suppress(OSError):
                    await self.writer.drain()
                return
            self.writer.write(chunk)
            await self.writer.drain()


class _Line:
    """One connection: both directions, and both ends of it at once."""

    def __init__(self, near: Any, far: Any) -> None:
        self.writers = (near[1], far[1])
        self.pipes = (_Pipe(self, near[0], far[1]), _Pipe(self, far[0], near[1]))

    async def run(self) -> None:
        tasks = [asyncio.create_task(work) for pipe in self.pipes for work in (pipe.read(), pipe.write())]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.cut()

    def cut(self) -> None:
        for writer in self.writers:
            writer.transport.abort()


class FaultyProxy:
    """Listens on `port`. Faults happen while `running`; then it only carries."""

    def __init__(self, upstream: int, faults: dict[str, Any], random: Random) -> None:
        self.upstream, self.faults, self.random = upstream, faults, random
        self.port = 0
        self.counts: dict[str, int] = {}
        self._lines: set[_Line] = set()
        self._chaos: asyncio.Task[None] | None = None

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far = await asyncio.open_connection("127.0.0.1", self.upstream)
        except OSError:
            writer.transport.abort()
            return
        line = _Line((reader, writer), far)
        self._lines.add(line)
        try:
            await line.run()
        finally:
            self._lines.discard(line)

    async def _run(self) -> None:
        kinds, weights = zip(*self.faults["weights"].items(), strict=True)
        while True:
            await asyncio.sleep(self.random.uniform(*self.faults["every_ms"]) / 1000)
            if self._lines:
                kind = self.random.choices(kinds, weights)[0]
                self.counts[kind] = self.counts.get(kind, 0) + 1
                self._strike(kind, self.random.choice(sorted(self._lines, key=id)))

    def _strike(self, kind: str, line: _Line) -> None:
        pipe = self.random.choice(line.pipes)
        if kind == "cut":
            line.cut()
        elif kind == "half_frame":
            pipe.torn = True
        else:
            hold = self.random.uniform(*self.faults[f"{kind}_ms"]) / 1000
            pipe.held_until = asyncio.get_running_loop().time() + hold

    def start(self) -> None:
        self._chaos = asyncio.get_running_loop().create_task(self._run())

    async def calm(self) -> None:
        """No more faults; one that has been set but not struck yet is taken back."""
        if self._chaos is not None:
            self._chaos.cancel()
            await asyncio.gather(self._chaos, return_exceptions=True)
            self._chaos = None
        for line in self._lines:
            for pipe in line.pipes:
                pipe.torn = False

    def cut_all(self) -> None:
        for line in tuple(self._lines):
            line.cut()


@contextlib.asynccontextmanager
async def faulty_proxy(upstream: int, faults: dict[str, Any], random: Random) -> AsyncIterator[FaultyProxy]:
    proxy = FaultyProxy(upstream, faults, random)
    server = await asyncio.start_server(proxy._accept, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        await proxy.calm()
        server.close()
        proxy.cut_all()
        for _ in range(1_000):
            if not proxy._lines:
                break
            await asyncio.sleep(0.002)
