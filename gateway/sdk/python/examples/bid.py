"""Bids on a lot: the least that counts, or the maximum given.

VENDUE_TOKEN=... python examples/bid.py LOT [AMOUNT]        AMOUNT in minor units (cents)
"""

from __future__ import annotations

import asyncio
import os
import sys

from vendue import Client, OutcomeUnknown, Rejected

URL = os.environ.get("VENDUE_URL", "ws://127.0.0.1:7400/ws")


async def main(lot: str, amount: int | None) -> int:
    async with Client(URL, os.environ["VENDUE_TOKEN"]) as client:
        state = await client.lot.get(lot=lot)
        try:
            bid = await client.lot.bid(
                lot=lot,
                amount=amount or state["min_next_amount"],
                on_phase=lambda phase: print("bid:", phase, file=sys.stderr),
            )
        except Rejected as no:
            print(no.code, dict(no.details))
            return 3
        except OutcomeUnknown:
            print("nobody can say what became of it: bid again with the same key to know")
            return 4
        print(bid["status"], bid["price"], state["currency"])
        return 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(asyncio.run(main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else None)))
