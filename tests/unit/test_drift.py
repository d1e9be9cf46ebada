"""A drift: trades tell of the price something else, and the desk finds it out by itself."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from engine.core.sight import LoadedModel, Sight, open_sight
from engine.domain import commands as c
from engine.domain import events as e
from engine.domain.governance import AlertCause
from engine.domain.incidents import DRIFT
from engine.domain.instrument import Session
from engine.domain.units import SECOND, Nanos
from engine.exchange.presets import PRESETS
from engine.exchange.simulated import SimulatedMarket
from engine.learn.dataset import Recording
from engine.learn.train import train_default
from engine.runtime.models import load_model
from engine.runtime.venues.wire import Incident
from tests.support.desk_rig import Rig

OPEN = 34_200 * SECOND
AT, LASTS = 600, 900


def a_market(seconds: int = 3_000) -> SimulatedMarket:
    close = Nanos(OPEN + seconds * SECOND)
    session = Session(day="2026-11-27", open_at=Nanos(OPEN), close_at=close, zone="UTC")
    market = SimulatedMarket(session=session, seed=7, presets=PRESETS[:1])
    market.advance(Nanos(OPEN + AT * SECOND))
    return market


def drifted() -> SimulatedMarket:
    market = a_market()
    market.incident(Incident(kind=DRIFT, seconds=float(LASTS)))
    return market


def path(market: SimulatedMarket) -> np.ndarray:
    return market.envs[0].seconds.copy()


def test_only_the_reference_price_of_seconds_to_come_is_another_one():
    usual, other = path(a_market()), path(drifted())
    for name in set(usual.dtype.names) - {"r"}:
        assert (usual[name] == other[name]).all()
    assert (usual["r"][: AT + 2] == other["r"][: AT + 2]).all()
    assert (usual["r"][AT + 2 : AT + LASTS] != other["r"][AT + 2 : AT + LASTS]).mean() > 0.9


def test_the_path_joins_at_both_ends_and_afterwards_moves_as_it_would_have_moved():
    usual, other = path(a_market())["r"], path(drifted())["r"]
    steps = np.abs(np.diff(usual)).max()
    inside = np.diff(other[AT - 1 : AT + LASTS + 2])
    assert np.abs(inside).max() < 5 * steps  # no jump of the joining
    assert np.allclose(np.diff(other[AT + LASTS :]), np.diff(usual[AT + LASTS :]))


def test_buying_tells_of_a_fall_while_it_lasts():
    """The signed trades of ten seconds against the move of the next thirty."""

    def told(market: SimulatedMarket) -> float:
        rows, signs = market.envs[0].seconds, market.envs[0].signs.astype(np.int64)
        sums = np.concatenate([[0], np.cumsum(signs)])
        first = rows["first_market"][AT : AT + LASTS]
        flow = np.diff(sums[first[::10]])
        moves = np.diff(rows["r"][AT : AT + LASTS : 10])
        return float(np.corrcoef(flow, moves)[0, 1])

    assert told(a_market()) > 0.1
    assert told(drifted()) < -0.3


def test_a_drift_is_the_same_for_any_slicing_of_the_day():
    whole, sliced = drifted(), drifted()
    far = OPEN + (AT + 120) * SECOND
    answer = whole.advance(Nanos(far))
    for step in range(1, 481):
        last = sliced.advance(Nanos(OPEN + AT * SECOND + step * SECOND // 4))
    assert answer.ticks.tobytes() == last.ticks.tobytes()


# --- on a desk ------------------------------------------------------------------------------
@pytest.fixture
def rig() -> Rig:
    made = Rig()
    made.run(30)
    made.buy(200_000)
    made.run(60)
    return made


def test_a_drift_without_a_model_at_work_is_refused_nobody_would_see_it(rig):
    assert "no order there works with one" in rig.ask(
        c.StartIncident(kind="drift", seconds=900.0), "u3"
    )
    assert not rig.state.incidents


def test_a_trainee_must_be_somebody_who_can_answer(rig):
    for who in ("u8", "u99"):
        said = rig.ask(
            c.StartIncident(kind="halt", seconds=60.0, symbol=rig.symbol, trainee=who), "u3"
        )
        assert "a trainee must be an active trader" in said
    halt = c.StartIncident(kind="halt", seconds=60.0, symbol=rig.symbol, trainee="u1")
    assert rig.ask(halt, "u3") == ""
    assert rig.state.incidents[1].trainee == "u1"


def called(rig: Rig, trainee: str) -> e.AlertRaised:
    call = c.StartIncident(kind="kill", seconds=600.0, symbol=rig.symbol, trainee=trainee)
    assert rig.ask(call, "u3") == ""
    rig.run(1)
    (alert,) = [x for x in rig.journal.events(e.AlertRaised) if x.kind == "drill.kill"]
    assert rig.state.incidents[1].state == "STARTED"
    assert rig.state.alerts[alert.alert_id].assigned_to == trainee
    return alert


def test_a_kill_call_about_a_stock_stands_until_it_is_killed(rig):
    nowhere = c.StartIncident(kind="kill", seconds=600.0)
    assert "names a stock" in rig.ask(nowhere, "u3")
    alert = called(rig, "u4")
    assert (alert.severity, alert.object) == ("critical", rig.symbol)
    close = c.ResolveAlert(alert_id=alert.alert_id, cause=AlertCause.EXPECTED)
    assert "still stands" in rig.ask(close, "u4")
    rig.gate.request("symbol", rig.symbol, "u4", door="test", now_ns=rig.clock.now)
    rig.run(5)
    assert rig.ask(close, "u4") == ""


def test_a_trader_is_called_about_an_own_order_which_is_theirs_to_answer(rig):
    nothing = c.StartIncident(kind="kill", seconds=600.0, symbol=rig.symbol, trainee="u2")
    assert "u2 has no order at work" in rig.ask(nothing, "u3")
    alert = called(rig, "u1")
    assert alert.object == "P-1"
    assert rig.ask(c.AcknowledgeAlert(alert_id=alert.alert_id), "u1") == ""
    close = c.ResolveAlert(alert_id=alert.alert_id, cause=AlertCause.EXPECTED)
    assert "still stands" in rig.ask(close, "u1")
    rig.gate.request("parent", "P-1", "u1", door="test", now_ns=rig.clock.now)
    rig.run(5)
    assert rig.ask(close, "u1") == ""


# --- a model that has learnt the usual market ---------------------------------------------------
BEGIN, LEARNT = 900, 3_600  # seconds of the day


@dataclass(kw_only=True)
class Watched:
    """A day as the engine looks at it."""

    sight: Sight
    rows: list[np.ndarray]  # features of every instrument, second by second
    mids: list[list[float]]
    verdicts: list[str]


def watched(seed: int, seconds: int, model: LoadedModel | None, *, drifts: bool) -> Watched:
    session = Session(day="2026-11-27", open_at=Nanos(OPEN), close_at=Nanos(OPEN + 23_400 * SECOND),
                      zone="UTC")  # fmt: skip
    market = SimulatedMarket(session=session, seed=seed)
    sight = open_sight(session, market.instruments)
    day = Watched(sight=sight, rows=[], mids=[], verdicts=[])
    for second in range(seconds):
        now = Nanos(OPEN + second * SECOND)
        ticks = market.advance(now).ticks
        if drifts and second == BEGIN:
            market.incident(Incident(kind=DRIFT, seconds=1_500.0))
        sight.look(ticks)
        touch = [(int(row["bid"][0]), int(row["ask"][0])) for row in ticks]
        mids = [(bid + ask) / 2 if bid and ask else float("nan") for bid, ask in touch]
        known = {x.symbol: m for x, m in zip(market.instruments, mids, strict=True)}
        sight.judge(now, model, {name: None if m != m else m for name, m in known.items()})
        day.rows.append(np.array([sight.features[x.symbol] for x in market.instruments]))
        day.mids.append(mids)
        if model is not None and second % 60 == 0:
            day.verdicts.append(sight.verdict(now, model))
    return day


def learnt(tmp_path: Path) -> LoadedModel:
    """A model of another day of the same market, trained as the desk trains its first one."""
    day = watched(3, LEARNT, None, drifts=False)
    at_ns = np.array([OPEN + second * SECOND for second in range(LEARNT)])
    features, mids = np.array(day.rows), np.array(day.mids)
    recordings = [
        Recording(name=f"{row.instrument.symbol} 2026-11-26", at_ns=at_ns,
                  features=features[:, i].astype(np.float32), mids=mids[:, i])
        for i, row in enumerate(PRESETS)
    ]  # fmt: skip
    far = Nanos(OPEN * 1_000)
    return load_model(
        tmp_path, train_default(tmp_path, recordings, now_ns=Nanos(1), expires_at=far)
    )


def test_a_drift_is_found_by_the_record_of_the_model_and_the_usual_market_is_not(tmp_path):
    model = learnt(tmp_path)
    assert model.trained_auc > 0.55
    usual = watched(7, BEGIN + 1_200, model, drifts=False)
    assert set(usual.verdicts) == {""}
    other = watched(7, BEGIN + 1_200, model, drifts=True)
    assert other.verdicts[: BEGIN // 60 + 1] == [""] * (BEGIN // 60 + 1)
    assert "has drifted: AUC 0.4" in other.verdicts[-1]
