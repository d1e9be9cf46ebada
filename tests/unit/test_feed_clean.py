"""Cleansing rules: each removes what its name says, in order, and the counts add up."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.domain.errors import Refused
from engine.runtime.feeds.clean import Quotes, Session, Trades, clean_quotes, clean_trades
from engine.runtime.feeds.formats import FORMATS
from engine.runtime.feeds.session import hours_of, new_york_day
from engine.runtime.feeds.taq import clean_file
from tests.support.feeds import TAQ_QUOTES


def trades(rows):
    at, venue, symbol, condition, correction, price, size = zip(*rows, strict=True)
    return Trades(
        at_ns=np.array(at, dtype=np.int64),
        venue=np.array(venue),
        symbol=np.array(symbol),
        condition=np.array(condition),
        correction=np.array(correction, dtype=np.int64),
        price=np.array(price, dtype=np.int64),
        size=np.array(size, dtype=np.int64),
    )


def session(n, inside=None):
    mask = np.ones(n, dtype=np.bool_) if inside is None else np.array(inside)
    return Session(inside=mask, day=np.zeros(n, dtype=np.int64))


def test_each_trade_rule_removes_its_own_rows_in_this_order():
    rows = [
        (1, "N", "A", "", 0, 100, 5),
        (1, "N", "A", " F I ", 0, 104, 6),
        (1, "N", "A", "", 0, 101, 7),
        (2, "D", "A", "", 0, 100, 5),
        (3, "N", "A", "", 0, 100, 5),  # outside
        (4, "N", "A", "", 8, 100, 5),
        (5, "N", "A", "", 0, 0, 5),
        (6, "N", "A", "Q", 0, 100, 5),
        (7, "N", "A", "I", 0, 90, 1),
        (7, "N", "A", "", 0, 93, 2),
        (7, "N", "B", "", 0, 55, 2),
    ]
    inside = [row[0] != 3 for row in rows]
    cleaned, steps = clean_trades(trades(rows), session(len(rows), inside), "N")
    assert [(step.removed, step.left) for step in steps] == [
        (0, 11), (1, 10), (1, 9), (2, 7), (1, 6), (3, 3),
    ]  # fmt: skip
    assert cleaned.price.tolist() == [101, 92, 55]  # 91.5 rounded to even
    assert cleaned.size.tolist() == [18, 3, 2]
    assert cleaned.symbol.tolist() == ["A", "A", "B"]


QUOTES = [
    (1, "N", 100, 102), (2, "N", 100, 102), (3, "N", 100, 102), (3, "N", 98, 104),
    (4, "T", 100, 102), (5, "N", 0, 102), (6, "N", 100, 0), (7, "N", 102, 102), (8, "N", 103, 102),
    (9, "N", 100, 201), (10, "N", 100, 200), (11, "N", 100, 199),
]  # fmt: skip


def test_each_quote_rule_removes_its_own_rows_in_this_order():
    at, venue, bid, ask = zip(*QUOTES, strict=True)
    n = len(QUOTES)
    ones = np.ones(n, dtype=np.int64)
    quotes = Quotes(
        at_ns=np.array(at, dtype=np.int64), venue=np.array(venue), symbol=np.array(["A"] * n),
        bid=np.array(bid, dtype=np.int64), ask=np.array(ask, dtype=np.int64),
        bid_size=ones, ask_size=ones,
    )  # fmt: skip
    cleaned, steps = clean_quotes(quotes, session(n), "N")
    removed = [step.removed for step in steps]
    # the median spread of what is left is 6: 300 is the first that is too wide, none is
    assert removed == [0, 1, 0, 2, 2, 0, 1]
    assert cleaned.bid.tolist()[:3] == [100, 100, 99]
    wide = Quotes(**{**{k: getattr(quotes, k) for k in quotes.__slots__},
                     "ask": np.where(quotes.at_ns == 9, 401, quotes.ask)})  # fmt: skip
    _, steps = clean_quotes(wide, session(n), "N")
    assert steps[5].removed == 1


def test_nothing_left_is_no_fault():
    rows = [(1, "D", "A", "", 0, 100, 5)]
    cleaned, steps = clean_trades(trades(rows), session(1), "N")
    assert cleaned.at_ns.size == 0
    assert [step.left for step in steps] == [1, 0, 0, 0, 0, 0]


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 50), st.integers(1, 9)), min_size=1))
def test_merging_equal_stamps_is_the_median_price_and_the_sum_of_sizes(rows):
    table = trades([(at, "N", "A", "", 0, price * 2, size) for at, price, size in rows])
    cleaned, steps = clean_trades(table, session(len(rows)), "N")
    assert sum(step.removed for step in steps) + steps[-1].left == steps[0].left
    for at, price, size in zip(cleaned.at_ns, cleaned.price, cleaned.size, strict=True):
        mine = [(p * 2, s) for t, p, s in rows if t == at]
        assert price == np.median([p for p, _ in mine])
        assert size == sum(s for _, s in mine)


def test_a_quote_file_is_cleaned_and_unreadable_rows_are_left_out(tmp_path):
    path = tmp_path / "quotes.csv"
    path.write_text("\n".join([*TAQ_QUOTES, "junk", "2018-01-02T14:29:59,N,XXX,1,1,2,2"]) + "\n")
    cleaned, steps = clean_file(path, FORMATS["taq-quotes"], "N", new_york_day())
    assert [step.left for step in steps] == [5, 4, 3, 2, 2, 2, 2]
    assert cleaned.bid.tolist() == [158_400_000_000, 158_420_000_000]


def test_only_taq_files_can_be_cleaned(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("ts_recv\n")
    with pytest.raises(Refused, match="cleansing rules are known for"):
        clean_file(path, FORMATS["trades"], "N", new_york_day())


def test_the_hours_follow_daylight_saving_and_include_both_ends():
    hours = new_york_day()
    summer, winter = 1_340_285_400, 1_514_903_400  # 2012-06-21 13:30 UTC, 2018-01-02 14:30 UTC
    for opens in (summer, winter):
        assert not hours.is_open((opens - 1) * 10**9)
        assert hours.is_open(opens * 10**9)
        assert hours.is_open((opens + 23_400) * 10**9)
        assert not hours.is_open((opens + 23_400) * 10**9 + 1)
    assert hours_of("09:30-16:00@America/New_York").open_s == 34_200
    assert hours_of("00:00-24:00").is_open(summer * 10**9)
