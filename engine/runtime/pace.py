"""How fast the simulated market runs: asked, governed, achieved.

The market never waits to be caught up with: when the desk cannot keep the speed asked, the market
slows down and the header shows the speed achieved.
"""

from collections import deque
from dataclasses import dataclass, field

from engine.domain.units import SECOND, Nanos

SLICE_NS = 100_000_000  # desk time between advances inside a second, so that answers come quickly
BEHIND_NS = 250_000_000  # desk time; further behind, the lost time is given up
MEASURE_NS = 1_000_000_000
KEPT = 5_000  # lateness of so many ticks is kept


@dataclass(slots=True, kw_only=True)
class Pace:
    """Maps desk time (monotonic) to market time.

    late : by how much each tick began after it was due, the newest ticks. [ns]
    """

    speed: float = 1.0
    anchor_mono: int = 0
    anchor_market: int = 0
    achieved: float = 0.0
    late: deque[int] = field(default_factory=lambda: deque(maxlen=KEPT))
    _measured_mono: int = 0
    _measured_market: int = 0

    def anchor(self, mono_ns: int, market_ns: int, speed: float) -> None:
        """Go on from here at this speed."""
        self.anchor_mono, self.anchor_market, self.speed = mono_ns, market_ns, speed

    def target(self, mono_ns: int, market_ns: int, open_ns: int) -> Nanos | None:
        """Where to advance to now; None = not yet. Never beyond the next whole second."""
        if self.speed <= 0:
            return None
        asked = self.anchor_market + int((mono_ns - self.anchor_mono) * self.speed)
        grid = open_ns + ((market_ns - open_ns) // SECOND + 1) * SECOND
        late = mono_ns - self.anchor_mono - int((grid - self.anchor_market) / self.speed)
        is_behind = asked - market_ns > BEHIND_NS * self.speed + SECOND
        if is_behind:
            self.late.append(late)  # as late as it was, before the lost time is given up
            asked = market_ns + int(BEHIND_NS * self.speed)
            self.anchor(mono_ns, asked, self.speed)
        if asked >= grid:
            if not is_behind:
                self.late.append(late)
            return Nanos(grid)
        if asked - market_ns >= SLICE_NS * self.speed:
            return Nanos(asked)
        return None

    def measure(self, mono_ns: int, market_ns: int) -> None:
        """Market seconds per second over the last one."""
        passed = mono_ns - self._measured_mono
        if passed >= MEASURE_NS:
            if self._measured_mono:
                self.achieved = (market_ns - self._measured_market) / passed
            self._measured_mono, self._measured_market = mono_ns, market_ns
