"""Own orders in a recorded book: queue position, fills, and what was already taken.

The recorded book never changes. An own resting order only holds a place in it: the shares that
were displayed at its price when it came are ahead. ``rows`` are the recorded messages in ticks
and UTC ns (columns below), ``book[k]`` the displayed book after row k: ask price, ask size, bid
price, bid size a level, prices in ticks, an unused level all 0. The fill rules
are listed in engine/exchange/recorded.py.
"""

import numpy as np
from numpy.typing import NDArray

from engine.domain.kinds import AGGRESSIVE, BUY, FILLED, PASSIVE, REASON_NONE
from engine.kernels.jit import kernel
from engine.kernels.recorded import CROSS, DELETED, EXECUTED, HALT, HIDDEN, REDUCED

# columns of ``rows``; RAW = price in 1/100 tick, SINCE = row that submitted the order id, -1 unseen
AT, KIND, SIZE, TICKS, SIDE, SINCE, RAW = 0, 1, 2, 3, 4, 5, 6
RAW_PER_TICK = 100

# own live orders, sorted by side, then best price, then arrival
ORDER = np.dtype(
    [
        ("child", "<i8"),
        ("price", "<i8"),  # [tick]
        ("quantity", "<i8"),
        ("cum", "<i8"),
        ("ahead", "<i8"),  # shares before us at our price, an upper bound; meaningless unless seen
        ("arrived", "<i8"),  # last row the order came after, -1 before the first
        ("sequence", "<i8"),  # rises with arrival
        ("side", "<i4"),
        ("live", "<i4"),
        ("seen", "<i4"),  # 1 once our price was inside the displayed window
        ("doubt", "<i4"),  # 1 once it left the window: unseen ids may have come behind us
    ],
    align=True,
)

# displayed shares that we already took and the recording still shows
TAKEN = np.dtype([("side", "<i8"), ("price", "<i8"), ("shares", "<i8")])

STATE = np.dtype(
    [
        ("row", "<i8"),  # next recorded row
        ("orders", "<i8"),  # used entries of the arrays
        ("taken", "<i8"),
        ("reports", "<i8"),
        ("prints", "<i8"),
        ("exec_id", "<i8"),  # last one given
        ("halted", "<i8"),
        ("volume", "<i8"),  # since the open, own prints included, as in TICK
        ("signed_volume", "<i8"),
        ("own_volume", "<i8"),
        ("notional", "<i8"),  # [1/100 tick * share]: hidden prints may lie between ticks
        ("trades", "<i8"),
        ("last", "<i8"),
        ("events", "<i8"),
        ("ofi", "<f8"),
    ],
    align=True,
)

Ints = NDArray[np.int64]
Records = NDArray[np.void]


@kernel
def displayed(book: Ints, side: int, price: int) -> tuple[int, int]:
    """Shares displayed at ``price`` on ``side``, and 1 when that price lies inside the window."""
    base = 2 if side == BUY else 0
    for level in range(book.size // 4):
        at = book[4 * level + base]
        if at == price:
            return book[4 * level + base + 1], 1
        if at == 0 or side * at < side * price:
            return 0, 1
    return 0, 0


@kernel
def write_report(
    state: np.void,
    reports: Records,
    order: np.void,
    kind: int,
    at: int,
    fill: tuple[int, int, int],
    reason: int,
    book: Ints,
) -> None:
    """Append one REPORT; ``fill`` = (price, shares, liquidity), ``book`` = the one just before."""
    report = reports[state["reports"]]
    state["reports"] += 1
    state["exec_id"] += 1
    report["kind"] = kind
    report["symbol"] = 0
    report["child"] = order["child"]
    report["exec_id"] = state["exec_id"]
    report["venue_ns"] = at
    report["price"] = fill[0]
    report["quantity"] = fill[1]
    report["liquidity"] = fill[2]
    report["cum"] = order["cum"]
    report["leaves"] = order["quantity"] - order["cum"] if order["live"] == 1 else 0
    report["reason"] = reason
    report["bid"] = book[2]
    report["ask"] = book[0]


@kernel
def write_print(
    state: np.void, trades: Records, at: int, side: int, price: int, shares: int, own: int, raw: int
) -> None:
    """Append one TRADE of aggressor ``side``; ``raw`` < 0 marks a hidden one at price -raw."""
    trade = trades[state["prints"]]
    state["prints"] += 1
    trade["symbol"] = 0
    trade["side"] = side
    trade["at_ns"] = at
    trade["price"] = price
    trade["quantity"] = shares
    trade["own"] = own
    trade["hidden"] = 1 if raw < 0 else 0
    state["volume"] += shares
    state["signed_volume"] += side * shares
    state["notional"] += abs(raw) * shares
    state["trades"] += 1
    state["last"] = price


@kernel
def give(
    state: np.void,
    reports: Records,
    order: np.void,
    at: int,
    price: int,
    shares: int,
    liquidity: int,
    book: Ints,
) -> None:
    """Fill ``shares`` of an own order at ``price`` and report it."""
    order["cum"] += shares
    if order["cum"] == order["quantity"]:
        order["live"] = 0
    state["own_volume"] += shares
    write_report(state, reports, order, FILLED, at, (price, shares, liquidity), REASON_NONE, book)


@kernel
def claim(order: np.void, row: Ints, budget: int) -> int:
    """Shares of a recorded execution that would have been ours; moves us up the queue when none.

    At our price: the queue before us goes first, and an order known to have come after us does
    not take its place. Through our price: nobody may pass us. A hidden print says nothing unless
    it went through our price, because displayed shares go first whoever was the aggressor.
    """
    side = order["side"]
    inside = side * (order["price"] * RAW_PER_TICK - row[RAW])  # > 0: traded through our price
    ours = inside > 0 if row[KIND] == HIDDEN else (row[SIDE] == side and inside >= 0)
    if not ours or order["seen"] == 0:
        return 0
    if order["ahead"] > 0:
        if inside == 0 and row[SINCE] <= order["arrived"]:
            order["ahead"] -= min(order["ahead"], row[SIZE])
        return 0
    return min(int(order["quantity"] - order["cum"]), budget)


@kernel
def executed(
    row: Ints, before: Ints, state: np.void, orders: Records, reports: Records, trades: Records
) -> None:
    """A recorded print: own orders take what would have been theirs, the rest is the market's.

    The print's quantity is split, never enlarged: own fills at the print's price are its ``own``
    shares, own fills at a better price are a print of their own at that price.
    """
    left, own = row[SIZE], 0
    for i in range(state["orders"]):
        order = orders[i]
        if order["live"] == 0 or state["halted"] == 1 or row[KIND] == CROSS:
            continue
        shares = claim(order, row, left - own)
        if shares == 0:
            continue
        price, side = order["price"], order["side"]
        give(state, reports, order, row[AT], price, shares, PASSIVE, before)
        if price * RAW_PER_TICK == row[RAW]:
            own += shares
        else:
            raw = price * RAW_PER_TICK
            write_print(state, trades, row[AT], -side, price, shares, shares, raw)
            left -= shares
    if left > 0:
        aggressor = 0 if row[KIND] == CROSS else -row[SIDE]
        raw = -row[RAW] if row[KIND] == HIDDEN else row[RAW]
        write_print(state, trades, row[AT], aggressor, row[TICKS], left, own, raw)


@kernel
def withdrawn(row: Ints, state: np.void, orders: Records) -> None:
    """A recorded cancel at our price moves us up only when the order is known to be older."""
    for i in range(state["orders"]):
        order = orders[i]
        if order["side"] != row[SIDE] or order["price"] != row[TICKS] or order["ahead"] == 0:
            continue
        older = row[SINCE] <= order["arrived"] and (row[SINCE] >= 0 or order["doubt"] == 0)
        if older:
            order["ahead"] -= min(order["ahead"], row[SIZE])


@kernel
def look(order: np.void, book: Ints) -> None:
    """What the displayed book says of our place: never more ahead than is displayed.

    A price that comes into view counts as all older than us; one that leaves it may return with
    orders we did not see come.
    """
    shares, inside = displayed(book, order["side"], order["price"])
    if inside == 0:
        order["doubt"] = order["seen"]
    elif order["seen"] == 0:
        order["seen"] = 1
        order["doubt"] = 1
        order["ahead"] = shares
    elif order["ahead"] > shares:
        order["ahead"] = shares


@kernel
def already(state: np.void, taken: Records, side: int, price: int) -> int:
    """Index of the ledger entry of (side, price); the number of entries when there is none."""
    for i in range(state["taken"]):
        if taken[i]["side"] == side and taken[i]["price"] == price:
            return i
    return int(state["taken"])


@kernel
def take_level(
    state: np.void, taken: Records, side: int, price: int, shown: int, wanted: int
) -> int:
    """Take up to ``wanted`` of the shares displayed on ``side`` that we did not take before."""
    i = already(state, taken, side, price)
    before = taken[i]["shares"] if i < state["taken"] else 0
    shares = min(wanted, max(0, shown - before))
    if shares > 0:
        if i == state["taken"]:
            state["taken"] += 1
            taken[i]["side"] = side
            taken[i]["price"] = price
        taken[i]["shares"] = before + shares
    return shares


@kernel
def refresh(row: Ints, book: Ints, state: np.void, taken: Records) -> None:
    """Forget what we took as far as the recorded level is used up or gone.

    An execution uses up the front of the level, the shares we took; a cancel may have been
    anybody's, so it frees nothing; a level that emptied starts anew; one out of view is kept.
    """
    i = 0
    while i < state["taken"]:
        entry = taken[i]
        same = entry["side"] == row[SIDE] and entry["price"] == row[TICKS]
        if row[KIND] == EXECUTED and same:
            entry["shares"] -= min(entry["shares"], row[SIZE])
        shown, inside = displayed(book, entry["side"], entry["price"])
        if inside == 1:
            entry["shares"] = min(entry["shares"], shown)
        if entry["shares"] > 0:
            i += 1
            continue
        state["taken"] -= 1
        last = taken[state["taken"]]
        entry["side"], entry["price"], entry["shares"] = last["side"], last["price"], last["shares"]


@kernel
def crossed(
    at: int,
    book: Ints,
    before: Ints,
    state: np.void,
    orders: Records,
    taken: Records,
    reports: Records,
    trades: Records,
) -> None:
    """The recorded book came to or through our price: what it displays there would have hit us."""
    for i in range(state["orders"]):
        order = orders[i]
        if order["live"] == 0:
            continue
        side, price = order["side"], order["price"]
        base = 0 if side == BUY else 2
        shares = 0
        for level in range(book.size // 4):
            shown_at = book[4 * level + base]
            if shown_at == 0 or side * shown_at > side * price:
                break
            wanted = order["quantity"] - order["cum"] - shares
            shown = book[4 * level + base + 1]
            shares += take_level(state, taken, -side, shown_at, shown, wanted)
        if shares > 0:
            give(state, reports, order, at, price, shares, PASSIVE, before)
            raw = price * RAW_PER_TICK
            write_print(state, trades, at, -side, price, shares, shares, raw)


@kernel
def arrive(
    at: int,
    book: Ints,
    order: np.void,
    state: np.void,
    taken: Records,
    reports: Records,
    trades: Records,
) -> None:
    """A new order meets the displayed book of its instant: best level first, within its limit.

    It then stands behind everything displayed at its price, unless the caller cancels it.
    """
    side, price = order["side"], order["price"]
    base = 0 if side == BUY else 2
    for level in range(book.size // 4):
        shown_at = book[4 * level + base]
        done = order["live"] == 0 or state["halted"] == 1 or shown_at == 0
        if done or side * shown_at > side * price:
            break
        shown, wanted = book[4 * level + base + 1], order["quantity"] - order["cum"]
        shares = take_level(state, taken, -side, shown_at, shown, wanted)
        if shares > 0:
            give(state, reports, order, at, shown_at, shares, AGGRESSIVE, book)
            raw = shown_at * RAW_PER_TICK
            write_print(state, trades, at, side, shown_at, shares, shares, raw)
    order["arrived"] = state["row"] - 1
    order["seen"] = 0
    order["doubt"] = 0
    if state["row"] > 0:
        order["ahead"], order["seen"] = displayed(book, side, price)


@kernel
def flow_imbalance(before: Ints, after: Ints) -> int:
    """Cont-Kukanov-Stoikov e_n of one step [share], positive = towards buying.

    A side that was or is empty contributes nothing.
    """
    flow = 0
    if before[2] > 0 and after[2] > 0:
        if after[2] >= before[2]:
            flow += after[3]
        if after[2] <= before[2]:
            flow -= before[3]
    if before[0] > 0 and after[0] > 0:
        if after[0] <= before[0]:
            flow -= after[1]
        if after[0] >= before[0]:
            flow += before[1]
    return flow


@kernel
def step(
    rows: Ints,
    book: Ints,
    state: np.void,
    orders: Records,
    taken: Records,
    reports: Records,
    trades: Records,
) -> None:
    """One recorded row: the print or the cancel first, then what the new book shows."""
    k = state["row"]
    row, after = rows[k], book[k]
    before = book[k - 1] if k > 0 else np.zeros_like(after)
    kind = row[KIND]
    if kind == HALT:
        state["halted"] = 0 if row[RAW] == 1 else 1
    elif kind == EXECUTED or kind == HIDDEN or kind == CROSS:
        executed(row, before, state, orders, reports, trades)
    elif kind == REDUCED or kind == DELETED:
        withdrawn(row, state, orders)
    if kind <= EXECUTED:
        state["events"] += 1
    if k > 0:
        state["ofi"] += flow_imbalance(before, after)
    for i in range(state["orders"]):
        look(orders[i], after)
    refresh(row, after, state, taken)
    if state["halted"] == 0 and state["orders"] > 0:
        crossed(row[AT], after, before, state, orders, taken, reports, trades)


@kernel
def replay(
    until_ns: int,
    rows: Ints,
    book: Ints,
    states: Records,
    orders: Records,
    taken: Records,
    reports: Records,
    trades: Records,
) -> int:
    """Play all rows up to and including ``until_ns``; 1 = stopped early, an array needs room."""
    state = states[0]
    most = 2 * state["orders"] + 1
    levels = book.shape[1] // 4
    while state["row"] < rows.shape[0] and rows[state["row"], AT] <= until_ns:
        free = min(reports.size - state["reports"], trades.size - state["prints"])
        if free < most or taken.size - state["taken"] < 2 * levels:
            return 1
        step(rows, book, state, orders, taken, reports, trades)
        state["row"] += 1
    return 0
