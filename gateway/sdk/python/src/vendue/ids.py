"""Ids and keys that a client makes itself."""

from __future__ import annotations

import secrets
from typing import Literal

# Crockford's base 32: no I, L, O or U, so that a person can read it aloud.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

# Characters of an id after its prefix: 26 x 5 bits hold 128 bits (protocol, section 2).
ID_CHARACTERS = 26

# Characters of a key: 24 x 5 = 120 random bits; the protocol allows 1 to 64 characters.
KEY_CHARACTERS = 24


def _base32(characters: int) -> str:
    return "".join(ALPHABET[byte & 31] for byte in secrets.token_bytes(characters))


def new_id(prefix: Literal["mkt", "acc", "sal", "lot", "stk", "bok", "ord"] | str) -> str:
    """A fresh id, such as `lot_0R3K...`, for something this client creates: creating twice under one id is harmless.

    The first character carries only 3 of 128 bits, so it stays below 8.
    """
    body = _base32(ID_CHARACTERS)
    return f"{prefix}_{ALPHABET[ALPHABET.index(body[0]) & 7]}{body[1:]}"


def new_key() -> str:
    """A fresh key for one command. The same key sent again gives the first outcome again."""
    return _base32(KEY_CHARACTERS)
