"""Builders for what trades off the books: an environment whose quote the test sets by hand."""

import numpy as np

from engine.domain.kinds import ACCEPTED, CONTINUOUS
from engine.domain.market import MESSAGE, REPORT, TRADE
from engine.exchange.presets import PRESETS
from engine.kernels.environment import SECOND_NS, blank_env, new_day
from tests.support.market import OPEN

SECONDS = 120
SEED = 5
DAY = new_day(SEED, PRESETS[0].flow(), OPEN, OPEN + SECONDS * SECOND_NS)


class Desk:
    """One environment in continuous trading; its records are kept as tuples."""

    def __init__(self, day=DAY, children=512):
        self.env = blank_env(day, 0, 1_000_000, 0, children, 256)
        self.st = self.env.state[0]
        self.st["session"] = CONTINUOUS
        self.st["r"] = float(day.flow[0]["reference"])
        self.reports, self.trades = np.zeros(2048, REPORT), np.zeros(2048, TRADE)
        self.at(0)

    def at(self, after_ns):
        self.st["now_ns"] = self.st["at_ns"] = OPEN + after_ns
        self.st["second"] = after_ns // SECOND_NS
        return self

    def quote(self, bid, ask):
        self.st["bid"], self.st["ask"] = bid, ask
        return self

    def enter(self, child, **values):
        """An accepted own order, as the arrival of a NEW leaves it: (row, message)."""
        message = np.zeros(1, MESSAGE)[0]
        for name, value in {"kind": 1, "child": child, **values}.items():
            message[name] = value
        row = int(self.st["n_own"])
        own = self.env.own[row]
        for name in ("child", "side", "price", "quantity", "venue", "type", "minimum"):
            own[name] = message[name]
        own["leaves"], own["state"] = message["quantity"], ACCEPTED
        self.st["n_own"] += 1
        self.st["own_live"] += 1
        return row, message

    def seen(self):
        """Reports as (kind, child, price, sub, quantity, cum, leaves, reason, liquidity)."""
        names = ("kind", "child", "price", "sub", "quantity", "cum", "leaves", "reason",
                 "liquidity")  # fmt: skip
        rows = self.reports[: self.st["n_reports"]]
        return [tuple(int(row[name]) for name in names) for row in rows]

    def printed(self):
        """Prints as (price, sub, quantity, own)."""
        rows = self.trades[: self.st["n_trades"]]
        names = ("price", "sub", "quantity", "own")
        return [tuple(int(row[name]) for name in names) for row in rows]
