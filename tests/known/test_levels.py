"""What the simulated instruments trade: their volume, and the shape of prices inside ticks."""

from typing import Final

import numpy as np
import pytest

from engine.domain.kinds import LIT
from engine.domain.market import REPORT, TRADE
from engine.exchange.presets import MIDCAP, PRESETS, Preset
from engine.exchange.venues import simulated_venues
from engine.kernels.flow import DONE, TRADES_FULL, run_until
from engine.realism.watch import OPEN_NS, SECOND, SECONDS, Purpose, fresh, seed_of

DAYS: Final = 6  # the same for all: they share what makes a day busy, so few are enough
CLOSE_NS: Final = OPEN_NS + SECONDS * SECOND


def prints(preset: Preset, day: int) -> np.ndarray:
    """Everything that is printed in continuous trading of a day."""
    env = fresh(preset.flow(), seed_of(Purpose.TUNING, day))
    reports, trades, found = np.zeros(64, REPORT), np.zeros(100_000, TRADE), []
    status = TRADES_FULL
    while status != DONE:
        status, _, n = run_until(env, CLOSE_NS, reports, 0, trades, 0)
        found.append(trades[:n][trades[:n]["auction"] == 0])
    return np.concatenate(found)


@pytest.fixture(scope="module")
def days() -> dict[str, np.ndarray]:
    """Prints of every instrument over the same days."""
    return {
        preset.instrument.symbol: np.concatenate([prints(preset, day) for day in range(DAYS)])
        for preset in PRESETS
    }


def of_its_adv(days: dict[str, np.ndarray], preset: Preset) -> float:
    """Mean consolidated volume of a day over the ADV it states."""
    shares = days[preset.instrument.symbol]["quantity"].sum() / DAYS
    return float(shares / preset.instrument.adv)


@pytest.mark.parametrize("preset", PRESETS[1:], ids=lambda row: str(row.instrument.symbol))
def test_each_instrument_trades_its_stated_volume_as_the_calibrated_one_does(days, preset):
    # the calibrated one trades .965 +- .012 of it over 200 days, so 1.036 times that is all of it
    assert of_its_adv(days, preset) / of_its_adv(days, MIDCAP) == pytest.approx(1.036, abs=0.03)


def test_public_books_print_inside_a_tick_as_rarely_as_recorded_and_others_as_often(days):
    lit = [place for place, venue in enumerate(simulated_venues()) if venue.kind == LIT]
    rows = days[MIDCAP.instrument.symbol]
    public = np.isin(rows["venue"], lit)
    inside, half = rows["sub"] != 0, rows["sub"] == 50
    assert inside[public].mean() == pytest.approx(0.032, abs=0.004)
    assert half[public].mean() == pytest.approx(0.020, abs=0.003)
    assert inside[~public].mean() == pytest.approx(0.54, abs=0.02)
    assert half[~public].mean() == pytest.approx(0.14, abs=0.02)


def test_a_hidden_print_of_a_public_book_is_better_than_the_touch_and_never_past_the_middle(days):
    lit = [place for place, venue in enumerate(simulated_venues()) if venue.kind == LIT]
    for rows in days.values():
        inside = rows[np.isin(rows["venue"], lit) & (rows["sub"] != 0)]
        assert inside["hidden"].all()
        assert set(inside["sub"].tolist()) <= {50, 10, 20, 30, 40, 60, 70, 80, 90}
        bought = inside[(inside["side"] > 0) & (inside["sub"] != 50)]
        sold = inside[(inside["side"] < 0) & (inside["sub"] != 50)]
        assert set(bought["sub"].tolist()) == {60, 70, 80, 90}
        assert set(sold["sub"].tolist()) == {10, 20, 30, 40}
