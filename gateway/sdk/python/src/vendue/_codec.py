"""Messages as bytes: JSON, and MessagePack where its package is there."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Literal, Protocol, TypeAlias

Encoding: TypeAlias = Literal["json", "msgpack"]

# Any message: the protocol's messages are objects.
Message: TypeAlias = dict[str, Any]

# Messages in one frame (protocol, section 1).
FRAME_MESSAGES_MAX = 1_024

# Bytes in one frame; the protocol allows 256 KiB, and one message more than planned must fit.
FRAME_BYTES_MAX = 192 * 1024


class Codec(Protocol):
    """How messages are written."""

    subprotocol: str

    def encode(self, message: Message) -> bytes:
        """One message."""

    def frame(self, messages: Sequence[bytes]) -> bytes | str:
        """One or several encoded messages as what a frame carries: text where the subprotocol wants text."""

    def decode(self, frame: bytes | str) -> Any:
        """What a frame carries: a message or a list of messages. Raises `ValueError` where it cannot be read."""


class Json:
    """Text frames, `vendue.v1.json`."""

    subprotocol = "vendue.v1.json"

    def encode(self, message: Message) -> bytes:
        """One message; a float that is no number is refused here, the server could not read it."""
        return json.dumps(message, separators=(",", ":"), allow_nan=False, ensure_ascii=False).encode()

    def frame(self, messages: Sequence[bytes]) -> str:
        """Text."""
        return (messages[0] if len(messages) == 1 else b"[" + b",".join(messages) + b"]").decode()

    def decode(self, frame: bytes | str) -> Any:
        """What a text frame carries."""
        try:
            return json.loads(frame)
        except RecursionError as error:
            raise ValueError("nested too deeply") from error


class MessagePack:
    """Binary frames, `vendue.v1.msgpack`: the same fields, smaller and faster."""

    subprotocol = "vendue.v1.msgpack"

    def __init__(self) -> None:
        # Only who asks for it needs it.
        try:
            import msgpack  # noqa: PLC0415
        except ImportError as error:
            raise ImportError("encoding='msgpack' needs the package msgpack: pip install 'vendue[msgpack]'") from error
        self._pack: Any = msgpack.packb
        self._unpack: Any = msgpack.unpackb

    def encode(self, message: Message) -> bytes:
        """One message."""
        packed: bytes = self._pack(message)
        return packed

    def frame(self, messages: Sequence[bytes]) -> bytes:
        """Bytes: an array's head, of 16 bits, before several messages."""
        if len(messages) == 1:
            return messages[0]
        return b"\xdc" + len(messages).to_bytes(2, "big") + b"".join(messages)

    def decode(self, frame: bytes | str) -> Any:
        """What a binary frame carries."""
        if isinstance(frame, str):
            raise ValueError("a text frame in a binary conversation")
        try:
            return self._unpack(frame, raw=False, strict_map_key=False)
        except ValueError:
            raise
        except Exception as error:
            # The package has errors of its own that are no `ValueError`.
            raise ValueError(str(error)) from error


def codec_of(encoding: Encoding) -> Codec:
    """The codec of that name."""
    return MessagePack() if encoding == "msgpack" else Json()
