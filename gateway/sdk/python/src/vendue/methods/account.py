"""`client.account`: the methods of the protocol that begin with `account.`.

Made by `tools/generate.py` out of the server's documents; changes belong there.
"""

from __future__ import annotations

from typing import Unpack, cast

from ..types import (
    AccountId,
    AccountMadeResult,
    AccountOrStateResult,
    AccountPage,
    AccountState,
    AccountView,
    Amount,
    BalanceResult,
    Currency,
    EntryId,
    MarketId,
    Role,
    StatementPage,
    StateResult,
    SubAccount,
    Timestamp,
)
from ._base import CommandOptions, Methods, ReadOptions


class AccountMethods(Methods):
    """What can be asked about accounts, and done to them."""

    async def collect_fees(
        self,
        *,
        account: AccountId,
        amount: Amount,
        currency: Currency,
        reason: str,
        **how: Unpack[CommandOptions],
    ) -> BalanceResult:
        """Turns fees that were earned into balance.

        amount: At most the fees earned.
        """
        return cast(
            "BalanceResult",
            await self._call(
                "account.collect_fees", {"account": account, "amount": amount, "currency": currency, "reason": reason}, how
            ),
        )

    async def correct(
        self,
        *,
        account: AccountId,
        entry: EntryId,
        amount: int,
        reason: str,
        currency: Currency | None = None,
        goods: str | None = None,
        against: SubAccount | None = None,
        **how: Unpack[CommandOptions],
    ) -> BalanceResult:
        """Corrects a booking by a new entry that names it.

        entry: The entry that was wrong: one of the account's latest, of the same currency or goods.
        amount: What the balance changes by, signed: minor units of `currency` or units of `goods`;
            not 0.
        goods: As in `account.deposit`.
        against: Where it comes from and goes to: `outside` (the default) or `fees`. Never `clearing`:
            a transfer has another side, which only its order can put right.
        """
        return cast(
            "BalanceResult",
            await self._call(
                "account.correct",
                {
                    "account": account,
                    "entry": entry,
                    "amount": amount,
                    "reason": reason,
                    "currency": currency,
                    "goods": goods,
                    "against": against,
                },
                how,
            ),
        )

    async def create(
        self,
        *,
        name: str,
        account: AccountId | None = None,
        ref: str | None = None,
        **how: Unpack[CommandOptions],
    ) -> AccountMadeResult:
        """Makes an account.

        name: Personal data: 1 to 200 characters; kept only sealed by the vault, never in the journal
            in clear.
        """
        return cast("AccountMadeResult", await self._call("account.create", {"name": name, "account": account, "ref": ref}, how))

    async def deposit(
        self,
        *,
        account: AccountId,
        reason: str,
        amount: Amount | None = None,
        currency: Currency | None = None,
        goods: str | None = None,
        quantity: int | None = None,
        **how: Unpack[CommandOptions],
    ) -> BalanceResult:
        """Books money or goods that have arrived.

        goods: The id of a stock item or book.
        """
        return cast(
            "BalanceResult",
            await self._call(
                "account.deposit",
                {
                    "account": account,
                    "reason": reason,
                    "amount": amount,
                    "currency": currency,
                    "goods": goods,
                    "quantity": quantity,
                },
                how,
            ),
        )

    async def get(
        self,
        *,
        account: AccountId | None = None,
        **how: Unpack[ReadOptions],
    ) -> AccountView:
        """An account: balances, holds, holdings, bids, reservations."""
        return cast("AccountView", await self._call("account.get", {"account": account}, how))

    async def grant(
        self,
        *,
        account: AccountId,
        market: MarketId,
        role: Role,
        revoke: bool | None = None,
        **how: Unpack[CommandOptions],
    ) -> AccountOrStateResult:
        """Gives an account a role in a market, or takes it away."""
        return cast(
            "AccountOrStateResult",
            await self._call("account.grant", {"account": account, "market": market, "role": role, "revoke": revoke}, how),
        )

    async def link(
        self,
        *,
        account: AccountId,
        market: MarketId,
        other: AccountId,
        reason: str,
        unlink: bool | None = None,
        **how: Unpack[CommandOptions],
    ) -> StateResult:
        """Marks two accounts as belonging together: neither bids on the other's lots."""
        return cast(
            "StateResult",
            await self._call(
                "account.link", {"account": account, "market": market, "other": other, "reason": reason, "unlink": unlink}, how
            ),
        )

    async def list(
        self,
        *,
        market: MarketId | None = None,
        query: str | None = None,
        role: Role | None = None,
        state: AccountState | None = None,
        cursor: str | None = None,
        limit: int | None = None,
        **how: Unpack[ReadOptions],
    ) -> AccountPage:
        """The accounts of a market, with their roles and how they stand: for operators and auditors."""
        return cast(
            "AccountPage",
            await self._call(
                "account.list",
                {"market": market, "query": query, "role": role, "state": state, "cursor": cursor, "limit": limit},
                how,
            ),
        )

    async def sign_out(
        self,
        *,
        account: AccountId | None = None,
        reason: str | None = None,
        **how: Unpack[CommandOptions],
    ) -> StateResult:
        """Makes every token of an account void that was issued until now; one's own without `account`.

        account: The caller's own where it is absent.
        """
        return cast("StateResult", await self._call("account.sign_out", {"account": account, "reason": reason}, how))

    async def statement(
        self,
        *,
        account: AccountId | None = None,
        currency: Currency | None = None,
        from_: Timestamp | None = None,
        to: Timestamp | None = None,
        cursor: str | None = None,
        limit: int | None = None,
        **how: Unpack[ReadOptions],
    ) -> StatementPage:
        """What was booked on an account, newest first."""
        return cast(
            "StatementPage",
            await self._call(
                "account.statement",
                {"account": account, "currency": currency, "from": from_, "to": to, "cursor": cursor, "limit": limit},
                how,
            ),
        )

    async def suspend(
        self,
        *,
        account: AccountId,
        market: MarketId,
        reason: str,
        lift: bool | None = None,
        **how: Unpack[CommandOptions],
    ) -> StateResult:
        """Keeps an account from bidding in a market, or lets it again."""
        return cast(
            "StateResult",
            await self._call("account.suspend", {"account": account, "market": market, "reason": reason, "lift": lift}, how),
        )

    async def update(
        self,
        *,
        account: AccountId,
        name: str,
        **how: Unpack[CommandOptions],
    ) -> AccountMadeResult:
        """Changes an account's name.

        name: As in `account.create`.
        """
        return cast("AccountMadeResult", await self._call("account.update", {"account": account, "name": name}, how))

    async def verify(
        self,
        *,
        account: AccountId,
        market: MarketId,
        reason: str,
        revoke: bool | None = None,
        **how: Unpack[CommandOptions],
    ) -> StateResult:
        """Marks an account's identity as checked, or takes that back."""
        return cast(
            "StateResult",
            await self._call("account.verify", {"account": account, "market": market, "reason": reason, "revoke": revoke}, how),
        )

    async def withdraw(
        self,
        *,
        account: AccountId,
        reason: str,
        amount: Amount | None = None,
        currency: Currency | None = None,
        goods: str | None = None,
        quantity: int | None = None,
        **how: Unpack[CommandOptions],
    ) -> BalanceResult:
        """Books money or goods that have left.

        goods: As in `account.deposit`.
        """
        return cast(
            "BalanceResult",
            await self._call(
                "account.withdraw",
                {
                    "account": account,
                    "reason": reason,
                    "amount": amount,
                    "currency": currency,
                    "goods": goods,
                    "quantity": quantity,
                },
                how,
            ),
        )
