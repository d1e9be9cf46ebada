"""A desk on a market that is generated like a recorded day: levels, orders, drill, the proof.

Needs the recorded data (tests/support/data.py).
"""

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from engine.domain import commands as c
from engine.domain.errors import Refused
from engine.exchange.generated import load
from engine.exchange.hours import session_of
from engine.exchange.simulated import SimulatedMarket
from tests.process.test_recorded_day import MINUTE, Talk, cli, filled, recording
from tests.support.browser import ROOT
from tests.support.real_desk import RealDesk, until


@pytest.fixture(scope="module")
def desk() -> Iterator[RealDesk]:
    path = recording()
    running = RealDesk(
        unhurried=False,
        flags={
            "replay_messages": path, "replay_orderbook": path, "replay_mode": "reactive",
            "speed": 60, "history_days": 0,
        }
    )  # fmt: skip
    try:
        yield running.start(wait_s=300)
    finally:
        running.stop()
    running.remove()


@pytest.mark.timeout(900)
def test_the_desk_trades_on_a_market_like_the_recorded_day_and_says_how_far_it_is_off(
    desk: RealDesk,
) -> None:
    talk = Talk(desk)
    now = talk.when(lambda n: n["desk"]["session"] == "CONTINUOUS", "the market is open")
    assert (now["desk"]["mode"], now["desk"]["day"]) == ("REACTIVE", "2012-06-21")
    said = now["desk"]["source"]
    assert said.startswith(
        f"REPLAY / REACTIVE, GENERATED FROM {recording().name} (AMZN 2012-06-21)"
    )
    assert "of 32 statistics agree, apart in spread " in said
    assert "(recorded 12.86)" in said

    order = c.SubmitParent(
        symbol="AMZN", side=1, quantity=5_000, strategy="TWAP", horizon_ns=120 * MINUTE
    )
    until(lambda: is_taken(talk, order), what="the engine knows the people")
    talk.when(lambda n: filled(n, "P-1") >= 500, "fills of the order")
    talk.do(c.StartIncident(kind="news", seconds=5.0, symbol="AMZN", size=60), "u3")
    talk.door.close()
    levels_are_those_of_the_file(desk)

    desk.stop()
    again = cli(desk, "verify", "--decisions", "--json")
    body = json.loads(again.stdout)
    assert again.returncode == 0, again.stdout + again.stderr
    assert body["decisions"]["decided"] == body["entries"] > 30
    path = recording()
    virtual = subprocess.run(
        [sys.executable, "app.py", "--replay", str(path), str(path), "--state",
         str(desk.where.state), "--port", str(desk.port)],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert virtual.returncode == 2, virtual.stdout
    assert "choose one with --state" in virtual.stdout


def is_taken(talk: Talk, order: c.SubmitParent) -> bool:
    """Whether the order was accepted; False as long as the web has not told who people are."""
    try:
        talk.do(order)
    except Refused as refusal:
        if "is unknown to the engine" not in str(refusal):
            raise
        return False
    return True


def levels_are_those_of_the_file(desk: RealDesk) -> None:
    """What the fit reached, and that the days the exchange opens have it too."""
    market = load(desk.where.state)
    levels = market.report["levels"]
    for name in ("lit_volume", "aggressors"):
        assert levels[name]["generated"] == pytest.approx(levels[name]["recorded"], rel=0.05)
    assert levels["minute_deviation"]["generated"] == pytest.approx(
        levels["minute_deviation"]["recorded"], rel=0.1
    )
    assert levels["spread"]["generated"] == pytest.approx(levels["spread"]["recorded"], rel=0.2)
    assert market.instrument.reference_price == 22_356  # (223.95 + 223.17) / 2, row 0 of the file
    session, whole, public, auctions = session_of(market.day), 0, 0, 0
    for seed in range(6):
        opened = SimulatedMarket(session=session, seed=seed, presets=(market,))
        trades = opened.advance(session.close_at).trades
        state = opened.envs[0].state[0]
        whole += int(state["volume"])
        public += int(state["volume"] - state["off_volume"])
        auctions += int(trades["quantity"][trades["auction"] != 0].sum())
    assert whole / 6 == pytest.approx(market.instrument.adv, rel=0.1)
    assert public / 6 == pytest.approx(levels["public_volume"]["generated"], rel=0.1)
    assert public / 6 == pytest.approx(levels["public_volume"]["recorded"], rel=0.2)
    assert 0.05 < auctions / whole < 0.15  # of another tenth, as in the calibrated stock
