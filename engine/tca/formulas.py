"""The formulas as a report prints them beside its numbers. Source: DOMAIN.md 1 and 2."""

from typing import Final

FORMULAS: Final = {
    "Sign": "side s is +1 buy, -1 sell; every cost starts with s; positive = it cost us.",
    "Shortfall": "s(sum qp - Q*P_d) + s(X - Q)(P_n - P_d) + fees, over X*P_d (Perold 1988).",
    "Order basis": "delay s*X(P_0 - P_d), opportunity s(X - Q)(P_n - P_0) (Kissell).",
    "Executed basis": "delay s*Q(P_0 - P_d), opportunity s(X - Q)(P_n - P_d) (CFA, Wagner).",
    "Trading": (
        "s(sum qp - Q*P_0) = spread s*sum q(p - m) + impact s*sum q(m - m0) + timing "
        "s*sum q(m0 - P_0); m = mid just before the fill, m0 = mid without our order. "
        "Without m0 impact and timing are one number; without m nothing is split."
    ),
    "Slippage": (
        "s(average - benchmark)/benchmark. Interval VWAP: all prints from acceptance to the end, "
        "own and hidden prints included, official open and close records excluded; not reported "
        "at 100 % participation."
    ),
    "Participation": "filled / market volume, own volume in the denominator.",
    "PWP": "VWAP of the first filled/rate shares printed after arrival.",
    "Markout": (
        "s(m(t+h) - p)/p, our viewpoint: positive = the price went our way. A fill without a "
        "usable mid is left out and counted."
    ),
    "Effective, realised spread": (
        "2s(p - m) and 2s(p - m(t+h)), over the mid at the fill; positive realised = good for "
        "the provider."
    ),
    "Aggregation": (
        "sum of currency over sum of notional, never a mean of basis points. The interval is the "
        "2.5 % and 97.5 % quantile of that ratio over parents drawn with replacement."
    ),
}
