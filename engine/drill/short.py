"""Days that close early: ``python -m engine.drill.short engine run`` is the engine process on them.

``python -m engine.drill.short desk SECONDS FLAGS`` is the whole desk, as ``app.py`` starts it.
"""

import argparse
import os
import sys
from dataclasses import dataclass
from typing import Any, Final

from engine.domain.instrument import Instrument, Session
from engine.domain.units import SECOND, Nanos

DAY_VARIABLE: Final = "QD_DRILL_DAY_S"  # length of a session [market s]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortDays:
    """The days of a calendar, each closed early."""

    days: Any  # engine.runtime.ports.Days
    length_s: float

    def next_day(self, after: str) -> tuple[Session, tuple[Instrument, ...], str, int]:
        """The day as it would be, with an early close."""
        session, instruments, source, seed = self.days.next_day(after)
        close = min(session.close_at, session.open_at + int(self.length_s) * SECOND)
        short = Session(
            day=session.day, open_at=session.open_at, close_at=Nanos(close), zone=session.zone
        )
        return short, instruments, source, seed


def engine() -> int:
    """The real engine process on short days."""
    from engine import compose

    whole = compose.days_of
    length_s = float(os.environ[DAY_VARIABLE])
    compose.days_of = lambda settings, clock: ShortDays(  # type: ignore[assignment,return-value]
        days=whole(settings, clock), length_s=length_s
    )
    return compose.main()


def desk_command(day_s: float) -> tuple[str, ...]:
    """How a whole desk on short days is started; the flags of ``app.py`` follow."""
    return (sys.executable, "-m", "engine.drill.short", "desk", f"{day_s:g}")


def desk(day_s: str, argv: list[str]) -> int:
    """All five processes; only the engine differs."""
    from engine import settings
    from engine.supervise import Spec, specs, supervise

    os.umask(0o077)
    os.environ[DAY_VARIABLE] = day_s
    flags = argparse.ArgumentParser()
    settings.add_flags(flags)
    words = settings.resolve(vars(flags.parse_args(argv)), os.environ)
    short = Spec(
        name="engine", command=(sys.executable, "-m", "engine.drill.short", "engine", "run")
    )
    return supervise(words, [short if row.name == short.name else row for row in specs()])


if __name__ == "__main__":
    sys.exit(desk(sys.argv[2], sys.argv[3:]) if sys.argv[1] == "desk" else engine())
