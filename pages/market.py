"""Market model: does the simulated market behave like a market, with every figure's n and band."""

from typing import Any, Final

from dash import html
from dash.development.base_component import Component

from components import live, market, shell
from components.callback import page
from components.context import queries
from components.surface import instant
from components.trends import graph

MAKE: Final = "python -m engine stylised --report var/reports"
MAKE_IMPACT: Final = "python -m engine stylised --impact --report var/reports"
HEIGHT: Final = 270


@page(
    "/market", title="Market model", permission="view.tca", nav="Market model", group="review",
    order=72, key="k",
)  # fmt: skip
def market_model() -> Component:
    """The newest realism report, or how to make it."""
    report = queries().market_report()
    if report is None:
        words = "No realism report of this market is stored yet."
        how = ["The worker makes one when it is idle; or run ", html.Code(MAKE), "."]
        return html.Div(shell.empty(words, how), className="stack")
    return html.Div(
        [
            *(_facts(report.stylised) if report.stylised else [_missing("stylised facts", MAKE)]),
            *(
                _impact(report.own_impact)
                if report.own_impact
                else [_missing("own impact", MAKE_IMPACT)]
            ),
        ],
        className="stack trends market-model",
        tabIndex="0",
    )


def _missing(what: str, how: str) -> Component:
    return live.panel(
        what.capitalize(),
        html.P([f"The report of {what} is not made yet: ", html.Code(how), "."], className="dim"),
        about="market-missing",
    )


def _about(body: dict[str, Any]) -> list[Any]:
    return [
        html.Span(f"market {body['market_hash']} · {body['instrument']} · made ", className="num"),
        instant(body["made_ns"]),
    ]


def _facts(body: dict[str, Any]) -> list[Any]:
    verdict = (
        "✓ Every applicable target holds in every regime, and the control fails."
        if body["passed"]
        else f"✗ Missed {len(body['misses'])}: "
        + (", ".join(body["misses"]).replace("_", " ") or "none")
        + ("" if body["control_fails"] else "; the control passes what it must fail")
    )
    note = (
        "✓ in the band, ✗ MISS outside, not asked = does not apply there. A target holds when "
        "its whole 95 % interval (bootstrap over days) lies in the band. "
        "Days were simulated with seeds that no tuning used. The control is a flow without "
        "memory: what passes there proves nothing."
    )
    return [
        live.panel(
            "Stylised facts by regime",
            [
                html.P(verdict),
                market.facts_table(body),
                html.P(note, className="dim"),
            ],
            tools=_about(body),
            about="market-facts",
        ),
        _pair(
            ("Memory of trade signs", market.regime_figure(
                body, "sign_lags", "sign_correlation", ("lag, trades", "autocorrelation"))),
            ("Memory of volatility", market.regime_figure(
                body, "minute_lags", "absolute_correlation",
                ("lag, minutes", "autocorrelation of |return|"))),
        ),
        _pair(
            ("Response to a trade", market.regime_figure(
                body, "response_lags", "response", ("lag, trades", "mid move, ticks"))),
            ("Volume over the day", market.half_hour_figure(
                body, "half_hour_volume", "share of the mean")),
        ),
        live.panel("What each regime is like", market.levels_table(body),
                   about="market-regimes"),
    ]  # fmt: skip


def _impact(body: dict[str, Any]) -> list[Any]:
    found, trips = body["impact"], body["round_trips"]
    targets = [
        html.P(
            f"{'✓' if row['passed'] else '✗ MISS'} {row['words']}: "
            f"{market.figure_text(row['value'])} ({market.interval_text(row)}), band "
            f"{row['target']}, n {row['n']} paths"
        )
        for row in found["targets"].values()
    ]
    said = [html.P(words, className="dim") for words in found["against_published"]]
    return [
        live.panel(
            "Own impact: orders against their twin without the order",
            [*targets, market.impact_table(found["fixed_rate"]), *said],
            tools=_about(body),
            about="market-impact",
        ),
        _pair(
            ("Cost by size, fixed pace", market.impact_figure(found["fixed_rate"])),
            ("Course of the price", market.course_figure(found["fixed_rate"])),
        ),
        html.Div(
            [
                live.panel(
                    "Orders of half a day",
                    market.impact_table(found["fixed_horizon"]),
                    about="market-half-day",
                ),
                live.panel(
                    "Round trips must not pay",
                    market.trips_table(trips["patterns"]),
                    about="market-round-trips",
                ),
            ],
            className="columns trend-pair",
        ),
    ]


def _pair(*figures: tuple[str, Any]) -> Component:
    return html.Div(
        [
            live.panel(title, graph(figure, title.lower(), HEIGHT), about="market-figure")
            for title, figure in figures
        ],
        className="columns trend-pair",
    )
