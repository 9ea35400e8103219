"""Every method of the protocol, and how it is sent.

Made by `tools/generate.py` out of the server's documents; changes belong there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ._base import Call, Kind, Methods
from .account import AccountMethods
from .audit import AuditMethods
from .book import BookMethods
from .command import CommandMethods
from .effect import EffectMethods
from .lot import LotMethods
from .market import MarketMethods
from .notary import NotaryMethods
from .order import OrderMethods
from .sale import SaleMethods
from .stock import StockMethods

METHODS: Final[Mapping[str, Kind]] = {
    "account.collect_fees": Kind(command=True, target="account"),
    "account.correct": Kind(command=True, target="account"),
    "account.create": Kind(command=True, target="account", makes="acc"),
    "account.deposit": Kind(command=True, target="account"),
    "account.get": Kind(command=False),
    "account.grant": Kind(command=True, target="account"),
    "account.link": Kind(command=True, target="account"),
    "account.list": Kind(command=False),
    "account.sign_out": Kind(command=True, target="account"),
    "account.statement": Kind(command=False),
    "account.suspend": Kind(command=True, target="account"),
    "account.update": Kind(command=True, target="account"),
    "account.verify": Kind(command=True, target="account"),
    "account.withdraw": Kind(command=True, target="account"),
    "audit.list": Kind(command=False),
    "book.auction": Kind(command=True, target="book"),
    "book.cancel": Kind(command=True, target="book"),
    "book.create": Kind(command=True, target="book", makes="bok"),
    "book.get": Kind(command=False),
    "book.list": Kind(command=False),
    "book.modify": Kind(command=True, target="book"),
    "book.orders": Kind(command=False),
    "book.place": Kind(command=True, target="book"),
    "book.trades": Kind(command=False),
    "command.receipt": Kind(command=False),
    "command.result": Kind(command=False),
    "effect.list": Kind(command=False),
    "lot.bid": Kind(command=True, target="lot"),
    "lot.bids": Kind(command=False),
    "lot.buy_now": Kind(command=True, target="lot"),
    "lot.cancel": Kind(command=True, target="lot"),
    "lot.close": Kind(command=True, target="lot"),
    "lot.create": Kind(command=True, target="lot", makes="lot"),
    "lot.events": Kind(command=False),
    "lot.extend": Kind(command=True, target="lot"),
    "lot.get": Kind(command=False),
    "lot.list": Kind(command=False),
    "lot.open": Kind(command=True, target="lot"),
    "lot.pause": Kind(command=True, target="lot"),
    "lot.reopen": Kind(command=True, target="lot"),
    "lot.resume": Kind(command=True, target="lot"),
    "lot.retract": Kind(command=True, target="lot"),
    "lot.revise": Kind(command=True, target="lot"),
    "lot.stay": Kind(command=True, target="lot"),
    "lot.take": Kind(command=True, target="lot"),
    "lot.void_bid": Kind(command=True, target="lot"),
    "market.create": Kind(command=True, target="market", makes="mkt"),
    "market.get": Kind(command=False),
    "market.halt": Kind(command=True, target="market"),
    "market.list": Kind(command=False),
    "market.resume": Kind(command=True, target="market"),
    "market.set_fees": Kind(command=True, target="market"),
    "notary.keys": Kind(command=False),
    "order.cancel": Kind(command=True, target="order"),
    "order.complete": Kind(command=True, target="order"),
    "order.get": Kind(command=False),
    "order.list": Kind(command=False),
    "order.mark_delivered": Kind(command=True, target="order"),
    "order.mark_paid": Kind(command=True, target="order"),
    "order.pay": Kind(command=True, target="order"),
    "order.place": Kind(command=True, target="order", makes="ord"),
    "order.refund": Kind(command=True, target="order"),
    "sale.create": Kind(command=True, target="sale", makes="sal"),
    "sale.get": Kind(command=False),
    "sale.list": Kind(command=False),
    "sale.register": Kind(command=True, target="sale"),
    "sale.revise": Kind(command=True, target="sale"),
    "stock.adjust": Kind(command=True, target="stock"),
    "stock.create": Kind(command=True, target="stock", makes="stk"),
    "stock.extend": Kind(command=True, target="stock"),
    "stock.get": Kind(command=False),
    "stock.list": Kind(command=False),
    "stock.receive": Kind(command=True, target="stock"),
    "stock.release": Kind(command=True, target="stock"),
    "stock.reserve": Kind(command=True, target="stock"),
    "stock.return": Kind(command=True, target="stock"),
    "stock.ship": Kind(command=True, target="stock"),
}


class AllMethods:
    """The methods by their nouns: `client.lot.bid(...)`."""

    def __init__(self, call: Call) -> None:
        self.account = AccountMethods(call)
        self.audit = AuditMethods(call)
        self.book = BookMethods(call)
        self.command = CommandMethods(call)
        self.effect = EffectMethods(call)
        self.lot = LotMethods(call)
        self.market = MarketMethods(call)
        self.notary = NotaryMethods(call)
        self.order = OrderMethods(call)
        self.sale = SaleMethods(call)
        self.stock = StockMethods(call)


__all__ = [
    "METHODS",
    "AccountMethods",
    "AllMethods",
    "AuditMethods",
    "BookMethods",
    "CommandMethods",
    "EffectMethods",
    "Kind",
    "LotMethods",
    "MarketMethods",
    "Methods",
    "NotaryMethods",
    "OrderMethods",
    "SaleMethods",
    "StockMethods",
]
