"""`client.lot`: the methods of the protocol that begin with `lot.`.

Made by `tools/generate.py` out of the server's documents; changes belong there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack, cast

from ..types import (
    AccountId,
    Alias,
    Amount,
    BidId,
    BidPage,
    BidResult,
    Clock,
    Currency,
    DrawPage,
    Format,
    Funding,
    IncrementTable,
    LotId,
    LotMadeResult,
    LotPage,
    LotSnapshot,
    LotSort,
    MarketId,
    Package,
    Pricing,
    Qualification,
    RestatedResult,
    SaleId,
    SoftClose,
    StateResult,
    Timestamp,
)
from ._base import CommandOptions, Methods, ReadOptions


class LotMethods(Methods):
    """What can be asked about lots, and done to them."""

    async def bid(
        self,
        *,
        lot: LotId,
        amount: Amount,
        currency: Currency | None = None,
        quantity: int | None = None,
        all_or_none: bool | None = None,
        if_seq: int | None = None,
        validate_only: bool | None = None,
        stay_until: Amount | None = None,
        package: Package | None = None,
        **how: Unpack[CommandOptions],
    ) -> BidResult:
        """Bids on a lot: a maximum where the engine bids for the bidder, else the amount itself.

        amount: The bidder's maximum where the format is proxy; the unit price elsewhere.
        if_seq: Only if the lot's channel stands at this sequence number: `stale_sequence` otherwise.
        validate_only: Judged as if, changes nothing.
        stay_until: Up to which price the server stays for the bidder (japanese); `amount` where
            absent. Secret.
        package: The items that the amount is bid for, all or none of them (combinatorial).
        """
        return cast(
            "BidResult",
            await self._call(
                "lot.bid",
                {
                    "lot": lot,
                    "amount": amount,
                    "currency": currency,
                    "quantity": quantity,
                    "all_or_none": all_or_none,
                    "if_seq": if_seq,
                    "validate_only": validate_only,
                    "stay_until": stay_until,
                    "package": package,
                },
                how,
            ),
        )

    async def bids(
        self,
        *,
        lot: LotId,
        cursor: str | None = None,
        limit: int | None = None,
        **how: Unpack[ReadOptions],
    ) -> BidPage:
        """The public history of a lot's bids, newest first."""
        return cast("BidPage", await self._call("lot.bids", {"lot": lot, "cursor": cursor, "limit": limit}, how))

    async def buy_now(
        self,
        *,
        lot: LotId,
        currency: Currency | None = None,
        amount: Amount | None = None,
        **how: Unpack[CommandOptions],
    ) -> BidResult:
        """Buys a lot at its fixed price.

        amount: What the buyer saw; refused if it is another amount now.
        """
        return cast("BidResult", await self._call("lot.buy_now", {"lot": lot, "currency": currency, "amount": amount}, how))

    async def cancel(
        self,
        *,
        lot: LotId,
        reason: str | None = None,
        **how: Unpack[CommandOptions],
    ) -> StateResult:
        """Withdraws a lot: nobody wins."""
        return cast("StateResult", await self._call("lot.cancel", {"lot": lot, "reason": reason}, how))

    async def close(
        self,
        *,
        lot: LotId,
        reason: str | None = None,
        **how: Unpack[CommandOptions],
    ) -> StateResult:
        """Ends a lot now."""
        return cast("StateResult", await self._call("lot.close", {"lot": lot, "reason": reason}, how))

    async def create(
        self,
        *,
        market: MarketId,
        title: str,
        format: Format,
        start_amount: Amount,
        currency: Currency | None = None,
        lot: LotId | None = None,
        quantity: int | None = None,
        opens_at: Timestamp | None = None,
        closes_at: Timestamp | None = None,
        reserve: Amount | None = None,
        buy_now: Amount | None = None,
        increments: IncrementTable | None = None,
        soft_close: SoftClose | None = None,
        funding: Funding | None = None,
        proxy: bool | None = None,
        qualification: Qualification | None = None,
        sale: SaleId | None = None,
        number: int | None = None,
        description: str | None = None,
        category: str | None = None,
        estimate: tuple[Amount, Amount] | None = None,
        images: Sequence[str] | None = None,
        ref: str | None = None,
        seller: AccountId | None = None,
        clock: Clock | None = None,
        pricing: Pricing | None = None,
        deposit: Amount | None = None,
        sealed: bool | None = None,
        candle_ms: int | None = None,
        items: Sequence[str] | None = None,
        **how: Unpack[CommandOptions],
    ) -> LotMadeResult:
        """Puts up a lot, in any format.

        title: 1 to 200 characters.
        quantity: Units sold by this lot; 1 where absent.
        opens_at: A lot that opens by the clock; absent: it stays a draft until `lot.open`.
        reserve: Secret.
        increments: The market's where absent.
        proxy: Proxy bidding (english); `true` where absent.
        number: Its number in the sale's catalogue.
        estimate: Low and high.
        seller: Who sells it: the caller where absent; an operator may name another.
        clock: The dutch clock; then `start_amount` is its start.
        pricing: What winners of a multi-unit lot pay.
        deposit: What is held before the first bid where `funding` or `qualification` is `deposit`.
        sealed: A tender whose offers nobody sees before its end (`reverse`).
        candle_ms: How long before the announced end a candle may go out, in milliseconds (candle).
        items: What packages are made of, by name; numbered from 1 (combinatorial).
        """
        return cast(
            "LotMadeResult",
            await self._call(
                "lot.create",
                {
                    "market": market,
                    "title": title,
                    "format": format,
                    "start_amount": start_amount,
                    "currency": currency,
                    "lot": lot,
                    "quantity": quantity,
                    "opens_at": opens_at,
                    "closes_at": closes_at,
                    "reserve": reserve,
                    "buy_now": buy_now,
                    "increments": increments,
                    "soft_close": soft_close,
                    "funding": funding,
                    "proxy": proxy,
                    "qualification": qualification,
                    "sale": sale,
                    "number": number,
                    "description": description,
                    "category": category,
                    "estimate": estimate,
                    "images": images,
                    "ref": ref,
                    "seller": seller,
                    "clock": clock,
                    "pricing": pricing,
                    "deposit": deposit,
                    "sealed": sealed,
                    "candle_ms": candle_ms,
                    "items": items,
                },
                how,
            ),
        )

    async def events(
        self,
        *,
        lot: LotId,
        cursor: str | None = None,
        limit: int | None = None,
        **how: Unpack[ReadOptions],
    ) -> DrawPage:
        """The events that the end of a candle auction is drawn from."""
        return cast("DrawPage", await self._call("lot.events", {"lot": lot, "cursor": cursor, "limit": limit}, how))

    async def extend(
        self,
        *,
        lot: LotId,
        ends_at: Timestamp,
        reason: str | None = None,
        **how: Unpack[CommandOptions],
    ) -> StateResult:
        """Moves a lot's end to a later moment."""
        return cast("StateResult", await self._call("lot.extend", {"lot": lot, "ends_at": ends_at, "reason": reason}, how))

    async def get(
        self,
        *,
        lot: LotId,
        **how: Unpack[ReadOptions],
    ) -> LotSnapshot:
        """One lot."""
        return cast("LotSnapshot", await self._call("lot.get", {"lot": lot}, how))

    async def list(
        self,
        *,
        market: MarketId,
        query: str | None = None,
        format: Format | None = None,
        state: str | None = None,
        sort: LotSort | None = None,
        cursor: str | None = None,
        limit: int | None = None,
        sale: SaleId | None = None,
        category: str | None = None,
        **how: Unpack[ReadOptions],
    ) -> LotPage:
        """The lots of a market: searched, filtered, sorted."""
        return cast(
            "LotPage",
            await self._call(
                "lot.list",
                {
                    "market": market,
                    "query": query,
                    "format": format,
                    "state": state,
                    "sort": sort,
                    "cursor": cursor,
                    "limit": limit,
                    "sale": sale,
                    "category": category,
                },
                how,
            ),
        )

    async def open(
        self,
        *,
        lot: LotId,
        reason: str | None = None,
        **how: Unpack[CommandOptions],
    ) -> StateResult:
        """Opens a scheduled lot now."""
        return cast("StateResult", await self._call("lot.open", {"lot": lot, "reason": reason}, how))

    async def pause(
        self,
        *,
        lot: LotId,
        reason: str | None = None,
        **how: Unpack[CommandOptions],
    ) -> StateResult:
        """Stops a lot; its clock stands."""
        return cast("StateResult", await self._call("lot.pause", {"lot": lot, "reason": reason}, how))

    async def reopen(
        self,
        *,
        lot: LotId,
        ends_at: Timestamp,
        reason: str | None = None,
        **how: Unpack[CommandOptions],
    ) -> StateResult:
        """Offers a closed lot again, before an order exists."""
        return cast("StateResult", await self._call("lot.reopen", {"lot": lot, "ends_at": ends_at, "reason": reason}, how))

    async def resume(
        self,
        *,
        lot: LotId,
        reason: str | None = None,
        **how: Unpack[CommandOptions],
    ) -> StateResult:
        """Lets a paused lot go on with the time it had left."""
        return cast("StateResult", await self._call("lot.resume", {"lot": lot, "reason": reason}, how))

    async def retract(
        self,
        *,
        lot: LotId,
        bid: BidId | None = None,
        reason: str | None = None,
        **how: Unpack[CommandOptions],
    ) -> RestatedResult:
        """Takes back one's own bid, as the rules allow.

        bid: The bid meant; the caller's last one where absent.
        """
        return cast("RestatedResult", await self._call("lot.retract", {"lot": lot, "bid": bid, "reason": reason}, how))

    async def revise(
        self,
        *,
        lot: LotId,
        currency: Currency | None = None,
        title: str | None = None,
        description: str | None = None,
        category: str | None = None,
        estimate: tuple[Amount, Amount] | None = None,
        images: Sequence[str] | None = None,
        reserve: Amount | None = None,
        opens_at: Timestamp | None = None,
        closes_at: Timestamp | None = None,
        start_amount: Amount | None = None,
        buy_now: Amount | None = None,
        **how: Unpack[CommandOptions],
    ) -> StateResult:
        """Changes a lot's content; after the first bid a public event."""
        return cast(
            "StateResult",
            await self._call(
                "lot.revise",
                {
                    "lot": lot,
                    "currency": currency,
                    "title": title,
                    "description": description,
                    "category": category,
                    "estimate": estimate,
                    "images": images,
                    "reserve": reserve,
                    "opens_at": opens_at,
                    "closes_at": closes_at,
                    "start_amount": start_amount,
                    "buy_now": buy_now,
                },
                how,
            ),
        )

    async def stay(
        self,
        *,
        lot: LotId,
        currency: Currency | None = None,
        stay_until: Amount | None = None,
        **how: Unpack[CommandOptions],
    ) -> BidResult:
        """Stays in while a rising clock's price goes up.

        stay_until: Up to which price the server stays for the bidder; the price of the coming step
            where absent. Secret.
        """
        return cast("BidResult", await self._call("lot.stay", {"lot": lot, "currency": currency, "stay_until": stay_until}, how))

    async def take(
        self,
        *,
        lot: LotId,
        currency: Currency | None = None,
        quantity: int | None = None,
        amount: Amount | None = None,
        **how: Unpack[CommandOptions],
    ) -> BidResult:
        """Takes units at the price that a falling clock shows.

        quantity: 1 where absent.
        amount: The most that the buyer pays for a unit: refused (`bid_too_low`) where the clock asks
            for more. A lower price of the clock is what it pays.
        """
        return cast(
            "BidResult",
            await self._call("lot.take", {"lot": lot, "currency": currency, "quantity": quantity, "amount": amount}, how),
        )

    async def void_bid(
        self,
        *,
        lot: LotId,
        reason: str,
        bid: BidId | None = None,
        alias: Alias | None = None,
        **how: Unpack[CommandOptions],
    ) -> RestatedResult:
        """Removes a bid; price and leader are worked out anew."""
        return cast(
            "RestatedResult", await self._call("lot.void_bid", {"lot": lot, "reason": reason, "bid": bid, "alias": alias}, how)
        )
