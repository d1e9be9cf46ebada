"""Short scenarios and hand-made outcomes for the tests of the lab."""

from dataclasses import replace

import numpy as np

from engine.lab.cost import OUTCOME
from engine.lab.market import SeedRange
from engine.lab.paired import Task, contender
from engine.lab.run import Question, Result
from engine.lab.scenario import Scenario, read

SHORT = """
name = "short"
words = "Ten minutes."
instrument = "MIDC"
regimes = ["usual", "volatile"]
days = 4
[order]
side = "{side}"
quantity = {quantity}
start = "09:31"
end = "09:41"
relax_s = {relax}
"""


def a_scenario(*, side="buy", quantity=6_000, relax=120, more="") -> Scenario:
    """Ten minutes of one order."""
    return read(SHORT.format(side=side, quantity=quantity, relax=relax) + more, "short.toml")


def a_task(*names, scenario=None, seed=7, days=4, purpose="comparison") -> Task:
    """Strategies by name on a short scenario."""
    scenario = a_scenario() if scenario is None else scenario
    return Task(
        scenario=scenario,
        contenders=tuple(contender(scenario, name) for name in names),
        paths=SeedRange(purpose, seed, 0, days),
    )


def a_question(*names, scenario=None, seed=7, days=4, **changed) -> Question:
    task = a_task(*names, scenario=scenario, seed=seed, days=days)
    question = Question(scenario=task.scenario, contenders=task.contenders, days=days, seed=seed)
    return replace(question, **changed)


def a_result(headlines, *, quantity=6_000, filled=None) -> Result:
    """A result whose headline costs are these, shape (n, contenders); TWAP, VWAP, POV ... [bp]"""
    headlines = np.asarray(headlines, dtype=float)
    names = ("TWAP", "VWAP", "POV", "ADAPTIVE")[: headlines.shape[1]]
    rows = np.zeros(headlines.shape, OUTCOME)
    rows["start_mid"] = 5_000.0
    rows["filled"] = quantity if filled is None else filled
    rows["cost"] = np.rint(headlines * quantity * 5_000.0 / 1e4 * 100.0).astype(np.int64)
    rows["venue"][..., 0] = rows["filled"]
    question = a_question(*names, scenario=a_scenario(quantity=quantity), days=len(rows))
    return Result(question=question, rows=rows, stopped="day limit", market_hash="abcd1234")
