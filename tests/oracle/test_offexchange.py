"""Flow off the books against its slow twin, print for print; its shape over part of a day."""

import numpy as np
import pytest

from engine.domain.kinds import (
    AT_CLOSE,
    BUY,
    IOC,
    PEG_MID,
    SELL,
)
from engine.domain.market import TRADE
from engine.exchange.presets import PRESETS
from engine.kernels import offexchange
from engine.kernels.environment import new_day
from engine.kernels.flow import new_env
from engine.kernels.off_state import FIRST_DEALER, FIRST_POOL
from tests.oracle.naive_dark import NaivePool
from tests.oracle.naive_flow import draw
from tests.support.market import OPEN, SECOND, Run, cancel, message
from tests.support.off import DAY, Desk

HOUR = 3_600


class NaiveElsewhere:
    """Where a turned-away order goes and what is printed, from the description."""

    def __init__(self, sizes, foresight):
        self.sizes, self.foresight = sizes, foresight
        self.pools = [NaivePool(1), NaivePool(200)]
        self.prints = []  # venue, price, sub, quantity

    def quote(self, bid, ask, now):
        for pool in self.pools:
            pool.bid, pool.ask, pool.now = bid, ask, now

    def turned_away(self, bits, side, second):
        if (bits >> 15 & 16383) < 0.62 * 16384:
            return  # a calm book would have taken it: it gives up
        bits = draw(bits, 1)
        where, size = bits & 4095, self.sizes[bits >> 24 & 4095]
        for p, (below, times, wait_s, informed, sees) in enumerate(
            [(900, 1.7, 90, 1.0, 4), (1100, 6.5, 400, 1.0, 5)]
        ):
            if where < below:
                move = sum(self.foresight[second : second + sees]) * informed
                if (bits >> 12 & 4095) < abs(move) * 4096:
                    side = 1 if move > 0 else -1
                pool, had = self.pools[p], len(self.pools[p].prints)
                wait = int(((bits >> 36 & 4095) + 0.5) / 4096 * wait_s * 1e9)
                pool.come(side, max(1, int(times * size)), pool.now + wait)
                self.prints += [(3 + p, *done[:3]) for done in pool.prints[had:]]
                return
        for venue, below, times in ((5, 1500, 1.75), (6, 1700, 2.6), (7, 4096, 1.1)):
            if where < below:
                kind, u = bits >> 12 & 4095, (bits >> 36 & 4095) / 4096
                better = 1 + int(49 * u * u) if kind < 1880 else 50 if kind < 2180 else 0
                if self.pools[0].mid:
                    touch = self.pools[0].ask if side > 0 else self.pools[0].bid
                    cents = 100 * touch - side * better
                    quantity = max(1, int(times * size))
                    self.prints.append((venue, *divmod(cents, 100), quantity))
                return


def test_what_is_turned_away_is_printed_as_its_slow_twin_prints_it():
    desk = Desk()
    desk.env.off[0]["pools"]["minimum"] = (1, 200)
    twin = NaiveElsewhere(DAY.tables[0].tolist(), DAY.seconds["foresight"].tolist())
    for i in range(3_000):
        bits = draw(77, i)
        second = i // 26
        desk.at(second * SECOND + i)
        bid = 4_990 + bits % 7
        quote = (bid, bid + 1 + (bits >> 8) % 4 if i % 50 else bid)
        desk.quote(*quote)
        twin.quote(*quote, OPEN + second * SECOND + i)
        side = BUY if bits >> 20 & 1 else SELL
        if desk.st["n_trades"] > 2_000:
            desk.st["n_trades"] = 0
            twin.prints.clear()
        offexchange.off_arrival(desk.env, np.uint64(bits), side, desk.reports, desk.trades)
        twin.turned_away(bits, side, second)
    rows = desk.trades[: desk.st["n_trades"]]
    names = ("venue", "price", "sub", "quantity")
    assert [tuple(int(row[name]) for name in names) for row in rows] == twin.prints
    assert {venue for venue, *_ in twin.prints} == {3, 4, 5, 6, 7}
    assert not rows["side"].any()


def orders(at):
    """Own orders of every sort off the books, sent over six minutes."""
    rows = []
    for k in range(70):
        sent = at + k * 5 * SECOND
        side = BUY if k % 2 == 0 else SELL  # one side a pool: they never meet each other
        venue = FIRST_POOL + k % 2
        rows.append(message(10 * k + 1, at=sent, side=side, type=PEG_MID, venue=venue,
                            price=5_000 + side * 40, quantity=600))  # fmt: skip
        rows.append(message(10 * k + 2, at=sent, side=side, type=IOC, venue=FIRST_DEALER + k % 2,
                            price=5_000 + side * 40, quantity=300))  # fmt: skip
        rows.append(message(10 * k + 3, at=sent, side=side, type=IOC, venue=venue, minimum=100,
                            price=5_000 + side * 40, quantity=400))  # fmt: skip
        rows.append(cancel(10 * k - 39, at=sent, venue=FIRST_POOL + k % 2))
    rows.append(message(999, at=at, type=AT_CLOSE, price=0, quantity=5_000))
    return rows


def a_run(cuts, with_orders, seconds=400):
    run = Run(new_env(new_day(9, PRESETS[0].flow(), OPEN, OPEN + seconds * SECOND), 0))
    if with_orders:
        run.send(np.concatenate(orders(OPEN + SECOND)))
    for cut in cuts:
        run.to(OPEN + cut)
    return run.to(OPEN + seconds * SECOND)


@pytest.mark.parametrize("step", [SECOND // 3, 7 * SECOND + 1])
def test_slicing_changes_nothing_off_the_books_either(step):
    whole = a_run([], True)
    cut = a_run(range(0, 400 * SECOND, step), True)
    assert cut.everything() == whole.everything()
    for part in ("top", "pools", "dealers", "auctions"):
        assert cut.env.off[0][part].tobytes() == whole.env.off[0][part].tobytes()
    kinds = {(r["venue"], r["kind"]) for r in whole.named()}
    assert {(3, 2), (5, 2)} <= kinds  # they did trade


def test_own_orders_off_the_books_use_no_draw_of_the_background():
    with_orders, without = a_run([], True), a_run([], False)
    before = OPEN + SECOND
    tapes = [
        [t for t in (np.array([tuple(t)], TRADE)[0] for t in run.trades) if t["at_ns"] < before]
        for run in (with_orders, without)
    ]
    assert tapes[0] == tapes[1]
    assert bytes(with_orders.env.seconds) == bytes(without.env.seconds)
    # what is printed by wholesalers is nearly the same stream: sizes at their instants
    seen = [
        {(int(t[2]), int(t[4])) for t in run.trades if t[7] == 7} for run in (with_orders, without)
    ]
    assert len(seen[0] & seen[1]) > 0.85 * max(map(len, seen))


def test_the_shape_of_volume_off_the_exchanges_is_that_of_recorded_days():
    off = total = prints = sub = half = 0
    for seed in range(1, 7):
        day = new_day(seed, PRESETS[0].flow(), OPEN, OPEN + HOUR * SECOND)
        run = Run(new_env(day, 0)).to(OPEN + (HOUR - 1) * SECOND)
        tape = np.array([tuple(t) for t in run.trades], TRADE)
        tape = tape[tape["auction"] == 0]
        mine = tape[tape["venue"] >= FIRST_POOL]
        off += int(mine["quantity"].sum())
        total += int(tape["quantity"].sum())
        prints += len(mine)
        sub += int((mine["sub"] != 0).sum())
        half += int((mine["sub"] == 50).sum())
        assert run.tick["off_exchange"] == mine["quantity"].sum()
        assert run.tick["volume"] == tape["quantity"].sum()
    assert 0.37 < 0.905 * off / total < 0.46  # auctions, 9.5 % of a day, are lit
    assert sub / prints == pytest.approx(0.54, abs=0.025)
    assert half / prints == pytest.approx(0.14, abs=0.02)
