"""No order is priced from bad market data; a desk that trusts its feed is seen to fail."""

from pathlib import Path

import pytest

from engine.drill.badfeed import KINDS, OLD, QUIET, Feed

SEED = 7


@pytest.fixture
def feed(tmp_path: Path):
    found = Feed.begin(tmp_path / "day", SEED)
    yield found
    found.day.close()


@pytest.mark.timeout(300)
def test_no_kind_of_bad_data_prices_an_order_and_each_is_said_within_the_second(feed: Feed):
    for number, kind in enumerate(KINDS):
        feed.period(kind, [number % 8])
    priced = {kind: count.priced_bad for kind, count in feed.counts.items()}
    assert priced == dict.fromkeys(KINDS, 0)
    assert all(count.said_s == [0.0] for count in feed.counts.values())
    assert all(count.back_s[0] < 60 for count in feed.counts.values())
    assert feed.total > 500
    assert set(OLD) | set(QUIET) < set(KINDS)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", ["not_a_number", "hour_ahead"])
def test_a_desk_that_believes_every_quote_is_found_out(feed: Feed, kind: str, monkeypatch):
    for module in ("engine.core.observe", "engine.core.turn.trouble"):
        monkeypatch.setattr(f"{module}.waits_for", lambda state, quotes, symbol: "")
    feed.period("gap", [0])  # the market has opened
    feed.period(kind, range(8))
    assert feed.counts[kind].priced_bad > 0
