"""`client.market`: the methods of the protocol that begin with `market.`.

Made by `tools/generate.py` out of the server's documents; changes belong there.
"""

from __future__ import annotations

from typing import Unpack, cast

from ..types import (
    Currency,
    FeeSchedule,
    IncrementTable,
    MarketId,
    MarketMadeResult,
    MarketPage,
    MarketSnapshot,
    Policy,
    StateResult,
)
from ._base import CommandOptions, Methods, ReadOptions


class MarketMethods(Methods):
    """What can be asked about markets, and done to them."""

    async def create(
        self,
        *,
        name: str,
        currency: Currency,
        market: MarketId | None = None,
        increments: IncrementTable | None = None,
        policy: Policy | None = None,
        ref: str | None = None,
        fees: FeeSchedule | None = None,
        **how: Unpack[CommandOptions],
    ) -> MarketMadeResult:
        """Makes a market: a venue with its own currency, increments and fees.

        name: 1 to 200 characters.
        market: Chosen by the client, or derived from (account, method, key).
        increments: The increments of its lots unless a lot brings its own; the default table (eBay's)
            where absent.
        ref: The caller's own key of this market.
        fees: Buyer's premium and seller's commission; none where absent.
        """
        return cast(
            "MarketMadeResult",
            await self._call(
                "market.create",
                {
                    "name": name,
                    "currency": currency,
                    "market": market,
                    "increments": increments,
                    "policy": policy,
                    "ref": ref,
                    "fees": fees,
                },
                how,
            ),
        )

    async def get(
        self,
        *,
        market: MarketId,
        **how: Unpack[ReadOptions],
    ) -> MarketSnapshot:
        """One market."""
        return cast("MarketSnapshot", await self._call("market.get", {"market": market}, how))

    async def halt(
        self,
        *,
        market: MarketId,
        reason: str,
        **how: Unpack[CommandOptions],
    ) -> StateResult:
        """Stops everything in a market; answered when it holds everywhere."""
        return cast("StateResult", await self._call("market.halt", {"market": market, "reason": reason}, how))

    async def list(
        self,
        *,
        cursor: str | None = None,
        limit: int | None = None,
        **how: Unpack[ReadOptions],
    ) -> MarketPage:
        """All markets."""
        return cast("MarketPage", await self._call("market.list", {"cursor": cursor, "limit": limit}, how))

    async def resume(
        self,
        *,
        market: MarketId,
        reason: str,
        **how: Unpack[CommandOptions],
    ) -> StateResult:
        """Lets a halted market go on."""
        return cast("StateResult", await self._call("market.resume", {"market": market, "reason": reason}, how))

    async def set_fees(
        self,
        *,
        market: MarketId,
        fees: FeeSchedule,
        reason: str,
        **how: Unpack[CommandOptions],
    ) -> StateResult:
        """Sets the buyer's premium and the seller's commission for what is created from now on."""
        return cast("StateResult", await self._call("market.set_fees", {"market": market, "fees": fees, "reason": reason}, how))
