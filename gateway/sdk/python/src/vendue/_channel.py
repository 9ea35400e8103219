"""One channel's stream, checked and folded: the sequence has to be dense, and snapshot + events is the state.

Nothing here knows sockets or timers; it says what to do and its owner does it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from .types import LotSnapshot, MarketSnapshot, StockSnapshot

# A state is never changed in place: whoever was given one may keep it.
State: TypeAlias = Mapping[str, Any]

# What `take` did with an event.
Verdict: TypeAlias = Literal["applied", "duplicate", "held", "gap", "epoch"]

# Events held while a subscription is renewed; beyond it they are asked for again. The protocol's own bound for a resume.
_HELD_MAX = 1_024


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a channel's history. Keep it to resume there later, in another process perhaps."""

    epoch: str
    seq: int


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a channel (protocol, section 5)."""

    channel: str
    epoch: str
    seq: int
    # Server's time, microseconds since the Unix epoch.
    ts: int
    type: str
    data: Mapping[str, Any] = field(default_factory=dict)
    # The first of the numbers that this event stands for, in mode `latest`; `seq` where it stands for itself.
    first: int = 0

    @classmethod
    def of(cls, message: Mapping[str, Any], channel: str) -> Event:
        """The event that a message tells of. Raises `ValueError` where it is none."""
        seq, data = message.get("seq"), message.get("data")
        if not isinstance(seq, int) or not isinstance(message.get("epoch"), str):
            raise ValueError(f"no event: {message!r:.200}")
        first = message.get("from")
        return cls(
            channel,
            message["epoch"],
            seq,
            message.get("ts") or 0,
            str(message.get("type", "")),
            data if isinstance(data, dict) else {},
            first if isinstance(first, int) else seq,
        )


Fold: TypeAlias = Callable[[State, Event], State]


class ChannelCore:
    """Where a channel stands."""

    def __init__(self, name: str, since: Position | None = None, state: State | None = None) -> None:
        self.name = name
        self.position = since
        self.state: State | None = state if since is None else (state or {})
        self._fold = fold_for(name)
        self._syncing = True
        self._held: list[Event] = []

    def begin_sync(self) -> None:
        """A subscription is about to be sent: events wait until its reply says where it starts."""
        self._syncing = True
        self._held = []

    def settle(self, reply: Mapping[str, Any], heard: Callable[[Event | None], None]) -> bool:
        """Takes the reply to `subscribe`.

        Calls `heard` with None when a snapshot replaced the state and with each event that is new, in order, each at the
        moment when `state` and `position` are what it made of them. Returns False if the reply does not join up with what
        is known: the position is then forgotten, so that the next subscription gets a snapshot.
        """
        if reply.get("resumed") is not True:
            self.state = dict(reply.get("snapshot") or {})
            self.position = Position(str(reply.get("epoch")), int(reply.get("seq") or 0))
            heard(None)
        self._syncing = False
        held, self._held = self._held, []
        missed = [Event.of({"epoch": reply.get("epoch"), **one}, self.name) for one in reply.get("events") or ()]
        for event in [*missed, *held]:
            verdict = self.take(event)
            if verdict == "applied":
                heard(event)
            elif verdict != "duplicate":
                return self._forget()
        # A resume without events is only right if nothing was missed.
        if self.position is None or self.position.seq < int(reply.get("seq") or 0):
            return self._forget()
        return True

    def take(self, event: Event) -> Verdict:
        """Takes an event of the stream. On `gap` and `epoch` nothing was applied: the owner has to subscribe again."""
        if self._syncing or self.position is None:
            if len(self._held) < _HELD_MAX:
                self._held.append(event)
            return "held"
        if event.epoch != self.position.epoch:
            return "epoch"
        if event.seq <= self.position.seq:
            return "duplicate"
        if event.first > self.position.seq + 1:
            return "gap"
        self.state = self._fold(self.state or {}, event)
        self.position = Position(event.epoch, event.seq)
        return "applied"

    def is_behind(self, latest: int) -> bool:
        """Whether a heartbeat's latest seq shows that events are missing here."""
        return not self._syncing and self.position is not None and latest > self.position.seq

    def _forget(self) -> bool:
        self.position = None
        self._syncing = True
        return False


# The fields of each kind of snapshot. An event has others besides, which tell of itself alone (`bidder`, `units`).
_LOT = frozenset(LotSnapshot.__annotations__)
_STOCK = frozenset(StockSnapshot.__annotations__)
_MARKET = frozenset(MarketSnapshot.__annotations__)


def overwrite(state: State, event: Event, known: Collection[str] = ()) -> State:
    """The protocol's rule: the fields of an event overwrite the fields of the snapshot that bear their names.

    With `known` only those, and what the snapshot itself has brought: a newer server's.
    """
    if not known:
        return {**state, **event.data}
    return {**state, **{name: value for name, value in event.data.items() if name in known or name in state}}


# States a lot enters by an event that does not spell its state out.
_LOT_STATES = {"lot_opened": "open", "lot_paused": "paused", "lot_resumed": "open", "lot_closed": "closed"}


def fold_lot(state: State, event: Event) -> State:
    """A lot: as `overwrite`, and the state that the event's name says."""
    implied = _LOT_STATES.get(event.type)
    return overwrite({**state, "state": implied} if implied else state, event, _LOT)


def fold_stock(state: State, event: Event) -> State:
    """A stock item: as `overwrite`."""
    return overwrite(state, event, _STOCK)


def fold_market(state: State, event: Event) -> State:
    """A market: its own fields. What happens to its lots is for readers: thousands of lots are not kept here."""
    return overwrite(state, event, _MARKET) if event.type in {"market_state", "market_fees"} else state


def fold_account(state: State, event: Event) -> State:
    """An account: its grants and marks, and its balances, which every event about money carries. The rest is news."""
    if event.type == "account_changed":
        return {**state, **event.data}
    currency = event.data.get("currency")
    if not isinstance(currency, str) or not isinstance(event.data.get("balance"), int):
        return state
    others = [one for one in state.get("balances") or () if one.get("currency") != currency]
    fresh = {name: event.data.get(name) for name in ("currency", "balance", "held", "available")}
    return {**state, "balances": [*others, fresh]}


def change_levels(levels: Sequence[Any], changes: Sequence[Any], *, highest_first: bool) -> list[Any]:
    """A side with some of its levels changed: each is named by its price, and quantity 0 takes it away."""
    sign = -1 if highest_first else 1
    changed = list(levels)
    for price, quantity in changes:
        at = bisect_left(changed, sign * price, key=lambda level: sign * level[0])
        known = at < len(changed) and changed[at][0] == price
        if quantity > 0:
            changed[at : at + known] = [[price, quantity]]
        elif known:
            del changed[at]
    return changed


def fold_book(state: State, event: Event) -> State:
    """A book: its levels add up, a trade is the last one, an auction's price is `indicative`; all else as `overwrite`."""
    if event.type == "trade":
        return {**state, "last_trade": dict(event.data)}
    if event.type in {"auction_indicative", "auction_uncrossed"}:
        return {**state, "indicative": None if event.data.get("price") is None else dict(event.data)}
    fields = dict(event.data)
    fields.pop("trades_left_out", None)
    # A merged event brings the trades that it stands for; the newest is the state.
    trades = fields.pop("trades", None)
    if trades:
        fields["last_trade"] = trades[-1]
    for side in ("bids", "asks"):
        if side in fields:
            fields[side] = change_levels(state.get(side) or (), fields[side] or (), highest_first=side == "bids")
    return {**state, **fields}


def fold_for(channel: str) -> Fold:
    """How the events of a channel become its state."""
    kind = channel.partition(":")[0]
    folds: dict[str, Fold] = {
        "account": fold_account,
        "book": fold_book,
        "lot": fold_lot,
        "market": fold_market,
        "stock": fold_stock,
    }
    return folds.get(kind, overwrite)
