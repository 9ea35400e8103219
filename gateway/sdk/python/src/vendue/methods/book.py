"""`client.book`: the methods of the protocol that begin with `book.`.

Made by `tools/generate.py` out of the server's documents; changes belong there.
"""

from __future__ import annotations

from typing import Unpack, cast

from ..types import (
    Amount,
    AuctionAction,
    AuctionResult,
    BookFunding,
    BookId,
    BookMadeResult,
    BookOrderId,
    BookOrderPage,
    BookPage,
    BookResult,
    BookSnapshot,
    Currency,
    MarketId,
    OrderType,
    SelfTrade,
    Side,
    TimeInForce,
    Timestamp,
    TradePage,
)
from ._base import CommandOptions, Methods, ReadOptions


class BookMethods(Methods):
    """What can be asked about books, and done to them."""

    async def auction(
        self,
        *,
        book: BookId,
        action: AuctionAction,
        ends_at: Timestamp | None = None,
        duration_ms: int | None = None,
        random_end_ms: int | None = None,
        **how: Unpack[CommandOptions],
    ) -> AuctionResult:
        """Begins a call auction in a book, or gives its price.

        ends_at: When it ends; or `duration_ms` from now; neither: when `uncross` is asked.
        random_end_ms: It ends at a moment within so much after its end that nobody can foresee, in
            milliseconds.
        """
        return cast(
            "AuctionResult",
            await self._call(
                "book.auction",
                {"book": book, "action": action, "ends_at": ends_at, "duration_ms": duration_ms, "random_end_ms": random_end_ms},
                how,
            ),
        )

    async def cancel(
        self,
        *,
        book: BookId,
        book_order: BookOrderId,
        reason: str | None = None,
        **how: Unpack[CommandOptions],
    ) -> BookResult:
        """Takes an order out of its book."""
        return cast(
            "BookResult", await self._call("book.cancel", {"book": book, "book_order": book_order, "reason": reason}, how)
        )

    async def create(
        self,
        *,
        market: MarketId,
        title: str,
        tick: Amount,
        currency: Currency | None = None,
        book: BookId | None = None,
        lot_size: int | None = None,
        reference: Amount | None = None,
        tick_significant_figures: int | None = None,
        self_trade: SelfTrade | None = None,
        modify_keeps_place: bool | None = None,
        funding: BookFunding | None = None,
        ref: str | None = None,
        description: str | None = None,
        **how: Unpack[CommandOptions],
    ) -> BookMadeResult:
        """Makes an order book.

        title: 1 to 200 characters.
        tick: The step of prices, in minor units for one unit.
        lot_size: The step of quantities, in units; 1 where absent.
        reference: The price that a call auction keeps near, in minor units for one unit; the last
            trade where absent.
        tick_significant_figures: How many significant figures a price may have, 1 to 16; as many as
            it likes where absent.
        self_trade: `cancel_newest` where absent.
        modify_keeps_place: Whether an order that only gets smaller keeps its place; yes where absent.
        funding: `none` where absent.
        """
        return cast(
            "BookMadeResult",
            await self._call(
                "book.create",
                {
                    "market": market,
                    "title": title,
                    "tick": tick,
                    "currency": currency,
                    "book": book,
                    "lot_size": lot_size,
                    "reference": reference,
                    "tick_significant_figures": tick_significant_figures,
                    "self_trade": self_trade,
                    "modify_keeps_place": modify_keeps_place,
                    "funding": funding,
                    "ref": ref,
                    "description": description,
                },
                how,
            ),
        )

    async def get(
        self,
        *,
        book: BookId,
        **how: Unpack[ReadOptions],
    ) -> BookSnapshot:
        """One book with all its levels."""
        return cast("BookSnapshot", await self._call("book.get", {"book": book}, how))

    async def list(
        self,
        *,
        market: MarketId,
        query: str | None = None,
        cursor: str | None = None,
        limit: int | None = None,
        **how: Unpack[ReadOptions],
    ) -> BookPage:
        """The books of a market, the best level of each side."""
        return cast(
            "BookPage", await self._call("book.list", {"market": market, "query": query, "cursor": cursor, "limit": limit}, how)
        )

    async def modify(
        self,
        *,
        book: BookId,
        book_order: BookOrderId,
        currency: Currency | None = None,
        quantity: int | None = None,
        price: Amount | None = None,
        **how: Unpack[CommandOptions],
    ) -> BookResult:
        """Changes an order's quantity or price.

        quantity: Units in all, with what has been filled.
        """
        return cast(
            "BookResult",
            await self._call(
                "book.modify",
                {"book": book, "book_order": book_order, "currency": currency, "quantity": quantity, "price": price},
                how,
            ),
        )

    async def orders(
        self,
        *,
        book: BookId | None = None,
        cursor: str | None = None,
        limit: int | None = None,
        **how: Unpack[ReadOptions],
    ) -> BookOrderPage:
        """The caller's own orders in books."""
        return cast("BookOrderPage", await self._call("book.orders", {"book": book, "cursor": cursor, "limit": limit}, how))

    async def place(
        self,
        *,
        book: BookId,
        side: Side,
        type: OrderType,
        quantity: int,
        currency: Currency | None = None,
        price: Amount | None = None,
        max_amount: Amount | None = None,
        time_in_force: TimeInForce | None = None,
        post_only: bool | None = None,
        expires_at: Timestamp | None = None,
        **how: Unpack[CommandOptions],
    ) -> BookResult:
        """Places a limit or market order.

        quantity: Units, a multiple of the lot size.
        price: Of a limit order: minor units for one unit, a multiple of the tick.
        max_amount: Of a market order that buys: what it may cost in all, fees included; required
            where the book is funded.
        time_in_force: `gtc` where absent; a market order in continuous trading is `ioc` or `fok`.
        post_only: Refused where it would trade at once.
        expires_at: Of a `gtd` order.
        """
        return cast(
            "BookResult",
            await self._call(
                "book.place",
                {
                    "book": book,
                    "side": side,
                    "type": type,
                    "quantity": quantity,
                    "currency": currency,
                    "price": price,
                    "max_amount": max_amount,
                    "time_in_force": time_in_force,
                    "post_only": post_only,
                    "expires_at": expires_at,
                },
                how,
            ),
        )

    async def trades(
        self,
        *,
        book: BookId,
        cursor: str | None = None,
        limit: int | None = None,
        **how: Unpack[ReadOptions],
    ) -> TradePage:
        """The public trades of a book, newest first."""
        return cast("TradePage", await self._call("book.trades", {"book": book, "cursor": cursor, "limit": limit}, how))
