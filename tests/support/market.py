"""Builders for the simulated market: short days, messages, the whole exchange."""

import numpy as np

from engine.domain.instrument import Session
from engine.domain.kinds import BUY, CANCEL, LIMIT, NEW
from engine.domain.market import MESSAGE, REPORT, TICK, TRADE
from engine.domain.units import Nanos
from engine.exchange.presets import PRESETS
from engine.kernels.environment import new_day
from engine.kernels.flow import DONE, new_env, run_until, submit, write_tick

OPEN = 1_795_000_000 * 10**9
SECOND = 10**9


def session(seconds=120, day="2026-11-27", open_at=OPEN):
    return Session(
        day=day,
        open_at=Nanos(open_at),
        close_at=Nanos(open_at + seconds * SECOND),
        zone="America/New_York",
    )


def env_of(seed=1, seconds=120, preset=0, **more):
    flow = PRESETS[preset].flow()
    return new_env(new_day(seed, flow, OPEN, OPEN + seconds * SECOND), 0, **more)


def message(child, *, at, **values):
    row = np.zeros(1, MESSAGE)
    row[0] = (NEW, 0, child, BUY, LIMIT, 1, 100, at, 0, 0, 0)
    for name, value in values.items():
        row[name] = value
    return row


def cancel(child, *, at, **values):
    return message(child, at=at, kind=CANCEL, side=0, type=0, price=0, quantity=0, **values)


class Run:
    """Drives one environment and keeps everything it says."""

    def __init__(self, env, rows=4096):
        self.env = env
        self.rows = rows
        self.reports = []
        self.trades = []

    def send(self, rows):
        for row in rows:
            assert submit(self.env, row)
        return self

    def to(self, to_ns):
        status = None
        while status != DONE:
            reports, trades = np.zeros(self.rows, REPORT), np.zeros(self.rows, TRADE)
            status, n, m = run_until(self.env, to_ns, reports, 0, trades, 0)
            self.reports += reports[:n].tolist()
            self.trades += trades[:m].tolist()
            assert status == DONE or n + m > 0, status
        return self

    @property
    def tick(self):
        row = np.zeros(1, TICK)
        write_tick(self.env, row[0])
        return row[0]

    def named(self):
        rows = np.array([tuple(r) for r in self.reports], REPORT)
        return [{name: int(row[name]) for name in REPORT.names} for row in rows]

    def kinds(self, child):
        return [(r["kind"], r["reason"]) for r in self.named() if r["child"] == child]

    def everything(self):
        state = self.env.state.copy()
        state["n_reports"] = state["n_trades"] = 0  # how full the caller's arrays are
        book = self.env.book.nodes.tobytes()
        return self.reports, self.trades, state.tobytes(), self.tick.tobytes(), book
