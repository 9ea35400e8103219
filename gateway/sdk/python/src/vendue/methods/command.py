"""`client.command`: the methods of the protocol that begin with `command.`.

Made by `tools/generate.py` out of the server's documents; changes belong there.
"""

from __future__ import annotations

from typing import Any, Unpack, cast

from ._base import Methods, ReadOptions


class CommandMethods(Methods):
    """What can be asked about commands, and done to them."""

    async def receipt(
        self,
        *,
        key: str,
        target: str,
        **how: Unpack[ReadOptions],
    ) -> dict[str, Any]:
        """The signed proof of what an earlier command was answered.

        key: The key of the earlier command.
        """
        return cast("dict[str, Any]", await self._call("command.receipt", {"key": key, "target": target}, how))

    async def result(
        self,
        *,
        key: str,
        target: str,
        **how: Unpack[ReadOptions],
    ) -> dict[str, Any]:
        """What became of an earlier command, by its key and target.

        key: The key of the earlier command.
        """
        return cast("dict[str, Any]", await self._call("command.result", {"key": key, "target": target}, how))
