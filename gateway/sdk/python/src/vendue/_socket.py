"""One connection: frames in, frames out. What is sent in one turn of the event loop goes out in one frame."""

from __future__ import annotations

import asyncio
import contextlib
import socket as sockets
import ssl
import struct
from collections.abc import Callable
from dataclasses import dataclass

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from ._codec import FRAME_BYTES_MAX, FRAME_MESSAGES_MAX, Codec, Message
from ._stats import Stats

# A frame from the server: a resume has at most 256 KiB of events, a snapshot of a deep book may have more.
_FRAME_IN_MAX = 16 * 1024 * 1024

# How long a proper farewell may take, seconds; a dead peer never answers a close.
_FAREWELL = 1.0

# A connection that ended without a close code of the server's.
ABNORMAL = 1006


@dataclass(frozen=True, slots=True)
class Ending:
    """How a connection ended."""

    code: int
    reason: str


async def dial(url: str, codec: Codec, tls: ssl.SSLContext | None, proxy: str | bool | None) -> ClientConnection:
    """TCP, TLS and upgrade. Raises what `websockets` raises."""
    return await connect(
        url,
        subprotocols=[Subprotocol(codec.subprotocol)],
        compression=None,
        ssl=tls if url.startswith("wss:") else None,
        proxy=True if proxy is True else (proxy or None),
        # The protocol has heartbeats of its own, and the owner its own times.
        ping_interval=None,
        open_timeout=None,
        close_timeout=_FAREWELL,
        max_size=_FRAME_IN_MAX,
        user_agent_header="vendue-python",
    )


class Socket:
    """A connection that has been made."""

    def __init__(self, connection: ClientConnection, codec: Codec, stats: Stats) -> None:
        self._connection = connection
        self._codec = codec
        self._stats = stats
        self._outbox: list[bytes] = []
        self._filled = asyncio.Event()
        self._ending: Ending | None = None

    def send(self, message: Message) -> None:
        """Sends with the other messages of this turn. Raises `TypeError` or `ValueError` where it cannot be written."""
        self.send_encoded(self._codec.encode(message))

    def send_encoded(self, message: bytes) -> None:
        """The same for a message that has been encoded."""
        if self._ending is None:
            self._outbox.append(message)
            self._filled.set()

    async def write(self) -> None:
        """Carries what is sent, until the connection ends."""
        with contextlib.suppress(ConnectionClosed):
            while True:
                await self._filled.wait()
                self._filled.clear()
                messages, self._outbox = self._outbox, []
                for frame in self._frames(messages):
                    self._stats.frames_out += 1
                    self._stats.bytes_out += len(frame)
                    await self._connection.send(frame)

    async def read(self, heard: Callable[[Message], None]) -> Ending:
        """Gives every message to `heard` until the connection ends; says how it ended."""
        try:
            while True:
                frame = await self._connection.recv()
                if self._ending is not None:
                    return self._ending
                self._receive(frame, heard)
        except ConnectionClosed as closed:
            said = closed.rcvd
            return self._ending or Ending(said.code if said else ABNORMAL, said.reason if said else "")

    def abandon(self, code: int, reason: str) -> None:
        """Ends it from this side, at once, and takes back what has not left the machine.

        What was sent on a connection that is given up is sent again on the next one, or its outcome is asked for; it must
        not arrive later by this one.
        """
        if self._ending is not None:
            return
        self._ending = Ending(code, reason)
        transport = self._connection.transport
        raw = transport.get_extra_info("socket")
        if raw is not None:
            with contextlib.suppress(OSError):
                raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()

    async def close(self) -> None:
        """Says goodbye where the other side listens."""
        if self._ending is None:
            self._ending = Ending(1000, "closed")
            await self._connection.close()

    def _receive(self, frame: bytes | str, heard: Callable[[Message], None]) -> None:
        self._stats.frames_in += 1
        self._stats.bytes_in += len(frame)
        try:
            parsed = self._codec.decode(frame)
        except ValueError:
            self._stats.malformed += 1
            return
        for message in parsed if isinstance(parsed, list) else (parsed,):
            # One of the messages may have ended it.
            if self._ending is not None:
                return
            if isinstance(message, dict):
                heard(message)
            else:
                self._stats.malformed += 1

    def _frames(self, messages: list[bytes]) -> list[bytes | str]:
        frames: list[bytes | str] = []
        part: list[bytes] = []
        size = 0
        for message in messages:
            if part and (len(part) == FRAME_MESSAGES_MAX or size + len(message) > FRAME_BYTES_MAX):
                frames.append(self._codec.frame(part))
                part, size = [], 0
            part.append(message)
            size += len(message) + 1
        if part:
            frames.append(self._codec.frame(part))
        return frames
