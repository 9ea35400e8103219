"""Follows a lot until it has closed, through restarts of anything. No token is needed.

python examples/watch.py LOT
"""

from __future__ import annotations

import asyncio
import os
import sys

from vendue import Client, ConnectionState, Event, StreamFault

URL = os.environ.get("VENDUE_URL", "ws://127.0.0.1:7400/ws")


def on_connection(state: ConnectionState) -> None:
    print("connection:", state.phase, state.reason, file=sys.stderr)


def on_fault(fault: StreamFault) -> None:
    print("healing:", fault.kind, fault.channel, file=sys.stderr)


async def main(lot: str) -> None:
    async with Client(URL, on_connection=on_connection, on_fault=on_fault) as client:
        watch = client.watch_lot(lot)
        state = await watch.ready()
        left = ((state["ends_at"] or 0) - client.now()) / 1e6
        print(state["title"], state["state"], state["price"], f"{left:.0f} s left", flush=True)
        async for update in watch:
            if isinstance(update, Event):
                print(update.seq, update.type, dict(update.data), flush=True)
            state = watch.state or state
            if state["state"] == "closed":
                return


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    asyncio.run(main(sys.argv[1]))
