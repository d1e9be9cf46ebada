"""One simulated book seen as two lit venues, either of which can fall silent."""

from dataclasses import replace
from typing import Any

import numpy as np

from engine.domain.kinds import CANCEL, CLOSED, CONTINUOUS, IOC, LIMIT, LIT
from engine.domain.market import MESSAGE, REPORT
from engine.domain.venue import Venue
from engine.exchange.simulated import SimulatedMarket

TWO = (
    Venue(name="A", kind=LIT, order_types=(LIMIT, IOC), make_fee=-0.002, take_fee=0.003, share=0.5),
    Venue(
        name="B", kind=LIT, order_types=(LIMIT, IOC), make_fee=-0.001, take_fee=0.002, share=0.5,
        phone="+1 555 0100",
    ),
)  # fmt: skip


class SplitMarket(SimulatedMarket):
    """What is sent to either name goes to the one book, half of whose shares each name shows.

    A silent name keeps everything to itself: its reports come when it is back, and what rested
    there is reported cancelled then.
    """

    venues = TWO

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.place: dict[int, int] = {}  # child: its name
        self.silent: set[int] = set()
        self.held: list[Any] = []

    def submit(self, messages: Any) -> None:
        heard = []
        for row in messages:
            self.place.setdefault(int(row["child"]), int(row["venue"]))
            if not (row["kind"] == CANCEL and int(row["venue"]) in self.silent):
                heard.append(row)
        if heard:
            super().submit(np.array(heard, dtype=MESSAGE))

    def fall_silent(self, place: int) -> None:
        self.silent.add(place)

    def come_back(self, place: int) -> None:
        """Its orders are gone; it says so."""
        lost = [(0, child) for child, where in self.place.items() if where == place]
        self.held += list(self.cancel_now(lost))
        self.silent.discard(place)

    def advance(self, to_ns: Any) -> Any:
        result = super().advance(to_ns)
        told: list[Any] = []
        waiting, self.held = self.held, []
        for row in (*waiting, *result.reports):
            row["venue"] = self.place.get(int(row["child"]), 0)
            (self.held if int(row["venue"]) in self.silent else told).append(row)
        ticks = result.ticks.copy()
        for row in ticks:
            for name in ("bid", "ask"):
                row[f"venue_{name}"][:2] = row[name][0]
                row[f"venue_{name}_size"][0] = row[f"{name}_size"][0] - row[f"{name}_size"][0] // 2
                row[f"venue_{name}_size"][1] = row[f"{name}_size"][0] // 2
            row["venue_volume"][:2] = row["volume"] // 2
            state = CONTINUOUS if row["session"] == CONTINUOUS else row["session"]
            for place in range(2):
                row["venue_state"][place] = CLOSED if place in self.silent else state
        reports = np.array(told, dtype=REPORT) if told else np.zeros(0, dtype=REPORT)
        return replace(result, reports=reports, ticks=ticks)
