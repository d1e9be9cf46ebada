"""What is wrong with the desk itself: begun and ended as facts, with the mode each asks for.

Looked for once a second of desk time. A condition ends when it has not been seen for a while, so
that a flicker is one condition and not ten.
"""

from dataclasses import dataclass, field
from typing import Final

from engine.core.rules.desk import raise_alert
from engine.core.state import State
from engine.domain import events as e
from engine.domain.events import AnyEvent
from engine.domain.safety import TradingMode
from engine.domain.units import SECOND

LOOK_NS: Final = 1 * SECOND
CALM_NS: Final = 3 * SECOND  # not seen for so long: it is over
LEASE_GONE_NS: Final = 3 * SECOND  # the gate closes after lease_ms; the desk REDUCES after this
CLOCK_STEP_NS: Final = 1 * SECOND  # the machine's wall clock against the desk's time
SLOW_COMMIT_NS: Final = 1 * SECOND
WATCHDOG: Final = "watchdog"
CLOCK: Final = "clock"
JOURNAL: Final = "journal"
DISK: Final = "disk"
UNATTENDED: Final = "unattended"
ATTENDANCE: Final = "attendance"
SELF_TEST: Final = "selftest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """What one look sees. None = there is nothing to look at."""

    lease_age_ns: int | None = None
    clock_step_ns: int = 0
    disk: str = ""  # why the disk stops new orders
    commit_ns: int = 0  # slowest since the last look
    alone_ns: int | None = None  # since a supervisor was last seen
    unattended_ns: int = 0  # how long that may be, 0 = for ever
    working: int = 0  # orders at work
    no_trader_ns: int = 0  # since a trader was last seen
    no_risk_ns: int = 0  # since an independent risk person was last seen
    attendance_ns: int = 0  # how long orders may work without either, 0 = for ever


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """One thing that is wrong now."""

    kind: str
    sentence: str
    mode: TradingMode
    severity: str = "critical"


@dataclass(slots=True, kw_only=True)
class Conditions:
    """When each was last seen; what is in force stands in the state."""

    seen: dict[str, int] = field(default_factory=dict)
    step: int = 0  # of the wall clock as last said

    def look(self, state: State, now: int, readings: Readings) -> list[tuple[AnyEvent, ...]]:
        """What has begun and what is over, each as a turn of its own."""
        out: list[tuple[AnyEvent, ...]] = []
        for wrong in found(readings):
            self.seen[wrong.kind] = now
            if self._is_news(state, wrong, readings):
                out.append(
                    (
                        e.ConditionBegan(
                            kind=wrong.kind, object="", sentence=wrong.sentence, mode=wrong.mode
                        ),
                        raise_alert(
                            state, wrong.severity, f"desk.{wrong.kind}", "", wrong.sentence
                        ),
                    )
                )
        for kind, about in tuple(state.conditions):
            if kind != SELF_TEST and now - self.seen.setdefault(kind, now) >= CALM_NS:
                out.append((e.ConditionOver(kind=kind, object=about),))
        return out

    def _is_news(self, state: State, wrong: Wrong, readings: Readings) -> bool:
        if wrong.kind == CLOCK and abs(readings.clock_step_ns - self.step) > CLOCK_STEP_NS:
            self.step = readings.clock_step_ns
            return True
        return (wrong.kind, "") not in state.conditions


def found(now: Readings) -> list[Wrong]:
    """Everything that is wrong by these readings."""
    reducing, out = TradingMode.REDUCING, []
    if now.lease_age_ns is not None and now.lease_age_ns > LEASE_GONE_NS:
        sentence = "the watchdog is gone: nobody stands beside the engine, no new order leaves"
        out.append(Wrong(kind=WATCHDOG, sentence=sentence, mode=reducing))
    if abs(now.clock_step_ns) > CLOCK_STEP_NS:
        way = "forward" if now.clock_step_ns > 0 else "back"
        out.append(
            Wrong(
                kind=CLOCK,
                sentence=f"the machine's clock was set {way} by "
                f"{abs(now.clock_step_ns) / 1e9:,.0f} s: the desk keeps its own time, nothing "
                "expires by it; stamps are off by this until the desk is started again",
                mode=TradingMode.NORMAL,
            )
        )
    if now.disk:
        out.append(Wrong(kind=DISK, sentence=now.disk, mode=reducing))
    if now.commit_ns > SLOW_COMMIT_NS:
        sentence = f"the journal took {now.commit_ns / 1e9:.1f} s to write one turn"
        out.append(Wrong(kind=JOURNAL, sentence=sentence, mode=TradingMode.NORMAL, severity="warn"))
    if now.alone_ns is not None and 0 < now.unattended_ns < now.alone_ns:
        sentence = f"no supervisor is here for {now.alone_ns // SECOND} s: the desk is unattended"
        out.append(Wrong(kind=UNATTENDED, sentence=sentence, mode=reducing))
    return [*out, *_attendance(now)]


def _attendance(now: Readings) -> list[Wrong]:
    """Orders are watched by a trader and by somebody of risk who is not that trader."""
    if not (now.attendance_ns and now.working):
        return []
    away = [
        f"{who} for {since // SECOND} s"
        for who, since in (
            ("no trader is here", now.no_trader_ns),
            ("no independent risk person is here", now.no_risk_ns),
        )
        if since > now.attendance_ns
    ]
    if not away:
        return []
    sentence = f"{' and '.join(away)}, and {now.working} orders are at work"
    return [Wrong(kind=ATTENDANCE, sentence=sentence, mode=TradingMode.NORMAL)]
