"""What must hold between journal and exchange, whatever the engine thinks. Pure.

Each check returns breaches with the narrowest scope that covers them. The exchange is looked at
before the journal: everything that left is journalled first, so a newer journal explains it.
"""

from dataclasses import dataclass

from engine.watchdog.books import RATE_WINDOW_NS, AtExchange, Journalled

FEED_STILL_NS = 30_000_000_000  # an open market that does not move for this long [desk clock]
UNSEEN_NS = 15_000_000_000  # fills the exchange has and the journal does not [desk clock]
CHILD_BITS = 24
CHECKS = ("chain", "conservation", "venue", "orders", "version", "rate", "feed", "fills", "flag")


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """A rule that does not hold, and the kill that stops it."""

    check: str
    scope: str
    target: str
    sentence: str
    excess: int = 1  # how bad: a known breach that got worse is a new one
    lasts: bool = False  # it is killed for again after every release

    @property
    def key(self) -> tuple[str, str, str]:
        return (self.check, self.scope, self.target)


def child_text(child: int) -> str:
    """``C-<epoch>-<counter>`` as the desk writes it."""
    return f"C-{child >> CHILD_BITS}-{child & ((1 << CHILD_BITS) - 1)}"


def conservation(book: Journalled) -> list[Breach]:
    """By the journal: filled + open of a parent are at most its quantity."""
    found = []
    for number in sorted(book.touched):
        parent = book.parents.get(number)
        if parent is None:
            continue
        excess = parent.filled + parent.leaves - parent.most
        if excess > 0:
            found.append(_over("conservation", number, excess, parent.most, "journal"))
    return found


def at_venue(book: Journalled, venue: AtExchange) -> list[Breach]:
    """By the exchange: the same, from its fills and open orders alone."""
    found = []
    for number, total in venue.totals().items():
        parent = book.parents.get(number)
        if parent is not None and total > parent.most:
            found.append(_over("venue", number, total - parent.most, parent.most, "exchange"))
    return found


def _over(check: str, number: int, excess: int, most: int, where: str) -> Breach:
    return Breach(
        check=check,
        scope="parent",
        target=f"P-{number}",
        excess=excess,
        sentence=f"P-{number} has {excess + most:,} shares filled or open by the {where}, "
        f"its quantity is {most:,}",
    )


def orders(book: Journalled, venue: AtExchange) -> list[Breach]:
    """Orders out against orders in: nothing is at the exchange that is not in the journal."""
    found = []
    for child in sorted(venue.fresh):
        ours = book.children.get(child)
        if ours is None:
            sentence = f"{child_text(child)} is at the exchange and not in the journal"
            found.append(Breach(check="orders", scope="all", target="", sentence=sentence))
            continue
        row = venue.open.get(child)
        # it may be less: a replace or a cut by the venue that the journal has not heard of yet
        most = max(ours.quantity, ours.wanted)
        if row is not None and (row["side"] != ours.side or row["quantity"] > most):
            sentence = (
                f"{child_text(child)} is {row['side'] * row['quantity']:,} at the exchange, "
                f"{ours.side * ours.quantity:,} in the journal"
            )
            target = f"P-{ours.parent}"
            found.append(Breach(check="orders", scope="parent", target=target, sentence=sentence))
    venue.fresh.clear()
    return found[:5]


def version(book: Journalled, venue: AtExchange) -> list[Breach]:
    """An open order carries the code hash with which its engine started."""
    for child in venue.open:
        code = venue.tags[child].get("code")
        started = book.codes.get(child >> CHILD_BITS)
        if code and started is not None and not started.startswith(code):
            sentence = (
                f"{child_text(child)} was sent by code {code}, "
                f"the engine of its epoch started with {started[:12]}"
            )
            return [Breach(check="version", scope="all", target="", sentence=sentence)]
    return []


def same_code(book: Journalled, ours: str) -> list[Breach]:
    """The engine that lives now runs the code that lies beside the watchdog. "" = not compared."""
    theirs = book.codes.get(book.epoch, "")
    if not ours or not theirs or theirs == ours:
        return []
    sentence = f"the engine runs code {theirs[:12]}, this watchdog {ours[:12]}"
    return [Breach(check="version", scope="all", target="", sentence=sentence, lasts=True)]


def rate(book: Journalled) -> list[Breach]:
    """New orders of a symbol in a window: twice the desk's own limit means that limit is broken."""
    found = []
    most = 2 * book.max_messages
    for symbol, sends in book.sends.items():
        while sends and sends[0] <= book.market_ns - RATE_WINDOW_NS:
            sends.popleft()
        if len(sends) > most:
            sentence = (
                f"{len(sends)} new orders of {symbol} in {RATE_WINDOW_NS // 10**9} s of market "
                f"time, at most {most} are believable"
            )
            found.append(Breach(check="rate", scope="symbol", target=symbol, sentence=sentence))
    return found


def feed(book: Journalled, venue: AtExchange, now: int) -> list[Breach]:
    """Orders are open, the engine lives, and the market does not move."""
    runs = book.is_open and book.speed > 0 and venue.open
    still = now - venue.moved_at
    if not runs or still <= FEED_STILL_NS:
        return []
    sentence = f"the market has not moved for {still / 1e9:.0f} s while orders are open"
    return [Breach(check="feed", scope="all", target="", sentence=sentence)]


def unseen_fills(book: Journalled, venue: AtExchange) -> int:
    """Shares that the exchange has filled and the journal does not know. [share]"""
    gap = 0
    for child in tuple(venue.behind):
        ours = book.children.get(child)
        missing = venue.cum[child] - (0 if ours is None else ours.filled)
        gap += max(missing, 0)
        if missing <= 0:
            venue.behind.discard(child)
    return gap


def fills(gap: int, since: int, now: int) -> list[Breach]:
    """Fills that nobody books are positions nobody sees."""
    if not gap or now - since <= UNSEEN_NS:
        return []
    age = (now - since) / 1e9
    sentence = f"{gap:,} filled shares are not in the journal after {age:.0f} s"
    return [Breach(check="fills", scope="all", target="", sentence=sentence)]
