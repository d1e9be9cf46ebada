"""Ranking of strategies by what the client wants."""

import msgspec
import pytest

from engine.domain.orders import Objective
from engine.lab.ranking import Scored, ranked, score


def a_row(cost, *, sd=50.0, shortfall=50.0, vwap=10.0, done=1.0):
    return Scored(cost=cost, shortfall_sd=sd, shortfall_rms=shortfall, vwap_rms=vwap, done=done)


PATIENT = a_row(10.0, sd=100.0, shortfall=101.0, vwap=5.0, done=0.9)
EVEN = a_row(12.0, sd=80.0, shortfall=82.0, vwap=20.0, done=1.0)
URGENT = a_row(25.0, sd=30.0, shortfall=39.0, vwap=60.0, done=1.0)
ROWS = (EVEN, URGENT, PATIENT)


@pytest.mark.parametrize(
    ("objective", "aversion", "best_first"),
    [
        (Objective.IMPACT, 0.0, (PATIENT, EVEN, URGENT)),
        (Objective.UNSAID, 3.0, (PATIENT, EVEN, URGENT)),
        (Objective.VWAP, 0.0, (PATIENT, EVEN, URGENT)),
        (Objective.ARRIVAL, 0.0, (URGENT, EVEN, PATIENT)),
        (Objective.FINISH, 0.0, (EVEN, URGENT, PATIENT)),
        (Objective.URGENCY, 0.0, (PATIENT, EVEN, URGENT)),
        (Objective.URGENCY, 0.15, (EVEN, PATIENT, URGENT)),  # 24 < 25 < 29.5
        (Objective.URGENCY, 1.0, (URGENT, EVEN, PATIENT)),  # 55 < 92 < 110
    ],
)
def test_strategies_are_ranked_by_what_the_client_wants(objective, aversion, best_first):
    assert ranked(ROWS, objective, aversion) == best_first


def test_a_strategy_of_unknown_risk_is_last_where_risk_counts():
    unknown = a_row(1.0, sd=None)
    assert ranked((unknown, URGENT), Objective.URGENCY, 0.5) == (URGENT, unknown)
    assert ranked((URGENT, unknown), Objective.URGENCY, 0.0) == (unknown, URGENT)


def test_among_equally_sure_ones_the_cheaper_is_first():
    assert score(EVEN, Objective.FINISH, 0.0) < score(URGENT, Objective.FINISH, 0.0)


@pytest.mark.parametrize("objective", list(Objective))
def test_what_leaves_shares_over_is_never_ahead_of_what_does_not(objective):
    cheap = msgspec.structs.replace(a_row(0.1, sd=1.0, shortfall=1.0, vwap=0.1), unfinished=1)
    assert ranked((cheap, URGENT), objective, 0.5) == (URGENT, cheap)
