"""The demo people's orders of the live day: several people, several strategies, all day long.

Commands like everybody's, at their market time, each with an id of day and number, so that what is
asked twice has one effect. Marked DEMO in client and note.
"""

from typing import Final

from engine.domain import commands as c
from engine.domain.commands import AnyCommand
from engine.domain.errors import Refused
from engine.domain.instrument import Instrument
from engine.domain.limits import EACH, Key, Terms
from engine.domain.orders import CatchUp, OnModelLoss, OnRestart
from engine.domain.units import SECOND, Nanos, PersonId, Shares
from engine.exchange.presets import PRESETS
from engine.worker.context import Context
from engine.worker.people import DESK, RISK, TRADERS
from engine.worker.script import FULL_DAY_S, Dice

STREAM_DAY: Final = 7_001
AT_ONCE: Final = 7  # orders in the first market minute, so that there is something to see
LATER: Final = 14  # spread over the day
EVERY_S: Final = 1_200
LATE_S: Final = 3_600
STRATEGIES: Final = ("VWAP", "TWAP", "ADAPTIVE", "POV", "VWAP", "ADAPTIVE", "TWAP")


def plan(
    seed: int, day: str, instruments: tuple[Instrument, ...]
) -> tuple[tuple[int, PersonId, AnyCommand, str], ...]:
    """(second of the day, who, what, reason) in order of time; a function of seed and day."""
    dice = Dice(seed * STREAM_DAY + int(day.replace("-", "")))
    acts: list[tuple[int, PersonId, AnyCommand, str]] = []
    for index in range(AT_ONCE + LATER):
        late = index - AT_ONCE
        at = 2 + 4 * index if late < 0 else EVERY_S * (late + 1) + dice.whole(0, EVERY_S // 2)
        horizon = min(dice.whole(3_600, 14_400), FULL_DAY_S - at - 60)
        row = instruments[index % len(instruments)]
        quantity = int(dice.real(0.04, 0.12) * row.adv * horizon / FULL_DAY_S)
        order = c.SubmitParent(
            symbol=row.symbol,
            side=1 if dice.real() < 0.5 else -1,
            quantity=Shares(max(int(row.lot), quantity // row.lot * row.lot)),
            strategy=STRATEGIES[index % len(STRATEGIES)],
            horizon_ns=Nanos(horizon * SECOND),
            on_restart=OnRestart.RESUME,
            catch_up=CatchUp.SPREAD,
            on_model_loss=OnModelLoss.BASE if index % 2 else OnModelLoss.HOLD,
            client="DEMO",
            note="placed by the demo",
        )
        acts.append((at, TRADERS[index % len(TRADERS)], order, "demo"))
    wanted = c.ProposeChange(strategy="VWAP", values={"band": 0.06})
    acts.append((45, TRADERS[0], wanted, "demo: crosses too early on wide days"))
    acts += limits(day)
    return tuple(sorted(acts, key=lambda act: act[0]))


def limits(day: str) -> list[tuple[int, PersonId, AnyCommand, str]]:
    """What risk sets on the first day: two tighter limits, and one looser that waits for a second.

    The review is the end of a half-year, so that the same limits are proposed for months: what is
    in force already is refused and changes nothing.
    """
    review = _half_year(day)

    def wanted(place: Key, value: float, why: str, soft: float | None = None) -> Terms:
        return Terms(
            kind=place[0], level=place[1], subject=place[2], value=value, soft=soft,
            derivation=why, owner=RISK, review=review,
        )  # fmt: skip

    desk = wanted(
        ("max_parent_adv", "desk", DESK), 0.30,
        "demo: above a quarter of a day the simulated impact exceeds half a spread", soft=0.25,
    )  # fmt: skip
    trader = wanted(
        ("max_open_value", "trader", EACH), 150e6,
        "demo: a third of the open value of the firm, so that no trader alone can use it up",
    )  # fmt: skip
    firm = wanted(
        ("max_open_value", "firm", ""), 450e6,
        "demo: three traders at their limit at once, rounded up to the next 50 million",
    )  # fmt: skip
    return [
        (20, RISK, c.ProposeLimit(terms=desk), "demo: first limits of the desk"),
        (21, RISK, c.ProposeLimit(terms=trader), "demo: first limits of the desk"),
        (50, RISK, c.ProposeLimit(terms=firm), "demo: three traders from next month on"),
    ]


def _half_year(day: str) -> str:
    """The end of the half-year that is at least three months ahead of a day."""
    year, month = int(day[:4]), int(day[5:7])
    if month <= 3:
        return f"{year}-06-30"
    return f"{year}-12-31" if month <= 9 else f"{year + 1}-06-30"


def demo_orders(context: Context) -> None:
    """Send what is due and was not sent yet; a refusal is part of the day."""
    settings = context.settings
    if not (settings.demo and settings.demo_orders and settings.mode == "SIM"):
        return
    try:
        desk = context.ask("status")["desk"]
    except (ConnectionError, TimeoutError, Refused):
        return
    if desk["session"] != "CONTINUOUS" or desk["gate"] not in ("", "open"):
        return
    day, passed = desk["day"], (desk["market_at"] - desk["open_at"]) / SECOND
    instruments = tuple(preset.instrument for preset in PRESETS)
    for index, act in enumerate(plan(settings.seed, day, instruments)):
        key = f"demo-{day}-{index:03d}"
        # what was due long ago, while nothing ran, is not made up for
        is_due = passed - LATE_S <= act[0] <= passed
        if is_due and not context.memo.get(key) and not _send(context, key, act):
            return


def _send(context: Context, key: str, act: tuple[int, PersonId, AnyCommand, str]) -> bool:
    """Send one; False when the desk is not quite there and it must be asked again."""
    _, person, command, reason = act
    tries = int(context.memo.get("demo tries", 0))
    try:
        context.submit(command, f"{key}-{tries}", person=person, reason=reason)
    except Refused as refusal:
        if "two-sided" in str(refusal) or "unknown" in str(refusal):
            context.memo["demo tries"] = tries + 1  # a refused id stays refused
            return False
    except (ConnectionError, TimeoutError):
        return False
    context.memo[key] = True
    return True
