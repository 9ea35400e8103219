"""`client.effect`: the methods of the protocol that begin with `effect.`.

Made by `tools/generate.py` out of the server's documents; changes belong there.
"""

from __future__ import annotations

from typing import Unpack, cast

from ..types import Effects
from ._base import Methods, ReadOptions


class EffectMethods(Methods):
    """What can be asked about effects, and done to them."""

    async def list(
        self,
        *,
        limit: int | None = None,
        **how: Unpack[ReadOptions],
    ) -> Effects:
        """Commands between actors that wait or were declined: for operators."""
        return cast("Effects", await self._call("effect.list", {"limit": limit}, how))
