"""`client.sale`: the methods of the protocol that begin with `sale.`.

Made by `tools/generate.py` out of the server's documents; changes belong there.
"""

from __future__ import annotations

from typing import Unpack, cast

from ..types import MarketId, RegistrationResult, SaleId, SaleMadeResult, SaleOrStateResult, SalePage, SaleSnapshot, Timestamp
from ._base import CommandOptions, Methods, ReadOptions


class SaleMethods(Methods):
    """What can be asked about sales, and done to them."""

    async def create(
        self,
        *,
        market: MarketId,
        title: str,
        opens_at: Timestamp,
        sale: SaleId | None = None,
        terms: str | None = None,
        closes_at: Timestamp | None = None,
        stagger_ms: int | None = None,
        ref: str | None = None,
        **how: Unpack[CommandOptions],
    ) -> SaleMadeResult:
        """Makes a sale: numbered lots sold together, with terms and staggered closing.

        title: 1 to 200 characters.
        terms: What a bidder accepts by registering; at most 20,000 characters; version 1.
        closes_at: When lot 1 ends; lot n ends `stagger_ms` times (n - 1) later.
        """
        return cast(
            "SaleMadeResult",
            await self._call(
                "sale.create",
                {
                    "market": market,
                    "title": title,
                    "opens_at": opens_at,
                    "sale": sale,
                    "terms": terms,
                    "closes_at": closes_at,
                    "stagger_ms": stagger_ms,
                    "ref": ref,
                },
                how,
            ),
        )

    async def get(
        self,
        *,
        sale: SaleId,
        **how: Unpack[ReadOptions],
    ) -> SaleSnapshot:
        """One sale."""
        return cast("SaleSnapshot", await self._call("sale.get", {"sale": sale}, how))

    async def list(
        self,
        *,
        market: MarketId,
        cursor: str | None = None,
        limit: int | None = None,
        **how: Unpack[ReadOptions],
    ) -> SalePage:
        """The sales of a market."""
        return cast("SalePage", await self._call("sale.list", {"market": market, "cursor": cursor, "limit": limit}, how))

    async def register(
        self,
        *,
        sale: SaleId,
        terms_version: int | None = None,
        **how: Unpack[CommandOptions],
    ) -> RegistrationResult:
        """Registers the caller as a bidder of a sale: accepts its terms and gets a paddle number."""
        return cast("RegistrationResult", await self._call("sale.register", {"sale": sale, "terms_version": terms_version}, how))

    async def revise(
        self,
        *,
        sale: SaleId,
        title: str | None = None,
        terms: str | None = None,
        **how: Unpack[CommandOptions],
    ) -> SaleOrStateResult:
        """Changes a sale's title or terms."""
        return cast("SaleOrStateResult", await self._call("sale.revise", {"sale": sale, "title": title, "terms": terms}, how))
