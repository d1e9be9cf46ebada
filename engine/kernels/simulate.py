"""One parent order through one simulated day: market, features and ``act`` in one loop.

THE RULES OF A DECISION. The live engine follows the same list, so both give the same ACTION rows.

1. Grid. Decisions happen at t = open_ns + k * 1 s, k = 0, 1, ..., while t < close_ns; for a parent
   from the first t >= its start_ns, as long as it is WORKING, until it has no live child left and
   either filled >= quantity or t >= end_ns.
2. Market. The venue is advanced to t. Every report with venue_ns <= t is applied first, in order of
   exec_id. Then the TICK of t is taken (own resting orders are part of the book) and given to
   ``features.update``: once a second and instrument from the open on, with or without parents.
3. Slots. The live children in the order they were sent, without holes; a child is live from the
   moment it is sent until it is terminal (filled in full, cancelled, rejected, expired, refused by
   the gate). A free slot is all zero. slot_leaves = child quantity - its fills; slot_sent_ns = the
   t it was sent at; slot_cancelling is 1 from the t at which its cancel was sent until it is
   terminal or its cancel was rejected.
4. Time to live. Before the observation is taken, every live child with ttl_ns > 0,
   t - sent_ns >= ttl_ns and no cancel on its way is cancelled (CANCEL, sent_ns = t, in slot order)
   and counts as cancelling in this observation.
5. Observation. now_ns = t. filled = shares of all fills applied. volume = TICK.volume - the market
   volume since the open at acceptance; own_volume = filled. bid, ask and sizes = level 0 of the
   TICK. venue_bid, venue_ask, sizes and venue_volume = the TICK's; a bit of ``venues`` = allowed by
   what the parent came with, and the TICK's venue_state there is CONTINUOUS. venue_fill = shares
   filled there today / shares sent there, PRIOR_LOTS that were sent and filled added to both, NaN
   before the first. venue_markout = mean over shares of side * (mid - price) / price in bp of the
   fills there, the mid of the first t at least 10 s after the fill, fills without a two-sided mid
   left out; pulled towards 0, NaN while there are too few (`judged`), and forgotten by half where
   t enters another FORGET_NS of the clock, before what is due then is booked. features = what
   ``update`` wrote at t. base_* as set at acceptance (start_ns, 0, 0) or by the last resume or
   amendment, base_volume in the same count as volume. All else is the parent's. seed is the
   parent's. Unused fields are 0.
6. Action. ``act`` once. Its cancels are sent in slot order, then its new child, all with
   sent_ns = t: they act at the venue at t + latency. A child's ttl_ns is the action's.
7. Several parents of one instrument decide in order of their number; each sees the book of t.
"""

from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from engine.domain.kinds import (
    CANCEL,
    CANCEL_REJECTED,
    CANCELLED,
    CONTINUOUS,
    EXPIRED,
    FILLED,
    NEW,
    REJECTED,
    RL,
    VENUES,
)
from engine.domain.market import ACTION, MESSAGE, OBSERVATION, REPORT, SLOTS, TICK, TRADE
from engine.kernels.act import fulfil, is_at_work, may_move, weigh
from engine.kernels.environment import Env
from engine.kernels.features import update
from engine.kernels.flow import (
    DONE,
    REPORTS_FULL,
    TRADES_FULL,
    run_until,
    write_best,
    write_tick,
)
from engine.kernels.handed import one_word
from engine.kernels.inference import NO_MODEL
from engine.kernels.jit import door, hot, inner, leaf
from engine.kernels.marks import (
    FORGET_NS,
    GAIN,
    MARKOUT_NS,
    SHARES,
    SQUARES,
    fill_rate,
    judged,
)
from engine.kernels.own_orders import submit
from engine.kernels.publish import NEAR, write_levels, write_prices, write_venues
from engine.kernels.schedules import SECOND_NS

Floats: TypeAlias = npt.NDArray[np.float64]

FINE = 0  # the day (or the parent) is over
TAPE_FULL = 1  # more fills than the tape holds
CHILDREN_FULL = 2  # more children than the environment keeps: make it with a larger max_own
VENUE_STUCK = 3  # an event did not fit the scratch arrays, or a message the queue of the venue

# indexes of ``marks``
ALLOWED = 0  # bits of the venues it may use
FIRST_MARK = 1  # first fill not marked out yet
ERA = 2  # stretch of the clock in which markouts are remembered whole
NEWS = 3  # 1 = sent, filled or marked out since the venues were last judged


@one_word
class Tape(NamedTuple):
    """What a simulated parent leaves behind, and the scratch space of the loop."""

    decisions: Any  # OBSERVATION, one row a decision; a single row when they are not recorded
    actions: Any  # ACTION, likewise
    fills: Any  # REPORT, the fills in order
    mids: Floats  # of every second of the day; NaN while a side is empty. [tick]
    counts: npt.NDArray[np.int64]  # decisions, fills, children, seconds
    reports: Any  # scratch
    trades: Any
    tick: Any
    message: Any
    slot_ttl: npt.NDArray[np.int64]
    venue_shares: npt.NDArray[np.int64]  # sent, filled, a row each
    venue_marks: Floats  # GAIN, SHARES and SQUARES of those marked out, as far as remembered
    marks: npt.NDArray[np.int64]  # by ALLOWED, FIRST_MARK, ERA and NEWS


def new_tape(seconds: int, fills: int = 20_000, *, record: bool = True) -> Tape:
    """Room for a day of ``seconds`` seconds; fills and mids only unless decisions are recorded."""
    rows = max(seconds, 2) if record else 1
    return Tape(
        decisions=np.zeros(rows, dtype=OBSERVATION),
        actions=np.zeros(rows, dtype=ACTION),
        fills=np.zeros(fills, dtype=REPORT),
        mids=np.full(seconds, np.nan),
        counts=np.zeros(4, dtype=np.int64),
        reports=np.zeros(4096, dtype=REPORT),
        trades=np.zeros(4096, dtype=TRADE),
        tick=np.zeros(1, dtype=TICK),
        message=np.zeros(1, dtype=MESSAGE),
        slot_ttl=np.zeros(SLOTS, dtype=np.int64),
        venue_shares=np.zeros((2, VENUES), dtype=np.int64),
        venue_marks=np.zeros((3, VENUES)),
        marks=np.zeros(4, dtype=np.int64),
    )


@leaf
def is_recording(tape: Tape) -> bool:
    """Whether the tape keeps every decision: 1 kB a second that Monte-Carlo never reads."""
    return bool(tape.decisions.size > 1)


@inner
def free_slot(parent: Any, slot: int, tape: Tape) -> None:
    """The child of this slot is terminal: the later ones move up."""
    for i in range(slot, SLOTS):
        last = i == SLOTS - 1
        parent["slot_child"][i] = 0 if last else parent["slot_child"][i + 1]
        parent["slot_price"][i] = 0 if last else parent["slot_price"][i + 1]
        parent["slot_leaves"][i] = 0 if last else parent["slot_leaves"][i + 1]
        parent["slot_sent_ns"][i] = 0 if last else parent["slot_sent_ns"][i + 1]
        parent["slot_cancelling"][i] = 0 if last else parent["slot_cancelling"][i + 1]
        parent["slot_venue"][i] = 0 if last else parent["slot_venue"][i + 1]
        parent["slot_type"][i] = 0 if last else parent["slot_type"][i + 1]
        tape.slot_ttl[i] = 0 if last else tape.slot_ttl[i + 1]


@inner
def slot_of(parent: Any, child: int) -> int:
    """Slot of a child (0 asks for the first free one), else -1."""
    for slot in range(SLOTS):
        if parent["slot_child"][slot] == child:
            return slot
    return -1


@inner
def apply_report(parent: Any, report: Any, tape: Tape) -> bool:
    """Book one venue report; False when the tape is full."""
    slot = slot_of(parent, report["child"])
    kind = report["kind"]
    if kind == FILLED:
        at = tape.counts[1]
        if at >= tape.fills.size:
            return False
        tape.fills[at] = report
        tape.counts[1] = at + 1
        parent["filled"] += report["quantity"]
        tape.venue_shares[1, report["venue"]] += report["quantity"]
        tape.marks[NEWS] = 1
        if slot >= 0:
            parent["slot_leaves"][slot] -= report["quantity"]
            if parent["slot_leaves"][slot] <= 0:
                free_slot(parent, slot, tape)
    elif slot >= 0 and (kind == CANCELLED or kind == REJECTED or kind == EXPIRED):
        free_slot(parent, slot, tape)
    elif slot >= 0 and kind == CANCEL_REJECTED:
        parent["slot_cancelling"][slot] = 0
    return True


@door
def advance(env: Env, to_ns: int, parent: Any, tape: Tape) -> int:
    """Move the venue to ``to_ns`` and book its reports."""
    while True:
        status, n_reports, _ = run_until(env, to_ns, tape.reports, 0, tape.trades, 0)
        for i in range(n_reports):
            if not apply_report(parent, tape.reports[i], tape):
                return TAPE_FULL
        if status == DONE:
            return FINE
        if status != REPORTS_FULL and status != TRADES_FULL:
            return VENUE_STUCK


@inner
def send_cancel(env: Env, parent: Any, slot: int, tape: Tape) -> bool:
    """Ask the venue to cancel the child of a slot; False when its queue is full."""
    message = tape.message[0]
    message["kind"] = CANCEL
    message["symbol"] = env.state[0]["symbol"]
    message["child"] = parent["slot_child"][slot]
    message["side"] = parent["side"]
    message["type"] = 0
    message["price"] = parent["slot_price"][slot]
    message["quantity"] = parent["slot_leaves"][slot]
    message["sent_ns"] = parent["now_ns"]
    message["venue"] = parent["slot_venue"][slot]
    message["display"] = 0
    message["minimum"] = 0
    parent["slot_cancelling"][slot] = 1
    return submit(env, message)


@inner
def send_new(env: Env, parent: Any, action: Any, child: int, tape: Tape) -> bool:
    """Send the action's child, which takes the first free slot; False when the queue is full."""
    message = tape.message[0]
    message["kind"] = NEW
    message["symbol"] = env.state[0]["symbol"]
    message["child"] = child
    message["side"] = parent["side"]
    message["type"] = action["type"]
    message["price"] = action["price"]
    message["quantity"] = action["size"]
    message["sent_ns"] = parent["now_ns"]
    message["venue"] = action["venue"]
    message["display"] = action["display"]
    message["minimum"] = action["minimum"]
    slot = slot_of(parent, 0)
    parent["slot_child"][slot] = child
    parent["slot_price"][slot] = action["price"]
    parent["slot_leaves"][slot] = action["size"]
    parent["slot_sent_ns"][slot] = parent["now_ns"]
    parent["slot_cancelling"][slot] = 0
    parent["slot_venue"][slot] = action["venue"]
    parent["slot_type"][slot] = action["type"]
    tape.venue_shares[0, action["venue"]] += action["size"]
    tape.marks[NEWS] = 1
    tape.slot_ttl[slot] = action["ttl_ns"]
    return submit(env, message)


@leaf
def expire_children(env: Env, parent: Any, tape: Tape) -> int:
    """Rule 4: cancel what has outlived its time; FINE or VENUE_STUCK."""
    for slot in range(SLOTS):
        if parent["slot_child"][slot] == 0 or parent["slot_cancelling"][slot] != 0:
            continue
        ttl = tape.slot_ttl[slot]
        old = ttl > 0 and parent["now_ns"] - parent["slot_sent_ns"][slot] >= ttl
        if old and not send_cancel(env, parent, slot, tape):
            return VENUE_STUCK
    return FINE


@hot
def begin(parent: Any, tape: Tape) -> None:
    """Forget the run before; what the parent came with says which venues it may use."""
    tape.counts[:] = 0
    tape.venue_shares[:] = 0
    tape.venue_marks[:] = 0.0
    tape.marks[:] = 0
    tape.marks[ALLOWED] = parent["venues"]
    tape.marks[NEWS] = 1


@leaf
def mark_out(parent: Any, tick: Any, tape: Tape) -> None:
    """Forget by half when the time has come, then book the markouts due at this second."""
    era = parent["now_ns"] // FORGET_NS
    if era != tape.marks[ERA]:
        tape.marks[ERA] = era
        tape.marks[NEWS] = 1
        for row in range(SQUARES + 1):
            for i in range(VENUES):
                tape.venue_marks[row, i] *= 0.5
    first = tape.marks[FIRST_MARK]
    bid = tick["bid"][0]
    ask = tick["ask"][0]
    sound = bid > 0 and ask > 0 and bid <= ask
    while first < tape.counts[1]:
        fill = tape.fills[first]
        if fill["venue_ns"] + MARKOUT_NS > parent["now_ns"]:
            break
        if sound:
            place = fill["venue"]
            price = fill["price"] + fill["sub"] / 100.0
            gain = parent["side"] * (0.5 * (bid + ask) - price) / price * 1e4
            shares = float(fill["quantity"])
            tape.venue_marks[GAIN, place] += gain * shares
            tape.venue_marks[SHARES, place] += shares
            tape.venue_marks[SQUARES, place] += shares * shares
        first += 1
        tape.marks[NEWS] = 1
    tape.marks[FIRST_MARK] = first


@inner
def judge_venues(parent: Any, tape: Tape) -> None:
    """Rule 5: what our children have met with at each venue; only when there is news of it."""
    marks = tape.venue_marks
    for i in range(VENUES):
        parent["venue_fill"][i] = fill_rate(
            tape.venue_shares[0, i], tape.venue_shares[1, i], parent["lot"]
        )
        parent["venue_markout"][i] = judged(marks[GAIN, i], marks[SHARES, i], marks[SQUARES, i])


@leaf
def observe_venues(parent: Any, tick: Any, tape: Tape) -> None:
    """Rule 5: the venues."""
    allowed = tape.marks[ALLOWED]
    mask = 0
    for i in range(VENUES):
        parent["venue_bid"][i] = tick["venue_bid"][i]
        parent["venue_bid_size"][i] = tick["venue_bid_size"][i]
        parent["venue_ask"][i] = tick["venue_ask"][i]
        parent["venue_ask_size"][i] = tick["venue_ask_size"][i]
        parent["venue_volume"][i] = tick["venue_volume"][i]
        if tick["venue_state"][i] == CONTINUOUS:
            mask |= allowed & (1 << i)
    parent["venues"] = mask
    if tape.marks[NEWS] != 0:
        tape.marks[NEWS] = 0
        judge_venues(parent, tape)


@inner
def look(env: Env, parent: Any, tape: Tape) -> None:
    """Rule 2: of the TICK of this second the touch and the totals, and the venues if need be."""
    if sees_all(env, parent, tape):
        write_levels(env, tape.tick[0], 1)  # with the garbage that a venue may publish
    else:
        write_best(env, tape.tick[0])


@inner
def look_closely(env: Env, state: Any, parent: Any, tape: Tape) -> None:
    """Rule 2: five levels as well, and the features, which read them."""
    tick = tape.tick[0]
    if sees_all(env, parent, tape):
        write_levels(env, tick, NEAR)
    else:
        write_prices(env, tick, NEAR)
    update(state, tick, parent["features"])


@leaf
def sees_all(env: Env, parent: Any, tape: Tape) -> bool:
    """Whether every decision looks at every venue; else only one that may move looks at them.

    One that is recorded does, and the policy of RL; and a day with incidents, in which a venue may
    publish garbage together with the touch.
    """
    is_calm = env.state[0]["incidents"] == 0
    return bool(is_recording(tape) or parent["kind"] == RL or not is_calm)


@inner
def see_venues(env: Env, parent: Any, tape: Tape) -> None:
    """Rule 5: the venues, for a decision that has to look at them after all."""
    if not sees_all(env, parent, tape):
        tick = tape.tick[0]
        write_venues(env, tick)
        observe_venues(parent, tick, tape)


@inner
def observe(env: Env, parent: Any, arrival_volume: int, tape: Tape) -> None:
    """Rule 5: what changes from one decision to the next."""
    tick = tape.tick[0]
    parent["volume"] = tick["volume"] - arrival_volume
    parent["own_volume"] = parent["filled"]
    parent["bid"] = tick["bid"][0]
    parent["ask"] = tick["ask"][0]
    parent["bid_size"] = tick["bid_size"][0]
    parent["ask_size"] = tick["ask_size"][0]
    if sees_all(env, parent, tape):
        observe_venues(parent, tick, tape)


@leaf
def decide_once(
    env: Env,
    parent: Any,
    parameters: Floats,
    curve: Floats,
    model: Any,
    first_child: int,
    tape: Tape,
) -> int:
    """One decision, by the steps of ``act``, and its messages; FINE, CHILDREN_FULL or VENUE_STUCK.

    The venues are looked at between two of the steps, and only when the child depends on them.
    """
    at = 0
    if is_recording(tape):
        at = tape.counts[0]
        tape.decisions[at] = parent
    action = tape.actions[at]
    if is_at_work(parent, parameters, action):
        wish = weigh(parent, parameters, curve, model, action)
        if is_recording(tape) or may_move(parent, parameters, wish, action):
            see_venues(env, parent, tape)
            fulfil(parent, parameters, wish, model, action)
    tape.counts[0] += 1
    if action["cancel_mask"] != 0:
        for slot in range(SLOTS):
            if action["cancel_mask"] & (1 << slot) and not send_cancel(env, parent, slot, tape):
                return VENUE_STUCK
    if action["type"] != 0:
        if tape.counts[2] >= env.own.size:
            return CHILDREN_FULL
        if not send_new(env, parent, action, first_child + tape.counts[2], tape):
            return VENUE_STUCK
        tape.counts[2] += 1
    return FINE


@inner
def is_over(parent: Any) -> bool:
    """No live child, and nothing more to do: done or past the horizon."""
    for slot in range(SLOTS):
        if parent["slot_child"][slot] != 0:
            return False
    done = parent["filled"] >= parent["quantity"]
    return bool(done or parent["now_ns"] >= parent["end_ns"])


@hot
def simulate(
    env: Env,
    state: Any,
    parent: Any,
    parameters: Floats,
    curve: Floats,
    model: Any,
    first_child: int,
    tape: Tape,
) -> int:
    """Work one parent through the day of ``env``; FINE, or why it stopped early.

    env : a fresh ``flow.new_env``; state : a fresh FEATURE_STATE row. parent : an OBSERVATION row
    with what the parent is (start_ns ... seed, base_*, model_state) and volume = market volume
    since the open at acceptance, -1 = at its first decision, venues = those it may use, venue_kind
    and the fees as they are; used as working memory. Results are in the tape: rows in use are
    ``counts`` = decisions, fills, children, seconds seen. A tape that does not record has the same
    fills, mids and counts; what nobody reads is then left out: the features without a model, the
    venues of a decision that is certain to wait.
    """
    begin(parent, tape)
    open_ns = env.state[0]["open_ns"]
    seconds = (env.state[0]["close_ns"] - open_ns) // SECOND_NS
    arrival_volume = parent["volume"]
    tick = tape.tick[0]
    # nothing but a model and a record reads the features, and nobody reads a level but they
    watched = is_recording(tape) or model.row[0]["type"] != NO_MODEL
    over = False
    for k in range(min(seconds, tape.mids.size)):
        t = open_ns + k * SECOND_NS
        status = advance(env, t, parent, tape)
        if status != FINE:
            return status
        if watched and not over:
            look_closely(env, state, parent, tape)
        else:
            look(env, parent, tape)
        if tick["bid"][0] > 0 and tick["ask"][0] > 0:
            tape.mids[k] = 0.5 * (tick["bid"][0] + tick["ask"][0])
        tape.counts[3] = k + 1
        parent["now_ns"] = t
        mark_out(parent, tick, tape)
        if over or t < parent["start_ns"]:
            continue
        if arrival_volume < 0:
            arrival_volume = tick["volume"]
        status = expire_children(env, parent, tape)
        observe(env, parent, arrival_volume, tape)
        over = is_over(parent)
        if status == FINE and not over:
            status = decide_once(env, parent, parameters, curve, model, first_child, tape)
        if status != FINE:
            return status
    return int(advance(env, env.state[0]["close_ns"], parent, tape))


@hot
def watch(env: Env, state: Any, at_ns: Any, features: Any, mids: Floats, tape: Tape) -> int:
    """A day without own orders, once a second: what training sees; FINE or why it stopped.

    at_ns : int64, shape (n,). features : float32, shape (n, 16). mids : shape (n,), NaN while a
    side is empty. [tick] All written; n is at most the seconds of the day.
    """
    tick = tape.tick[0]
    for k in range(mids.size):
        t = env.state[0]["open_ns"] + k * SECOND_NS
        status = TRADES_FULL
        while status != DONE:
            status, _, _ = run_until(env, t, tape.reports, 0, tape.trades, 0)
            if status != DONE and status != REPORTS_FULL and status != TRADES_FULL:
                return VENUE_STUCK
        write_tick(env, tick)
        update(state, tick, features[k])
        at_ns[k] = t
        mids[k] = np.nan
        if tick["bid"][0] > 0 and tick["ask"][0] > 0:
            mids[k] = 0.5 * (tick["bid"][0] + tick["ask"][0])
    return FINE
