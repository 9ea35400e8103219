"""The client on the real gateway and engine, both of which are killed now and then."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import pytest

from vendue import Client, Event, Rejected, Snapshot, VendueError, new_key

from .fake import until
from .market import ROOT, auction, real_market

# Fields of events alone: a gateway that has seen such an event shows them in its snapshots, too, `lot.get` does not.
NEWS = {"bidder", "units"}

PYTHON = ROOT / "gateway" / "sdk" / "python"


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
async def test_bid_outbid_and_what_everybody_sees(encoding: Any) -> None:
    async with auction() as (market, house, place, lot):
        _, first = await market.bidder(house, place, "Ada")
        _, second = await market.bidder(house, place, "Bob")
        async with (
            Client(market.url, first, encoding=encoding, proxy=None) as ada,
            Client(market.url, second, encoding=encoding, proxy=None) as bob,
            Client(market.url, encoding=encoding, proxy=None) as guest,
        ):
            news, seen = ada.watch_account(), guest.watch_lot(lot)
            await asyncio.gather(news.ready(), seen.ready())
            assert isinstance(await anext(seen), Snapshot)
            key = new_key()
            bid = await ada.lot.bid(lot=lot, amount=2_000, key=key)
            assert (bid["status"], bid["price"], bid["replayed"]) == ("leading", 1_000, False)
            again = await ada.lot.bid(lot=lot, amount=2_000, key=key)
            assert (again["bid"], again["replayed"]) == (bid["bid"], True)
            assert (await ada.command.result(key=key, target=lot))["bid"] == bid["bid"]
            with pytest.raises(VendueError) as reused:
                await ada.lot.bid(lot=lot, amount=2_500, key=key)
            assert reused.value.code == "idempotency_key_reused"
            with pytest.raises(Rejected) as low:
                await bob.lot.bid(lot=lot, amount=1_000)
            assert low.value.code == "bid_too_low"
            assert low.value.details["min_next_amount"] == bid["min_next_amount"]
            assert (await bob.lot.bid(lot=lot, amount=5_000))["status"] == "leading"
            async for update in news:
                if isinstance(update, Event) and update.type == "outbid":
                    assert update.data["lot"] == lot
                    break
            with pytest.raises(VendueError) as refused:
                await guest.lot.bid(lot=lot, amount=9_000)
            assert refused.value.code == "unauthenticated"
            with pytest.raises(VendueError) as private:
                await guest.watch_account().ready()
            assert private.value.code == "unauthenticated"
            fresh = await guest.lot.get(lot=lot)
            await until("the newest is seen", lambda: seen.position is not None and seen.position.seq == fresh["seq"])
            assert seen.state == {name: value for name, value in fresh.items() if name != "seq"}
            assert (await guest.lot.bids(lot=lot))["bids"][0]["amount"] == fresh["price"]
            assert lot in {one["lot"] for one in (await guest.lot.list(market=place))["lots"]}
            assert guest.stats().gaps == 0
            assert 0 <= abs(guest.now() - ada.now()) < 1_000_000


async def test_watchers_and_bids_go_on_when_the_gateway_or_the_engine_is_killed() -> None:
    async with auction() as (market, house, place, lot):
        _, token = await market.bidder(house, place, "Ada")
        async with Client(market.url, token, proxy=None) as ada, Client(market.url, proxy=None) as guest:
            watch = guest.watch_lot(lot)
            await watch.ready()
            assert isinstance(await anext(watch), Snapshot)
            amount = 1_000
            for kill, start in ((market.kill_gateway, market.start_gateway), (market.kill_engine, market.start_engine)):
                bids = []
                for step in range(12):
                    amount += 1_000
                    bids.append(asyncio.create_task(ada.lot.bid(lot=lot, amount=amount, deadline_ms=60_000)))
                    if step == 5:
                        await bids[0]
                        await kill()
                        await start()
                results = await asyncio.gather(*bids)
                assert {one["status"] for one in results} == {"leading"}
                await watch.ready()
            assert len({bid["bid"] for bid in results}) == len(results)
            fresh = await guest.lot.get(lot=lot)
            await until("caught up", lambda: watch.position is not None and watch.position.seq == fresh["seq"])
            assert watch.state == {name: value for name, value in fresh.items() if name != "seq"}
            assert guest.stats().connections >= 2
            assert guest.stats().snapshots == 1, "continued from where it stood"
            await _check_dense(watch)


async def _check_dense(watch: Any) -> None:
    seqs = []
    watch_end = watch.position.seq
    async for update in watch:
        assert isinstance(update, Event)
        seqs.append(update.seq)
        if update.seq == watch_end:
            break
    assert seqs == list(range(seqs[0], watch_end + 1))


async def test_a_token_that_ends_is_replaced_on_the_live_connection() -> None:
    async with auction() as (market, house, place, lot):
        account, _ = await market.bidder(house, place, "Ada")
        given: list[str] = []

        async def source() -> str:
            given.append(await market.token(account, "3s" if not given else "24h"))
            return given[-1]

        async with Client(market.url, source, proxy=None) as ada:
            news = ada.watch_account()
            await news.ready()
            await until("renewed", lambda: ada.stats().renewals == 1)
            assert len(given) == 2
            await asyncio.sleep(3.5)
            assert (await ada.lot.bid(lot=lot, amount=1_000))["status"] == "leading"
            await news.ready()
            assert ada.stats().connections == 1
        # Without a way to a fresh one the private channel ends, and commands say why.
        async with Client(market.url, await market.token(account, "2s"), proxy=None) as ada:
            news = ada.watch_account()
            await news.ready()
            with pytest.raises(VendueError) as ended:
                async for _ in news:
                    pass
            assert ended.value.code == "token_expired"
            with pytest.raises(VendueError) as refused:
                await ada.lot.bid(lot=lot, amount=9_000, deadline_ms=200)
            assert refused.value.outcome == "not_executed"
            await ada.authenticate(await market.token(account))
            assert (await ada.lot.bid(lot=lot, amount=9_000))["status"] == "leading"


async def test_every_kind_of_channel_is_folded_to_what_a_snapshot_says() -> None:
    async with auction() as (market, house, place, lot):
        account, token = await market.bidder(house, place, "Ada")
        _, other_token = await market.bidder(house, place, "Bob")
        book = (await house.book.create(market=place, title="Coffee", tick=5))["book"]
        stock = (await house.stock.create(market=place, title="Mug", price=900, on_hand=10))["stock"]
        async with (
            Client(market.url, token, proxy=None) as ada,
            Client(market.url, other_token, proxy=None) as bob,
            Client(market.url, proxy=None) as guest,
        ):
            channels = [f"lot:{lot}", f"stock:{stock}", f"book:{book}", f"market:{place}"]
            watches: list[Any] = [guest.subscribe(channel) for channel in channels]
            watches += [guest.subscribe(f"ops:{place}")]
            with pytest.raises(VendueError):
                await watches.pop().ready()
            watches.append(ada.watch_account())
            await asyncio.gather(*(watch.ready() for watch in watches))
            await house.account.deposit(account=account, amount=50_000, currency="EUR", reason="cash")
            await ada.lot.bid(lot=lot, amount=3_000)
            reserved = await ada.stock.reserve(stock=stock, quantity=2)
            await ada.stock.release(reservation=str(reserved["reservation"]), stock=stock)
            await bob.book.place(book=book, side="sell", type="limit", quantity=5, price=850)
            await bob.book.place(book=book, side="sell", type="limit", quantity=5, price=840)
            placed = await ada.book.place(book=book, side="buy", type="limit", quantity=7, price=845)
            assert (placed["filled"], placed["remaining"]) == (5, 2)
            await house.lot.pause(lot=lot, reason="a question")
            await house.market.set_fees(market=place, fees={"buyers_premium": {"bands": [(0, 250_000)]}}, reason="terms of 2027")
            order = await ada.order.place(lines=[{"stock": stock, "quantity": 1}])
            assert order["currency"] == "EUR"
            for watch in watches:
                reader = ada if watch.channel == "account" else guest
                async with Client(market.url, token if reader is ada else None, proxy=None) as other:
                    await _same_as_fresh(watch, other)


async def _same_as_fresh(watch: Any, other: Client) -> None:
    """A client that applied events and one that comes later see the same."""
    for _ in range(200):
        fresh = other.subscribe(watch.channel)
        state = await fresh.ready()
        position = fresh.position
        fresh.close()
        if watch.position == position:
            # Of an account only what its events spell out is kept up to date.
            names = set(state) & {"name", "balances", "grants"} if watch.channel == "account" else set(state)
            if watch.channel != "account":
                assert set(watch.state) - NEWS == names - NEWS, watch.channel
            for name in names - NEWS:
                ours, theirs = watch.state.get(name), state[name]
                if name == "balances":
                    ours = [{key: one[key] for key in ("currency", "balance", "held", "available")} for one in ours]
                    theirs = [{key: one[key] for key in ("currency", "balance", "held", "available")} for one in theirs]
                assert ours == theirs, f"{watch.channel}: {name}"
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"{watch.channel} never came to the fresh snapshot's place")


async def test_what_this_client_knows_is_what_the_server_says() -> None:
    """The shapes and methods are those of the server's documents: else `python tools/generate.py URL` writes them anew."""
    async with real_market() as market:
        run = await asyncio.create_subprocess_exec(
            sys.executable, str(PYTHON / "tools" / "generate.py"), market.http, "--check", stdout=asyncio.subprocess.PIPE
        )
        told, _ = await run.communicate()
        assert run.returncode == 0, told.decode()


@pytest.mark.parametrize("example", ["watch", "bid", "stock"])
async def test_the_examples_run(example: str) -> None:
    async with auction() as (market, house, place, lot):
        _, token = await market.bidder(house, place, "Ada")
        stock = (await house.stock.create(market=place, title="Mug", price=900, on_hand=10))["stock"]
        thing = {"watch": lot, "bid": lot, "stock": stock}[example]
        arguments = [str(PYTHON / "examples" / f"{example}.py"), thing]
        run = await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={"VENDUE_URL": market.url, "VENDUE_TOKEN": token, "PATH": "", "PYTHONDONTWRITEBYTECODE": "1"},
        )
        assert run.stdout is not None
        if example == "watch":
            first = (await asyncio.wait_for(run.stdout.readline(), 60)).decode()
            await house.lot.cancel(lot=lot, reason="the end of the example")
            out, err = await asyncio.wait_for(run.communicate(), 60)
            assert "Oak chair" in first
        else:
            out, err = await asyncio.wait_for(run.communicate(), 60)
        text = out.decode()
        assert run.returncode == 0, err.decode() + text
        expected = {"watch": "lot_closed", "bid": "leading", "stock": "reserved 1"}[example]
        assert expected in text, text


def test_the_examples_of_the_readme_are_python() -> None:
    text = (PYTHON / "README.md").read_text(encoding="utf-8")
    blocks = [part.split("```")[0] for part in text.split("```python\n")[1:]]
    assert blocks
    for block in blocks:
        compile(block, "README.md", "exec")
