"""`client.order`: the methods of the protocol that begin with `order.`.

Made by `tools/generate.py` out of the server's documents; changes belong there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack, cast

from ..types import AccountId, Amount, Currency, LineRequest, MarketId, OrderId, OrderPage, OrderResult, OrderView
from ._base import CommandOptions, Methods, ReadOptions


class OrderMethods(Methods):
    """What can be asked about orders, and done to them."""

    async def cancel(
        self,
        *,
        order: OrderId,
        reason: str | None = None,
        **how: Unpack[CommandOptions],
    ) -> OrderResult:
        """Cancels an order."""
        return cast("OrderResult", await self._call("order.cancel", {"order": order, "reason": reason}, how))

    async def complete(
        self,
        *,
        order: OrderId,
        reason: str | None = None,
        **how: Unpack[CommandOptions],
    ) -> OrderResult:
        """Ends an order: everything is in order."""
        return cast("OrderResult", await self._call("order.complete", {"order": order, "reason": reason}, how))

    async def get(
        self,
        *,
        order: OrderId,
        **how: Unpack[ReadOptions],
    ) -> OrderView:
        """One order, as the asker may see it."""
        return cast("OrderView", await self._call("order.get", {"order": order}, how))

    async def list(
        self,
        *,
        market: MarketId | None = None,
        account: AccountId | None = None,
        state: str | None = None,
        cursor: str | None = None,
        limit: int | None = None,
        **how: Unpack[ReadOptions],
    ) -> OrderPage:
        """Orders, newest first."""
        return cast(
            "OrderPage",
            await self._call(
                "order.list", {"market": market, "account": account, "state": state, "cursor": cursor, "limit": limit}, how
            ),
        )

    async def mark_delivered(
        self,
        *,
        order: OrderId,
        reason: str | None = None,
        **how: Unpack[CommandOptions],
    ) -> OrderResult:
        """Says that an order has arrived."""
        return cast("OrderResult", await self._call("order.mark_delivered", {"order": order, "reason": reason}, how))

    async def mark_paid(
        self,
        *,
        order: OrderId,
        reason: str | None = None,
        reference: str | None = None,
        **how: Unpack[CommandOptions],
    ) -> OrderResult:
        """Books an order's payment that was made elsewhere.

        reference: The bank's or provider's own reference.
        """
        return cast(
            "OrderResult", await self._call("order.mark_paid", {"order": order, "reason": reason, "reference": reference}, how)
        )

    async def pay(
        self,
        *,
        order: OrderId,
        reason: str | None = None,
        **how: Unpack[CommandOptions],
    ) -> OrderResult:
        """Pays an order from the buyer's balance."""
        return cast("OrderResult", await self._call("order.pay", {"order": order, "reason": reason}, how))

    async def place(
        self,
        *,
        lines: Sequence[LineRequest],
        order: OrderId | None = None,
        market: MarketId | None = None,
        near: tuple[int, int] | None = None,
        **how: Unpack[CommandOptions],
    ) -> OrderResult:
        """Orders: stock, reservations, and lots that were won.

        lines: 1 to 100.
        market: All lines are of this market; that of the first line where absent.
        near: Where it goes: [latitude, longitude] in millionths of a degree, for the strategy
            `nearest`.
        """
        return cast(
            "OrderResult", await self._call("order.place", {"lines": lines, "order": order, "market": market, "near": near}, how)
        )

    async def refund(
        self,
        *,
        order: OrderId,
        reason: str,
        currency: Currency | None = None,
        amount: Amount | None = None,
        **how: Unpack[CommandOptions],
    ) -> OrderResult:
        """Gives back all or a part of what was paid.

        amount: All that has not been given back where absent.
        """
        return cast(
            "OrderResult",
            await self._call("order.refund", {"order": order, "reason": reason, "currency": currency, "amount": amount}, how),
        )
