"""What a parent sees at a decision, against its slow twin: the same bytes."""

import numpy as np
import pytest

from engine.core.observe import Observer, layout
from engine.core.plan import DECISION
from engine.core.quotes import Quotes
from engine.domain import commands as c
from engine.domain.kinds import CONTINUOUS, HALTED
from engine.domain.market import ACTION, OBSERVATION
from tests.oracle.naive_observe import observation
from tests.support.desk_rig import Rig


def busy() -> Rig:
    """Four parents in two symbols at work, one with a limit, one that may not go everywhere."""
    rig = Rig(symbols=2)
    other = list(rig.state.instruments)[1]
    rig.run(3)
    rig.buy(30_000)
    rig.buy(20_000, side=-1, strategy="POV", symbol=other)
    rig.buy(9_000, strategy="ADAPTIVE", limit_price=rig.loop.desk.quotes.get(rig.symbol).ask + 90)
    rig.buy(12_000, strategy="POV", exclude=(rig.state.venues[1].name,))
    return rig


def assert_same(rig: Rig, quotes: Quotes, observer: Observer, row: np.ndarray) -> None:
    sight = rig.loop.desk.sight
    assert sight is not None
    for parent in rig.state.parents.values():
        for model_state, places in ((0, -1), (2, 0b101)):
            observer.write(rig.state, quotes, sight, parent, model_state, places)
            want = observation(rig.state, quotes, sight, parent, model_state, places)
            assert row.tobytes() == want.tobytes(), parent.id


def test_every_decision_of_a_busy_quarter_of_an_hour_sees_what_the_twin_sees():
    rig, row = busy(), np.zeros(1, dtype=OBSERVATION)
    observer = Observer(row)
    for turn in range(90):
        rig.run(10)
        if turn == 40:
            rig.do(c.HoldScope(scope="venue", target=rig.state.venues[0].name), "u3")
        assert_same(rig, rig.loop.desk.quotes, observer, row)
    assert rig.state.venue_use
    assert rig.loop.desk.sight.marks.known


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("session", HALTED), ("at_ns", 0), ("ofi", np.nan), ("bid", 10**6), ("ask", -1),
        ("venue_bid", 10**6), ("venue_state", 0), ("volume", 0),
    ],
)  # fmt: skip
def test_a_market_that_cannot_be_believed_is_blank_for_both(name: str, value: float):
    rig, row = busy(), np.zeros(1, dtype=OBSERVATION)
    observer, quotes = Observer(row), Quotes()
    rig.run(60)
    assert_same(rig, quotes, observer, row)  # before the first tick
    ticks = rig.loop.desk.quotes.ticks.copy()
    ticks[name][0] = value
    quotes.update(tuple(rig.state.instruments.values()), ticks)
    assert_same(rig, quotes, observer, row)


def test_a_book_that_bids_what_it_offers_at_is_not_believed():
    rig, row = busy(), np.zeros(1, dtype=OBSERVATION)
    rig.run(60)
    ticks = rig.loop.desk.quotes.ticks.copy()
    ticks["venue_bid"][0, 0] = ticks["venue_ask"][0, 0] = 5_000
    ticks["venue_state"][0, 0] = CONTINUOUS
    quotes, observer = Quotes(), Observer(row)
    quotes.update(tuple(rig.state.instruments.values()), ticks)
    assert_same(rig, quotes, observer, row)
    observer.write(rig.state, quotes, rig.loop.desk.sight, rig.state.parents[1], 0, -1)
    assert row["bid"][0] == 0
    assert quotes.get(rig.symbol).bid > 0


def test_a_decision_record_is_the_buffers_as_they_are():
    sizes = [OBSERVATION.itemsize, 8 * DECISION["parameters"].shape[0], ACTION.itemsize]
    starts = [8, 8 + sizes[0], 8 + sizes[0] + sizes[1]]
    fields = ("observation", "parameters", "action")
    assert [DECISION.fields[name][1] for name in fields] == starts
    assert DECISION.itemsize == 8 + sum(sizes)


def test_a_layout_reads_back_what_numpy_has_written():
    kind = np.dtype([("a", "<i4"), ("b", "<f8"), ("c", "<f4", (3,)), ("d", "<i8")], align=True)
    row = np.zeros(1, dtype=kind)
    row["a"], row["b"], row["c"], row["d"] = -7, 0.1, (1.5, np.inf, -0.0), 2**40
    assert layout(kind).size == kind.itemsize
    assert layout(kind).unpack(row.tobytes()) == (-7, 0.1, 1.5, np.inf, -0.0, 2**40)
    assert layout(kind, ("c",)).unpack(row.tobytes())[2] == row["c"].tobytes()
