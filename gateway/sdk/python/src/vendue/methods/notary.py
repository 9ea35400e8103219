"""`client.notary`: the methods of the protocol that begin with `notary.`.

Made by `tools/generate.py` out of the server's documents; changes belong there.
"""

from __future__ import annotations

from typing import Any, Unpack, cast

from ._base import Methods, ReadOptions


class NotaryMethods(Methods):
    """What can be asked about notarys, and done to them."""

    async def keys(
        self,
        **how: Unpack[ReadOptions],
    ) -> dict[str, Any]:
        """The public keys that sign the market's history."""
        return cast("dict[str, Any]", await self._call("notary.keys", {}, how))
