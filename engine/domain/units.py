"""The units of the desk. Exact things are ints, estimates are floats.

Ticks and Shares are ints so that money is added exactly; a price in currency is
``ticks * instrument.tick_size``. Instants are UTC nanoseconds since 1970.
"""

from typing import NewType

Nanos = NewType("Nanos", int)  # duration, or an instant when the name ends in _at or _ns
Ticks = NewType("Ticks", int)  # price in units of the instrument's tick
Shares = NewType("Shares", int)  # quantity
Bps = NewType("Bps", float)  # 1/10,000 of a notional; positive = it cost us

ParentId = NewType("ParentId", int)  # shown as P-42
ChildId = NewType("ChildId", int)  # epoch * 2**24 + counter; shown as C-3-17
PersonId = NewType("PersonId", str)  # "u7"; never a name
Symbol = NewType("Symbol", str)

SECOND = Nanos(1_000_000_000)
MILLI = Nanos(1_000_000)
MINUTE = Nanos(60 * SECOND)
CHILD_BITS = 24  # 16.7 million children an epoch; ids stay below 2**53, exact in a browser


def child_id(epoch: int, counter: int) -> ChildId:
    """Client order id: unique across restarts because every start takes a new epoch."""
    return ChildId((epoch << CHILD_BITS) | counter)


def child_text(child: ChildId) -> str:
    """``C-<epoch>-<counter>``, as screens and logs write it."""
    return f"C-{child >> CHILD_BITS}-{child & ((1 << CHILD_BITS) - 1)}"


def parent_text(parent: ParentId) -> str:
    """``P-<number>``, as screens and logs write it."""
    return f"P-{parent}"
