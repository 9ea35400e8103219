"""A real market for tests: the built `vendue`, engine and gateway as processes, a data directory of its own, a free port."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from vendue import Client, new_id

ROOT = Path(__file__).resolve().parents[4]

# How long anything may take before a test gives up: far above what it takes, so that a slow machine fails nothing.
PATIENCE = 90.0

HOUR_US = 3_600_000_000


def binary() -> Path:
    """The built `vendue`: VENDUE_BIN, or where cargo puts it."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    named = os.environ.get("VENDUE_BIN")
    places = [Path(named)] if named else [target / "debug" / "vendue", target / "release" / "vendue"]
    for place in places:
        if place.exists():
            return place.resolve()
    raise FileNotFoundError(f"no vendue at {places}: cargo build --bin vendue, or name it in VENDUE_BIN")


class Market:
    """Engine, gateway, and who has which token."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = 0
        self.operator_token = ""
        self._engine: asyncio.subprocess.Process | None = None
        self._gateway: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start_engine(self) -> None:
        self._engine = await self._start("engine")
        await self._line(self._engine)

    async def start_gateway(self) -> None:
        self._gateway = await self._start("gateway", "--listen", f"127.0.0.1:{self.port}")
        said = await self._line(self._gateway)
        self.port = int(said["listening"].rsplit(":", 1)[1])

    async def kill_engine(self) -> None:
        assert self._engine is not None
        self._engine.kill()
        await self._engine.wait()

    async def kill_gateway(self) -> None:
        assert self._gateway is not None
        self._gateway.kill()
        await self._gateway.wait()

    async def end(self) -> None:
        for process in (self._gateway, self._engine):
            if process is not None and process.returncode is None:
                process.terminate()
                try:
                    await asyncio.wait_for(process.wait(), PATIENCE)
                except TimeoutError:
                    process.kill()
                    await process.wait()

    async def token(self, account: str | None, expires: str = "24h") -> str:
        """A token of an account; of the house for None."""
        who = ["--operator"] if account is None else [account]
        arguments = ["token", *who, "--expires", expires, "--data-dir", str(self.directory)]
        process = await asyncio.create_subprocess_exec(
            str(binary()), *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=_environment()
        )
        out, err = await asyncio.wait_for(process.communicate(), PATIENCE)
        assert process.returncode == 0, err.decode()
        return out.decode().strip()

    def operator(self, **options: Any) -> Client:
        return Client(self.url, self.operator_token, proxy=None, **options)

    async def bidder(self, house: Client, market: str, name: str) -> tuple[str, str]:
        """An account that may bid; its id and token."""
        account = new_id("acc")
        token = await self.token(account)
        await house.account.create(account=account, name=name)
        await house.account.grant(account=account, market=market, role="bidder")
        return account, token

    async def _start(self, command: str, *arguments: str) -> asyncio.subprocess.Process:
        log = (self.directory.parent / f"{command}.log").open("ab")
        with log:
            return await asyncio.create_subprocess_exec(
                str(binary()),
                command,
                "--data-dir",
                str(self.directory),
                # Ends with this process, whatever becomes of it.
                "--until-input-closes",
                *arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env=_environment(),
            )

    @staticmethod
    async def _line(process: asyncio.subprocess.Process) -> dict[str, Any]:
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), PATIENCE)
        assert line, "it ended before it was ready; its log is beside its data"
        said: dict[str, Any] = json.loads(line)
        return said


def _environment() -> dict[str, str]:
    # What the developer has set for a market of his own is not for these.
    return {name: value for name, value in os.environ.items() if not name.startswith("VENDUE_")}


@contextlib.asynccontextmanager
async def real_market() -> AsyncIterator[Market]:
    with tempfile.TemporaryDirectory(prefix="vendue-python-") as directory:
        market = Market(Path(directory) / "data")
        market.directory.mkdir()
        try:
            await market.start_engine()
            await market.start_gateway()
            market.operator_token = await market.token(None)
            yield market
        except BaseException:
            for name in ("engine", "gateway"):
                log = market.directory.parent / f"{name}.log"
                print(f"--- {name}\n{log.read_text(errors='replace')[-4_000:]}" if log.exists() else f"--- no {name}")
            raise
        finally:
            await market.end()


@contextlib.asynccontextmanager
async def auction() -> AsyncIterator[tuple[Market, Client, str, str]]:
    """A market with an open lot: the market, the house's client, the ids of both."""
    async with real_market() as market, market.operator() as house:
        made = await house.market.create(name="A house", currency="EUR")
        lot = await house.lot.create(
            market=made["market"],
            title="Oak chair",
            format="english",
            opens_at=house.now(),
            closes_at=house.now() + HOUR_US,
            start_amount=1_000,
        )
        async with house.watch_lot(lot["lot"]) as watch:
            async for state in watch.states():
                if state["state"] == "open":
                    break
        yield market, house, made["market"], lot["lot"]
