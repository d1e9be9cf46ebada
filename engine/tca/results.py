"""What a cost report says, as frozen data that goes into JSON and back without loss.

Money is in currency, prices in ticks, ``_bps`` in 1/10,000; positive = it cost us, but for
markouts (positive = the price went our way) and realised spread (positive = the provider gained).
None means undefined; screens show "-".
"""

import msgspec

Number = float | None


class Frozen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all report values."""


class Parts(Frozen, frozen=True, kw_only=True):
    """Parts of the shortfall: total = delay + trading + opportunity + fees.

    trading = spread + impact + timing + impact_and_timing + unsplit. Without a no-trade mid,
    impact and timing are known only together; without mids at the fills trading is ``unsplit``.
    """

    delay: Number = None
    trading: Number = None
    opportunity: Number = None
    fees: Number = None
    total: Number = None
    spread: Number = None
    impact: Number = None
    timing: Number = None
    impact_and_timing: Number = None
    unsplit: Number = None


class Measure(Frozen, frozen=True, kw_only=True):
    """A cost over the notional it was paid on."""

    cost: Number  # [currency]
    notional: Number  # [currency]
    bps: Number
    n: int  # observations in it


class Markout(Frozen, frozen=True, kw_only=True):
    """Where the mid went after the fills, over one horizon."""

    horizon_ns: int
    gain: Measure  # s*sum q(m_h - p) over sum q*p: our viewpoint, positive = good
    from_mid: Measure  # s*sum q(m_h - m) over sum q*m
    realised: Measure  # 2s*sum q(p - m_h) over sum q*m: the provider's viewpoint
    missing: int  # fills without a mid at t + h


class Execution(Frozen, frozen=True, kw_only=True):
    """Fills of one parent, all of them or those at one venue."""

    venue: str  # "" = all venues
    fills: int
    passive: int
    aggressive: int
    filled: int  # [share]
    passive_shares: int
    executed: float  # sum q*p [currency]
    parts: Parts  # trading and its parts [currency]
    arrival: Measure  # s*sum q(p - P_0) over Q*P_0
    effective: Measure  # 2s*sum q(p - m) over sum q*m
    markouts: tuple[Markout, ...]


class Pwp(Frozen, frozen=True, kw_only=True):
    """Participation-weighted price: VWAP of the first filled/rate shares after arrival."""

    rate: float
    price: Number  # [tick]
    slippage_bps: Number


class Benchmarks(Frozen, frozen=True, kw_only=True):
    """Average price against what the market offered meanwhile; prices in ticks."""

    average_price: Number
    market_volume: int  # accept -> done, own prints included [share]
    participation: Number  # filled / market volume, own volume in the denominator
    interval_vwap: Number  # own prints included
    vwap_ex_own: Number
    vwap: Measure  # slippage against interval_vwap
    vwap_ex_own_bps: Number
    arrival_bps: Number
    end_bps: Number
    pwp: tuple[Pwp, ...]


class Quality(Frozen, frozen=True, kw_only=True):
    """One thing the report could not know, instead of a silent substitute."""

    parent_id: int
    kind: str
    count: int
    sentence: str


class OrderTca(Frozen, frozen=True, kw_only=True):
    """One parent order after it ended."""

    parent_id: int
    symbol: str
    side: int
    strategy: str
    trader: str
    state: str
    currency: str
    tick_size: float
    basis: str
    quantity: int
    filled: int
    arrived_at: int
    done_at: int
    decision_price: Number
    arrival_price: Number
    end_price: Number
    paper_notional: Number  # X * P_d [currency]
    cost: Parts  # [currency]
    cost_bps: Parts  # of paper_notional
    untouched_from: str  # where the no-trade mid comes from, "" = none
    benchmarks: Benchmarks
    execution: Execution
    venues: tuple[Execution, ...]
    quality: tuple[Quality, ...]


class Ratio(Frozen, frozen=True, kw_only=True):
    """Sum of costs over sum of notionals with a 95 % interval from resampling parents."""

    cost: Number  # [currency]
    notional: Number  # [currency]
    bps: Number
    low: Number  # None when n is below the minimum
    high: Number
    n: int  # parents in it
    enough: bool


class GroupMarkout(Frozen, frozen=True, kw_only=True):
    """Markout of a group over one horizon; positive = the price went our way."""

    horizon_ns: int
    gain: Ratio


class GroupTca(Frozen, frozen=True, kw_only=True):
    """All parents of one strategy, trader, symbol, side; or their fills at one venue."""

    dimension: str  # all, strategy, venue, trader, symbol, side
    key: str
    n: int
    undefined: int  # parents left out of ``cost``: a price they need is missing
    fills: int
    passive: int
    quantity: int | None  # None at a venue
    filled: int
    cost: Parts  # [currency]
    cost_bps: Parts  # of the sum of paper notionals; at a venue of sum Q*P_0
    shortfall: Ratio
    arrival: Ratio
    vwap: Ratio
    effective: Ratio
    markouts: tuple[GroupMarkout, ...]


class Outlier(Frozen, frozen=True, kw_only=True):
    """A parent far from the middle of the day."""

    parent_id: int
    bps: float
    score: float  # robust z


class Outliers(Frozen, frozen=True, kw_only=True):
    """Parents whose shortfall is far from the median, and the rule that says so."""

    rule: str
    n: int
    median_bps: Number
    mad_bps: Number
    answer: str  # "" or why there is none, such as "not enough data"
    rows: tuple[Outlier, ...]


class Note(Frozen, frozen=True, kw_only=True):
    """What a reviewer wrote; part of what is signed."""

    at_ns: int
    who: str
    text: str
    parent_id: int | None = None


class Meta(Frozen, frozen=True, kw_only=True):
    """Where the report comes from and what it is valid for."""

    day: str  # "2026-11-27"
    source: str  # of the market: "SIM seed 7 market 3fa2"
    watermark: str  # SIM, DEMO, REPLAY / VIRTUAL; "" only for a live market
    as_of_ns: int  # last instant the data reach
    journal_seq: int  # last entry that went in
    journal_head: str  # its hash
    zone: str  # of the exchange, label only
    utc_offset_ns: int  # of that zone on that day


class DayReport(Frozen, frozen=True, kw_only=True):
    """The day's costs: what a reviewer signs."""

    version: str
    meta: Meta
    currency: str
    basis: str
    seed: int
    draws: int
    minimum_n: int
    horizons_ns: tuple[int, ...]
    total: GroupTca
    groups: tuple[GroupTca, ...]
    orders: tuple[OrderTca, ...]
    outliers: Outliers
    notes: tuple[Note, ...] = ()


class SignOff(Frozen, frozen=True, kw_only=True):
    """A person's signature under one report, named by its hash."""

    who: str
    role: str
    at_ns: int
    report_hash: str
    reason: str = ""
