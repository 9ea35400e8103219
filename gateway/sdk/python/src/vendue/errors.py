"""What can go wrong with a request, and what became of the command then."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias, cast

# What became of a command that did not succeed (protocol, section 2).
Outcome: TypeAlias = Literal["rejected", "not_executed", "unknown"]


class VendueError(Exception):
    """A request that did not succeed.

    `code` is the protocol's code (`bid_too_low`, `lot_closed`, ...), or one of its codes for what the client itself
    found. `outcome` says whether the rules said no (`rejected`), the command was never executed (`not_executed`), or
    nobody could be asked (`unknown`: only after the client looked for the outcome as long as its options allow). The
    subclasses stand for these three: `except Rejected` catches the first alone.
    """

    def __init__(
        self,
        code: str,
        message: str,
        outcome: Outcome,
        *,
        temporary: bool = False,
        retry_after_ms: int | None = None,
        details: Mapping[str, Any] | None = None,
        replayed: bool = False,
    ) -> None:
        super().__init__(message or code)
        self.code = code
        self.message = message
        self.outcome: Outcome = outcome
        # Whether the same may succeed later.
        self.temporary = temporary
        # Milliseconds after which the server would like to hear it again.
        self.retry_after_ms = retry_after_ms
        # Figures that belong to the code, such as `min_next_amount`.
        self.details: Mapping[str, Any] = details or {}
        # The key had been used before, and this is the first outcome again.
        self.replayed = replayed

    def __str__(self) -> str:
        return f"{self.code}: {self.message}" if self.message else self.code


class Rejected(VendueError):
    """The rules said no. That is durable: the same key is told the same again."""


class NotExecuted(VendueError):
    """It never reached the rules, and never will. It may be tried again."""


class OutcomeUnknown(VendueError):
    """It may have been executed or not. Sending it again with the same key is safe, and tells."""


_KINDS: Mapping[Outcome, type[VendueError]] = {
    "rejected": Rejected,
    "not_executed": NotExecuted,
    "unknown": OutcomeUnknown,
}


def local(code: str, message: str, outcome: Outcome, *, temporary: bool = True) -> VendueError:
    """An error that the client itself found, worded like the server's."""
    return _KINDS[outcome](code, message, outcome, temporary=temporary)


def of_wire(error: Mapping[str, Any] | None) -> VendueError:
    """The error of a reply."""
    error = error or {"code": "internal", "message": "The server gave no reason."}
    outcome = error.get("outcome")
    known: Outcome = cast("Outcome", outcome) if outcome in _KINDS else "rejected"
    details = error.get("details")
    return _KINDS[known](
        str(error.get("code", "internal")),
        str(error.get("message", "")),
        known,
        temporary=error.get("temporary") is True,
        retry_after_ms=error.get("retry_after_ms"),
        details=details if isinstance(details, dict) else None,
        replayed=error.get("replayed") is True,
    )
