"""`client.stock`: the methods of the protocol that begin with `stock.`.

Made by `tools/generate.py` out of the server's documents; changes belong there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack, cast

from ..types import (
    AccountId,
    Amount,
    Currency,
    LocationRequest,
    MarketId,
    OrderId,
    ReservationId,
    StockId,
    StockMadeResult,
    StockPage,
    StockResult,
    StockSnapshot,
    Strategy,
)
from ._base import CommandOptions, Methods, ReadOptions


class StockMethods(Methods):
    """What can be asked about stocks, and done to them."""

    async def adjust(
        self,
        *,
        stock: StockId,
        quantity: int,
        reason: str,
        location: str | None = None,
        **how: Unpack[CommandOptions],
    ) -> StockResult:
        """Corrects the count.

        location: The location's name; the first one where absent.
        """
        return cast(
            "StockResult",
            await self._call("stock.adjust", {"stock": stock, "quantity": quantity, "reason": reason, "location": location}, how),
        )

    async def create(
        self,
        *,
        market: MarketId,
        title: str,
        price: Amount,
        on_hand: int,
        currency: Currency | None = None,
        stock: StockId | None = None,
        ref: str | None = None,
        threshold: int | None = None,
        limit_per_account: int | None = None,
        description: str | None = None,
        category: str | None = None,
        images: Sequence[str] | None = None,
        seller: AccountId | None = None,
        locations: Sequence[LocationRequest] | None = None,
        strategy: Strategy | None = None,
        **how: Unpack[CommandOptions],
    ) -> StockMadeResult:
        """Puts up a stock item at a fixed price.

        title: 1 to 200 characters.
        price: For one unit.
        on_hand: Units at hand, 0 to 2^53 - 1; with `locations` the sum of theirs.
        threshold: Kept back from sale; negative allows back-orders to that depth.
        limit_per_account: The most units that one account may hold reserved and bought.
        seller: Who sells it: the caller where absent (an operator may name another).
        locations: At most 64; without them the item has one location, which has no name.
        strategy: `most_stock` where absent.
        """
        return cast(
            "StockMadeResult",
            await self._call(
                "stock.create",
                {
                    "market": market,
                    "title": title,
                    "price": price,
                    "on_hand": on_hand,
                    "currency": currency,
                    "stock": stock,
                    "ref": ref,
                    "threshold": threshold,
                    "limit_per_account": limit_per_account,
                    "description": description,
                    "category": category,
                    "images": images,
                    "seller": seller,
                    "locations": locations,
                    "strategy": strategy,
                },
                how,
            ),
        )

    async def extend(
        self,
        *,
        reservation: ReservationId,
        stock: StockId | None = None,
        ttl_ms: int | None = None,
        **how: Unpack[CommandOptions],
    ) -> StockResult:
        """Keeps a reservation for longer."""
        return cast(
            "StockResult", await self._call("stock.extend", {"reservation": reservation, "stock": stock, "ttl_ms": ttl_ms}, how)
        )

    async def get(
        self,
        *,
        stock: StockId,
        **how: Unpack[ReadOptions],
    ) -> StockSnapshot:
        """One stock item."""
        return cast("StockSnapshot", await self._call("stock.get", {"stock": stock}, how))

    async def list(
        self,
        *,
        market: MarketId,
        query: str | None = None,
        cursor: str | None = None,
        limit: int | None = None,
        **how: Unpack[ReadOptions],
    ) -> StockPage:
        """The stock of a market."""
        return cast(
            "StockPage", await self._call("stock.list", {"market": market, "query": query, "cursor": cursor, "limit": limit}, how)
        )

    async def receive(
        self,
        *,
        stock: StockId,
        quantity: int,
        reason: str | None = None,
        location: str | None = None,
        **how: Unpack[CommandOptions],
    ) -> StockResult:
        """Books units that have arrived.

        location: The location's name; the first one where absent.
        """
        return cast(
            "StockResult",
            await self._call(
                "stock.receive", {"stock": stock, "quantity": quantity, "reason": reason, "location": location}, how
            ),
        )

    async def release(
        self,
        *,
        reservation: ReservationId,
        stock: StockId | None = None,
        **how: Unpack[CommandOptions],
    ) -> StockResult:
        """Gives a reservation back."""
        return cast("StockResult", await self._call("stock.release", {"reservation": reservation, "stock": stock}, how))

    async def reserve(
        self,
        *,
        stock: StockId,
        quantity: int,
        ttl_ms: int | None = None,
        strategy: Strategy | None = None,
        near: tuple[int, int] | None = None,
        **how: Unpack[CommandOptions],
    ) -> StockResult:
        """Sets units aside for the caller for a while.

        ttl_ms: Default 10 minutes.
        strategy: The item's own where absent.
        near: Where it goes, [latitude, longitude] in millionths of a degree: required by `nearest`
            where there are several locations.
        """
        return cast(
            "StockResult",
            await self._call(
                "stock.reserve", {"stock": stock, "quantity": quantity, "ttl_ms": ttl_ms, "strategy": strategy, "near": near}, how
            ),
        )

    async def return_(
        self,
        *,
        stock: StockId,
        order: OrderId,
        line: int | None = None,
        quantity: int | None = None,
        location: str | None = None,
        reason: str | None = None,
        **how: Unpack[CommandOptions],
    ) -> StockResult:
        """Books units of an order that came back.

        line: As in `stock.ship`.
        quantity: All that were shipped and have not come back where absent.
        location: To where; the first location where absent.
        """
        return cast(
            "StockResult",
            await self._call(
                "stock.return",
                {"stock": stock, "order": order, "line": line, "quantity": quantity, "location": location, "reason": reason},
                how,
            ),
        )

    async def ship(
        self,
        *,
        stock: StockId,
        order: OrderId,
        line: int | None = None,
        quantity: int | None = None,
        location: str | None = None,
        reason: str | None = None,
        **how: Unpack[CommandOptions],
    ) -> StockResult:
        """Books units of an order that have left.

        line: The order's line, from 0; may be absent where only one line of the order is of this
            item.
        quantity: All that has not been shipped where absent.
        location: From where; from where the units are allocated where absent.
        reason: A parcel's number, say.
        """
        return cast(
            "StockResult",
            await self._call(
                "stock.ship",
                {"stock": stock, "order": order, "line": line, "quantity": quantity, "location": location, "reason": reason},
                how,
            ),
        )
