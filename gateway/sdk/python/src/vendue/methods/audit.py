"""`client.audit`: the methods of the protocol that begin with `audit.`.

Made by `tools/generate.py` out of the server's documents; changes belong there.
"""

from __future__ import annotations

from typing import Unpack, cast

from ..types import AuditPage, MarketId
from ._base import Methods, ReadOptions


class AuditMethods(Methods):
    """What can be asked about audits, and done to them."""

    async def list(
        self,
        *,
        market: MarketId,
        cursor: str | None = None,
        limit: int | None = None,
        **how: Unpack[ReadOptions],
    ) -> AuditPage:
        """Who did what, and why."""
        return cast("AuditPage", await self._call("audit.list", {"market": market, "cursor": cursor, "limit": limit}, how))
