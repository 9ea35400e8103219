"""Reserves one of a stock item, orders it, and shows what is left.

VENDUE_TOKEN=... python examples/stock.py STOCK
"""

from __future__ import annotations

import asyncio
import os
import sys

from vendue import Client, Rejected

URL = os.environ.get("VENDUE_URL", "ws://127.0.0.1:7400/ws")


async def main(stock: str) -> int:
    async with Client(URL, os.environ["VENDUE_TOKEN"]) as client:
        watch = client.watch_stock(stock)
        item = await watch.ready()
        print(item["title"], item["price"], item["currency"], f"{item['available']} available")
        try:
            held = await client.stock.reserve(stock=stock, quantity=1, ttl_ms=60_000)
        except Rejected as no:
            print(no.code, dict(no.details))
            return 3
        print("reserved 1 until", held["expires_at"], f"{held['available']} left")
        order = await client.order.place(lines=[{"reservation": held["reservation"]}])
        print("ordered", order["order"], order["state"], order["total"], order["currency"])
        return 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(asyncio.run(main(sys.argv[1])))
