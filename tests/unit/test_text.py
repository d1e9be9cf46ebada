"""Numbers for humans: signs, thousands, short money, ages, and the dash for what is undefined."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components import text


@pytest.mark.parametrize("show", list(text.FORMATS.values()), ids=list(text.FORMATS))
def test_the_undefined_is_a_dash_and_never_a_zero(show: object) -> None:
    assert callable(show)
    assert show(None) == "-"
    if show not in (text.side, text.plain):
        assert show(math.nan) == show(math.inf) == "-"


@pytest.mark.parametrize(
    ("shown", "wanted"),
    [
        (text.number(12_400), "12,400"),
        (text.number(-12_400.5, 1), "−12,400.5"),
        (text.number(-0.0004, 3), "0.000"),
        (text.shares(500_000), "500,000 sh"),
        (text.bps(0.62), "+0.62"),
        (text.bps(-0.41), "−0.41"),
        (text.bps(0.004), "0.00"),
        (text.signed(0, 1), "0.0"),
        (text.bps(5e28), "absurd"),
        (text.percent(0.1214), "12.1%"),
        (text.money(120_400_000), "120.4M"),
        (text.money(-2.5e9), "−2.5B"),
        (text.money(999), "999"),
        (text.age(200), "0.2 s"),
        (text.age(180_000), "3 min"),
        (text.age(5_400_000), "1.5 h"),
        (text.age(-5), "0.0 s"),
        (text.price(4119, 0.01), "41.19"),
        (text.price(100, 0.0005), "0.0500"),
        (text.price(100, 0.25), "25.00"),
        (text.side(1), "BUY ▲"),
        (text.side(-1), "SELL ▼"),
        (text.bps_ci(0.8, 2.1, 40), "+0.80 ± 2.10 bp, n = 40"),
        (text.bps_ci(0.8, None, 2), "not enough data, n = 2"),
        (text.clock(1_795_000_000_123_000_000, "UTC", ms=True), "11:06:40.123"),
        (text.clock(1_795_000_000_000_000_000, "America/New_York"), "06:06:40"),
        (text.clock(0), "-"),
        (text.when(1_795_000_000_123_000_000, "UTC"), "2026-11-18 11:06:40.123 UTC"),
    ],
)
def test_a_number_is_written_as_people_read_it(shown: str, wanted: str) -> None:
    assert shown == wanted


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_no_number_is_written_with_a_hyphen_or_as_minus_zero(value: float) -> None:
    for show in (text.bps, text.number, text.money, text.signed):
        shown = show(value)
        assert shown == "-" or "-" not in shown
        if shown.startswith("−"):
            assert any(digit in shown for digit in "123456789")
