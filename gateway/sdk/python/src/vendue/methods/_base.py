"""What the generated methods stand on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, TypedDict

from .._requests import Phase


@dataclass(frozen=True, slots=True)
class Kind:
    """How a method is sent: a command has a key, a question has none."""

    command: bool
    # The parameter that names the actor which decides: there the outcome of a lost answer is asked for.
    target: str | None = None
    # The prefix of the id that the command gives to what it makes.
    makes: str | None = None


class ReadOptions(TypedDict, total=False):
    """How a question is carried out."""

    # Milliseconds until the answer must be there.
    deadline_ms: int
    on_phase: Callable[[Phase], None]


class CommandOptions(ReadOptions, total=False):
    """How a command is carried out; what is not decided at its deadline is never executed."""

    # The command's key; made for each command if absent. Use one to repeat a command of an earlier session.
    key: str
    # The id of the actor that decides, where the parameters do not tell it.
    target: str


Call: TypeAlias = Callable[[str, dict[str, Any], Mapping[str, Any]], Awaitable[Any]]


class Methods:
    """The methods of one noun."""

    __slots__ = ("_call",)

    def __init__(self, call: Call) -> None:
        self._call = call
