"""A market that was fitted to a recorded day: how it is kept, opened and named."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.domain.errors import Refused
from engine.exchange.days import SimulatedDays
from engine.exchange.generated import FILE, Generated, digests, keep, load
from engine.exchange.hours import session_of
from engine.exchange.presets import MIDCAP
from engine.exchange.server import market_opener
from engine.exchange.simulated import SimulatedMarket
from engine.kernels.exogenous import FLOW
from engine.realism import reactive
from engine.runtime.feeds.lobster import Recording
from engine.settings import resolve

DAY = "2012-06-21"
MARKET = Generated(
    instrument=replace(MIDCAP.instrument, name="MIDC generated from 2012-06-21"),
    parameters={name: float(MIDCAP.flow()[0][name]) for name in FLOW.names or ()},
    off_size=0.25,
    day=DAY,
    source="REPLAY / REACTIVE, GENERATED FROM a.zip",
    report={"levels": {}, "agree": 13, "of": 32},
    files=("ab", "cd"),
)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    found = tmp_path / "m.csv", tmp_path / "b.csv"
    for path in found:
        path.write_text(path.name)
    return found


def flags(tmp_path: Path, files: tuple[Path, Path], **more: str) -> dict[str, object]:
    return {"state": str(tmp_path), "replay": [str(path) for path in files], **more}


def test_what_is_kept_is_what_is_loaded_to_the_last_bit(tmp_path):
    keep(tmp_path, MARKET)
    found = load(tmp_path)
    assert found == MARKET
    assert found.flow().tobytes() == MIDCAP.flow().tobytes()
    assert not list(tmp_path.glob("*.new"))


def test_a_market_that_is_missing_torn_or_of_another_version_is_refused(tmp_path):
    with pytest.raises(Refused, match="start the desk with --replay once"):
        load(tmp_path)
    (tmp_path / FILE).write_text("{")
    with pytest.raises(Refused, match="must be JSON"):
        load(tmp_path)
    keep(tmp_path, MARKET)
    body = json.loads((tmp_path / FILE).read_text())
    (tmp_path / FILE).write_text(json.dumps({**body, "market_version": 1}))
    with pytest.raises(Refused, match="was 1: choose another"):
        load(tmp_path)


def test_the_mode_follows_the_recording_and_its_way_of_replay(tmp_path, files):
    assert resolve({"state": str(tmp_path)}, {}).mode == "SIM"
    assert resolve(flags(tmp_path, files), {}).mode == "REPLAY"
    assert resolve(flags(tmp_path, files, replay_mode="reactive"), {}).mode == "REACTIVE"
    with pytest.raises(Refused, match="replay_mode reactive needs a recording"):
        resolve({"state": str(tmp_path), "replay_mode": "reactive"}, {})
    with pytest.raises(Refused, match="must be virtual or reactive"):
        resolve(flags(tmp_path, files, replay_mode="both"), {})


def test_a_folder_with_the_market_of_another_recording_is_refused(tmp_path, files):
    settings = resolve(flags(tmp_path, files, replay_mode="reactive"), {})
    keep(tmp_path, replace(MARKET, files=digests(*files)))
    assert reactive.ready(settings).day == DAY
    files[0].write_text("something else")
    with pytest.raises(Refused, match=r"holds REPLAY / REACTIVE.*m\.csv is another recording"):
        reactive.ready(settings)


def test_the_exchange_opens_the_kept_market_and_says_where_it_is_from(tmp_path, files):
    settings = resolve(flags(tmp_path, files, replay_mode="reactive"), {})
    keep(tmp_path, MARKET)
    market = market_opener(settings)(session_of(DAY), 7)
    assert isinstance(market, SimulatedMarket)
    assert market.source.startswith(MARKET.source)
    assert market.instruments == (MARKET.instrument,)


def test_days_after_the_recorded_one_are_generated_too():
    days = SimulatedDays(seed=7, first=DAY, instruments=(MARKET.instrument,), words=MARKET.source)
    assert days.next_day("")[0].day == DAY
    session, _, source, _ = days.next_day(DAY)
    assert session.day == "2012-06-22"
    assert source == f"{MARKET.source}, seed 7"


def test_trades_off_the_public_books_are_so_much_smaller_and_public_ones_the_same():
    session = session_of(DAY)
    sums = []
    for size in (1.0, 0.25):
        market = SimulatedMarket(session=session, seed=3, presets=(replace(MARKET, off_size=size),))
        market.advance(session.open_at + 1_800 * 10**9)
        state = market.envs[0].state[0]
        sums.append((int(state["off_volume"]), int(state["volume"] - state["off_volume"])))
    (whole, lit), (part, same) = sums
    assert same == lit
    assert part == pytest.approx(0.25 * whole, rel=0.02)


def test_levels_that_are_apart_are_named_in_the_watermark_with_both_figures():
    assert reactive.is_close(100.0, 104.9)
    assert not reactive.is_close(100.0, 106.0)
    assert not reactive.is_close(100.0, None)
    recording = Recording(
        messages=np.zeros((0, 6), np.int64), book=np.zeros((0, 4), np.int64), levels=1,
        symbol="AMZN", day=DAY, files="a.zip/m.csv + a.zip/b.csv", digest="0123456789abcdef",
    )  # fmt: skip
    report = {
        "levels": {
            "spread": {"recorded": 12.86, "generated": 10.89},
            "lit_volume": {"recorded": 613_248.0, "generated": 610_000.0},
        },
        "levels_apart": ["spread"], "agree": 13, "of": 32,
    }  # fmt: skip
    assert reactive.source_of(recording, report) == (
        "REPLAY / REACTIVE, GENERATED FROM a.zip (AMZN 2012-06-21): 13 of 32 statistics agree, "
        "apart in spread 10.89 (recorded 12.86); sha256 0123456789ab"
    )


def test_queues_do_not_get_so_thin_that_a_side_empties_and_days_are_equally_volatile():
    flow = MIDCAP.flow()
    flow[0]["depth"] = 0.1
    after = reactive.bounded(flow)
    assert (after[0]["depth"], after[0]["vol_day"]) == (reactive.LEAST_DEPTH, 0.0)
    assert flow[0]["depth"] == 0.1
