"""The simulated market: one day of several instruments, each on a book of its own.

Reports and prints of the instruments are merged by venue time, then by instrument, then in the
order of their book: the same for any slicing of the day.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from engine.domain.errors import BrokenInvariant, Refused
from engine.domain.executions import market_messages
from engine.domain.incidents import DRIFT
from engine.domain.instrument import Instrument, Session
from engine.domain.kinds import (
    ACCEPTED,
    BUY,
    CONTINUOUS,
    HALTED,
    INCIDENT_FEED_GAP,
    INCIDENT_NEWS,
    INCIDENT_OUTAGE,
    LIMIT,
    NEW,
    POST_ONLY,
)
from engine.domain.market import MESSAGE, REPORT, TICK, TRADE
from engine.domain.units import SECOND, Nanos
from engine.domain.venue import Venue
from engine.exchange.drift import drift
from engine.exchange.incidents import check_incident
from engine.exchange.market import Advance
from engine.exchange.presets import LATENCY_NS, PRESETS, Stock, market_hash
from engine.exchange.venues import simulated_venues
from engine.kernels.book import NIL, reduce
from engine.kernels.environment import (
    INCIDENT,
    INCIDENTS,
    LIT_VENUES,
    Env,
    grown,
    new_day,
    with_longer_queue,
)
from engine.kernels.flow import (
    DONE,
    MAX_PRINTS,
    MAX_REFILLS,
    REPORTS_FULL,
    TOO_SMALL,
    TRADES_FULL,
    add_incident,
    new_env,
    run_until,
    submit,
    write_tick,
)
from engine.kernels.own_orders import (
    NOT_FOUND,
    drop_in_flight,
    find,
    mass_cancel,
    queue_ahead,
    relink,
)
from engine.kernels.prints import touch
from engine.kernels.rng import hash3
from engine.runtime.venues.wire import Incident

STREAM_DAY = 110
ROWS = 4_096  # reports and prints between two emptyings; more when more orders work

Records = NDArray[np.void]


def day_number(day: str) -> int:
    """The day is part of every seed: 20261127 for 2026-11-27."""
    return int(day.replace("-", ""))


def path_seed(seed: int, day: str, symbol: int) -> int:
    """Seed of one instrument's day, positive int64."""
    return int(hash3(int(hash3(seed, STREAM_DAY, day_number(day)) >> np.uint64(1)), 0, symbol)) >> 1


def resize_off(env: Env, stock: Stock) -> None:
    """Trades off the public books and auctions in the size of this stock, before all has begun."""
    factor = stock.off_size
    if factor == 1.0:
        return
    off = env.off[0]
    off["top"]["usual"] = stock.instrument.adv
    off["top"]["retail"] *= factor
    off["pools"]["size"] *= factor
    off["dealers"]["clients"] *= factor


class SimulatedMarket:
    """Keeps the port ``engine.exchange.market.Market``."""

    def __init__(
        self,
        *,
        session: Session,
        seed: int,
        presets: Sequence[Stock] = PRESETS,
        latency_ns: int = LATENCY_NS,
        source: str = "",
    ) -> None:
        """Open a day. source : what screens say of a market that is not the usual one."""
        self._session = session
        self._instruments = tuple(preset.instrument for preset in presets)
        self._reports = np.zeros(ROWS, REPORT)
        self._trades = np.zeros(ROWS, TRADE)
        self._now = 0
        self._latency_ns = latency_ns
        self._dark_until = [0] * len(presets)  # nothing is published before this instant
        self._last_ticks = np.zeros(len(presets), TICK)
        self.envs: list[Env] = []
        flows = [preset.flow() for preset in presets]
        for symbol, flow in enumerate(flows):
            day = new_day(
                path_seed(seed, session.day, symbol), flow, session.open_at, session.close_at
            )
            env = new_env(day, symbol, latency_ns)
            resize_off(env, presets[symbol])
            self.envs.append(env)
        digest = market_hash(flows, latency_ns=latency_ns)
        words = source or f"SIM seed {seed} day {session.day}"
        self._source = f"{words} market {digest}"

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        return self._instruments

    @property
    def venues(self) -> tuple[Venue, ...]:
        return simulated_venues(self._latency_ns)

    @property
    def open_ns(self) -> Nanos:
        return self._session.open_at

    @property
    def close_ns(self) -> Nanos:
        return self._session.close_at

    @property
    def source(self) -> str:
        """What the market is made of: seed, day, hash of all parameters."""
        return self._source

    def submit(self, messages: Records) -> None:
        """Take MESSAGE rows; each acts at ``sent_ns + latency_ns``, never before now.

        Rows are well formed: ``core`` has refused the others.
        """
        for row in market_messages(messages):
            symbol = int(row["symbol"])
            if not submit(self._with_room(symbol), row):
                self.envs[symbol] = with_longer_queue(self.envs[symbol])
                submit(self.envs[symbol], row)

    def _with_room(self, symbol: int) -> Env:
        """The environment, grown when its table of children may not hold another message."""
        env = self.envs[symbol]
        state = env.state[0]
        if state["n_own"] + state["tail"] - state["head"] + 1 >= len(env.own):
            env = grown(env)
            relink(env)
            self.envs[symbol] = env
        return env

    def advance(self, to_ns: Nanos) -> Advance:
        """Move to ``to_ns`` (clipped to the close). At the close all orders expire."""
        to = min(int(to_ns), int(self.close_ns))
        if to < self._now:
            raise BrokenInvariant(f"market time must not go back from {self._now} to {to}")
        reports: list[Records] = []
        trades: list[Records] = []
        for env in self.envs:
            self._run(env, to, reports, trades)
        self._now = to
        return Advance(
            at_ns=Nanos(to),
            session=self._session_now(),
            reports=_merged(reports, REPORT, "venue_ns"),
            trades=_merged(trades, TRADE, "at_ns"),
            ticks=self._ticks(),
        )

    def _session_now(self) -> int:
        """Of the day. A halt is of an instrument: its TICK says so."""
        sessions = {int(env.state[0]["session"]) for env in self.envs}
        return CONTINUOUS if CONTINUOUS in sessions else max(sessions)

    def _ticks(self) -> Records:
        """The market of now; in a gap of the feed the last one before it, old instant included."""
        for symbol, env in enumerate(self.envs):
            if self._now >= self._dark_until[symbol]:
                write_tick(env, self._last_ticks[symbol])
        return self._last_ticks.copy()

    def _run(self, env: Env, to: int, reports: list[Records], trades: list[Records]) -> None:
        """Run one instrument, emptying its arrays as often as they fill."""
        status = REPORTS_FULL
        while status != DONE:
            at_work = env.state[0]
            refills = MAX_REFILLS * int(at_work["icebergs"])
            self._fit(2 * int(at_work["own_live"]) + refills + MAX_PRINTS + int(at_work["hidden"]))
            status, n_reports, n_trades = run_until(env, to, self._reports, 0, self._trades, 0)
            reports.append(self._reports[:n_reports].copy())
            published = self._trades[:n_trades]
            gap_ends = self._dark_until[int(env.state[0]["symbol"])]
            if gap_ends:
                published = published[published["at_ns"] >= gap_ends]
            trades.append(published.copy())
            if status == TOO_SMALL:
                self._fit(2 * len(self._reports))
            elif status not in (DONE, REPORTS_FULL, TRADES_FULL):
                raise BrokenInvariant(f"the market kernel answered {status}")
        if env.state[0]["lost"]:
            raise BrokenInvariant("the order pool of the simulated book is full")

    def _fit(self, rows: int) -> None:
        """Make the arrays hold at least so many rows."""
        if rows > len(self._reports):
            self._reports = np.zeros(2 * rows, REPORT)
            self._trades = np.zeros(2 * rows, TRADE)

    def cancel_now(self, children: Iterable[tuple[int, int]]) -> Records:
        """End these (symbol, child) at once, at the current time; their reports.

        A working order is CANCELLED, one still on its way REJECTED, both with
        REASON_MASS_CANCEL; what is neither is left alone.
        """
        found: list[Records] = []
        for symbol, child in children:
            env = self._with_room(symbol)
            row = find(env, child)
            if row == NOT_FOUND:
                n = drop_in_flight(env, child, self._reports, 0)
            elif env.own[row]["state"] == ACCEPTED:
                n = mass_cancel(env, row, self._reports, 0)
            else:
                continue
            found.append(self._reports[:n].copy())
        return _merged(found, REPORT, "venue_ns")

    def shrink(self, symbol: int, child: int, left: int) -> bool:
        """Leave so many shares of a resting order, which keeps its place; False = not resting."""
        env = self.envs[symbol]
        row = find(env, child)
        if row == NOT_FOUND or env.own[row]["slot"] == NIL:
            return False
        own = env.own[row]
        cut = int(own["leaves"]) - left
        if own["type"] not in (LIMIT, POST_ONLY) or cut < 0 or left < 1:
            return False
        state = env.state[0]
        reduce(env.book, int(own["slot"]), cut)
        own["quantity"] -= cut
        own["leaves"] -= cut
        state["events"] += 1
        touch(env.book, state)
        return True

    def incident(self, what: Incident) -> None:
        """Let something happen from now on: to a venue, to one symbol, or (-1) to all of them.

        Raises Refused when it cannot: before the open, after the close, at a venue of another kind.
        """
        states = {int(env.state[0]["session"]) for env in self.envs}
        if not states & {CONTINUOUS, HALTED}:
            raise Refused("the market must be open for an incident")
        check_incident(what, self.venues, len(self.envs))
        rows = self.envs[0].state[0]["venues"]
        up = [v for v in range(LIT_VENUES) if rows[v]["state"] == CONTINUOUS]
        if what.kind == INCIDENT_OUTAGE and up == [what.venue]:
            raise Refused(f"{self.venues[what.venue].name} is the last public book that is up")
        row = np.zeros(1, INCIDENT)
        row["kind"], row["venue"], row["size"] = what.kind, what.venue, what.size
        row["from_ns"] = self._now
        row["to_ns"] = self._now + round(what.seconds * SECOND)
        chosen = range(len(self.envs)) if what.symbol == -1 else (what.symbol,)
        for symbol in chosen:
            if what.kind == INCIDENT_FEED_GAP:
                self._dark_until[symbol] = max(self._dark_until[symbol], int(row[0]["to_ns"]))
            elif what.kind == DRIFT:
                drift(self.envs[symbol], int(row[0]["from_ns"]), int(row[0]["to_ns"]))
            elif not add_incident(self.envs[symbol], row[0]):
                raise Refused(f"a day holds {INCIDENTS} incidents")

    def queue_ahead(self, child: int) -> int | None:
        """Shares before an own resting order; None = it does not rest. [share]"""
        found = (queue_ahead(env, child) for env in self.envs)
        return next((ahead for ahead in found if ahead >= 0), None)


def _merged(parts: list[Records], dtype: np.dtype[np.void], key: str) -> Records:
    """Rows of all instruments by time, then instrument, then order of their book."""
    rows = np.frombuffer(b"".join(part.tobytes() for part in parts if len(part)), dtype)
    merged = np.zeros(len(rows), dtype)  # zeros: copying rows leaves their padding undefined
    if len(rows) == 0:
        return merged
    order = np.lexsort((np.arange(len(rows)), rows["symbol"], rows[key]))
    for name in dtype.names or ():
        merged[name] = rows[name][order]
    return merged


def warm() -> None:
    """Call every kernel of the exchange once: a mass cancel must not wait for a compiler."""
    session = Session(day="2000-01-03", open_at=Nanos(10**9), close_at=Nanos(3 * 10**9), zone="UTC")
    market = SimulatedMarket(session=session, seed=1, presets=PRESETS[:1])
    market.advance(session.open_at)
    order = np.zeros(1, MESSAGE)
    order["kind"], order["type"], order["side"] = NEW, LIMIT, BUY
    order["price"], order["quantity"] = PRESETS[0].instrument.reference_price - 100, 100
    order["child"], order["sent_ns"] = 1, session.open_at
    market.submit(order)
    market.advance(Nanos(2 * 10**9))
    order["child"], order["sent_ns"] = 2, 2 * 10**9
    market.submit(order)
    market.queue_ahead(1)
    market.shrink(0, 1, 50)
    market.cancel_now([(0, 1), (0, 2)])  # one works, one is on its way
    market.incident(Incident(kind=INCIDENT_NEWS, seconds=1.0))
    relink(grown(market.envs[0]))
