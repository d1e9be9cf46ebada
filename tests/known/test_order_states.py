"""Every row of the FIX 4.4 order-state-change matrices, through the real core, in any order.

A row is read as it stands in the table: ``name(request) STATUS quantity/cum/leaves``, ``..`` is
10000, ``F`` asks for a cancel, ``G`` for a replace, ``9`` is the refusal of one. X is the order,
Y and Z our first and second request. The desk's view is the table's but for one cell:
in D.2.b it keeps 10000 shares until a replace is accepted (rule 5), where the venue's second ``pr``
already says 8000. A test of the table checks every step; another hears the
reports of the row in other orders and twice, and must end at the same place.
"""

import itertools
import re
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from engine.domain import events as e
from engine.domain import kinds as k
from engine.domain import report_kinds as x
from engine.domain.life import OrdStatus
from engine.domain.orders import CHILD_LIVE, ChildState
from tests.support.order_desk import OrderDesk, a_report, folded

NEW = "new N ../0/10000; "
PART = NEW + "trd PF ../1000/9000; "
ROWS = {
    "A.1.a": NEW + "trd PF ../2000/8000; trd F ../10000/0",
    "A.1.a rejected": "rej R ../0/0",
    "A.1.b": NEW + "trd PF ../2000/8000; trd PF ../3000/7000; dfd DFD ../3000/0",
    "A.1.b gtc": NEW + "trd PF ../2000/8000; trd PF ../3000/7000; dfd DFD ../3000/7000",
    "B.1.a": NEW + "F Y; pc(Y) PC ../0/10000; can(Y) C ../0/0",
    "B.1.a rejected": NEW + "F Y; 9(Y) N ../0/10000",
    "B.1.a rejected after": NEW + "F Y; pc(Y) PC ../0/10000; 9(Y) N ../0/10000",
    "B.1.b": NEW + "trd PF ../2000/8000; F Y; trd PF ../5000/5000; pc(Y) PC ../5000/5000; "
    "trd PC ../6000/4000; can(Y) C ../6000/0",
    "B.1.b rejected": NEW + "trd PF ../2000/8000; F Y; trd PF ../5000/5000; "
    "pc(Y) PC ../5000/5000; trd PC ../6000/4000; 9(Y) PF ../6000/4000",
    "B.1.c": NEW + "trd PF ../2000/8000; F Y; pc(Y) PC ../2000/8000; trd PC ../10000/0; "
    "9(Y) F ../10000/0",
    "B.1.d": "F Y; pc(Y) PC ../0/10000; can(Y) C ../0/0",
    "B.1.e": "F Y; new N ../0/10000; pc(Y) PC ../0/10000; can(Y) C ../0/0",
    "B.1.f": "F Y; 9(Y) PN ../0/10000; new N ../0/10000",
    "C.1.a": NEW + "G Y 11000; pr(Y) PR ../0/10000; rep(Y) N 11000/0/11000",
    "C.1.b": PART + "G Y 12000; pr(Y) PR ../1000/9000; trd PR ../1100/8900; "
    "rep(Y) PF 12000/1100/10900; trd F 12000/12000/0",
    "C.1.b rejected": PART + "G Y 12000; 9(Y) PF ../1000/9000",
    "C.1.b rejected after": PART + "G Y 12000; pr(Y) PR ../1000/9000; trd PR ../1100/8900; "
    "9(Y) PF ../1100/8900",
    "C.1.c": NEW + "trd F ../10000/0; G Y 12000; pr(Y) PR ../10000/0; "
    "rep(Y) PF 12000/10000/2000; trd F 12000/12000/0",
    "C.2.a": PART + "G Y 10000@5001; trd F ../10000/0; 9(Y) F ../10000/0",
    "C.3.a": PART + "G Y 8000; trd PF ../1500/8500; pr(Y) PR ../1500/8500; trd PR ../1600/8400; "
    "rep(Y) PF 8000/1600/6400; trd F 8000/8000/0",
    "C.3.b": NEW + "G Y 7000; trd PF ../7000/3000; rep(Y) F 7000/7000/0",
    "C.3.c": NEW + "G Y 7000; trd PF ../8000/2000; rep(Y) F 8000/8000/0",
    "D.1.a": PART + "G Y 8000; pr(Y) PR ../1000/9000; trd PR ../1500/8500; "
    "rep(Y) PF 8000/1500/6500; trd PF 8000/3500/4500; G Z<Y 6000; pr(Z) PR 8000/3500/4500; "
    "rep(Z) PF 6000/3500/2500; trd F 6000/6000/0",
    "D.1.b": PART + "G Y 8000; 9(Y) PF ../1000/9000; trd PF ../3500/6500; G Z<X 6000; "
    "pr(Z) PR ../3500/6500; rep(Z) PF 6000/3500/2500; trd F 6000/6000/0",
    "D.1.c": PART + "G Y 8000; pr(Y) PR ../1000/9000; trd PR ../1500/8500; 9(Y) PF ../1500/8500; "
    "trd PF ../3500/6500; G Z<X 6000; pr(Z) PR ../3500/6500; rep(Z) PF 6000/3500/2500",
    "D.2.b": PART + "G Y<X 8000; G Z<Y 7000; pr(Y) PR ../1000/9000; pr(Z) PR ../1000/9000; "
    "rep(Y) PR 8000/1000/7000; rep(Z) PF 7000/1000/6000; trd F 7000/7000/0",
    "D.2.d": PART + "G Y<X 8000; G Z<Y 7000; pr(Y) PR ../1000/9000; 9(Z) PR ../1000/9000; "
    "rep(Y) PF 8000/1000/7000; trd PF 8000/3000/5000",
    "E.1.b": PART + "can C ../1000/0",
    "E.1.d": PART + "res PF 9000/1000/8000",
    "F.1.a": NEW + "dup N ../0/10000; trd PF ../1000/9000",
    "F.1.b": NEW + "sta N ../0/10000",
    "F.1.b unknown": "new N ../0/10000",
    "G.1": PART + "sta PF ../1000/9000",
    "G.1 not heard of before": "sta N ../0/10000",
    "G.1 unknown to the venue": "none PN ../0/10000",
    "H.1.c": NEW + "trd PF ../2000/8000; dfd DFD ../2000/8000; res PF ../2000/8000; F Y; "
    "pc(Y) PC ../2000/8000; can(Y) C ../2000/0",
    "I.1 fok": NEW + "can C ../0/0",
    "I.1 ioc": PART + "can C ../1000/0",
    "J.1.a": NEW + "trd[C] PF ../1000/9000 1000@100; trd[D] F ../10000/0 9000@110 avg109; "
    "tcan[C] PF ../9000/1000 avg110; tcor[D] PF ../9000/1000 9000@100 avg100; "
    "trd F ../10000/0 1000@120 avg102; tcor[D] F ../10000/0 9000@120 avg120; "
    "G Y 12000; pr(Y) PR ../10000/0; rep(Y) PF 12000/10000/2000; "
    "tcor[D] PF 12000/10500/1500 9500@120 avg120",
    "J.1.b": NEW + "trd[C] PF ../5000/5000; can C ../5000/0; tcan[C] C ../0/0; trd C ../4000/0",
    "K.1.b": NEW + "can C ../0/0",
    "L.1.a": NEW + "stp ST ../0/10000; trd F ../10000/0",
    "own: a fill after the cancel": NEW + "can C ../0/0; trd C ../700/0",
}
STATUS = {
    "PN": OrdStatus.PENDING_NEW, "N": OrdStatus.NEW, "PF": OrdStatus.PARTIAL,
    "F": OrdStatus.FILLED, "C": OrdStatus.CANCELED, "R": OrdStatus.REJECTED,
    "PC": OrdStatus.PENDING_CANCEL, "PR": OrdStatus.PENDING_REPLACE,
    "DFD": OrdStatus.DONE_FOR_DAY, "ST": OrdStatus.STOPPED,
}  # fmt: skip
KINDS = {
    "new": k.ACCEPTED, "trd": k.FILLED, "pc": x.PENDING_CANCEL, "pr": x.PENDING_REPLACE,
    "rep": x.REPLACED, "can": k.CANCELLED, "rej": k.REJECTED, "dup": k.REJECTED, "none": x.STATUS,
    "dfd": x.DONE_FOR_DAY, "res": x.RESTATED, "sta": x.STATUS, "stp": x.STOPPED,
    "tcan": x.BUSTED, "tcor": x.CORRECTED,
}  # fmt: skip
STEP = re.compile(
    r"(?P<name>\w+)(\((?P<about>[YZ])\))?(\[(?P<trade>[CD])\])? (?P<status>[A-Z]+) "
    r"(?P<quantity>[\d.]+)/(?P<cum>\d+)/(?P<leaves>\d+)"
    r"( (?P<shares>\d+)@(?P<price>\d+))?( avg(?P<avg>\d+))?"
)
NUMBER = {"X": 0, "Y": 1, "Z": 2}


@dataclass
class Walk:
    """A row on its way through a desk."""

    desk: OrderDesk = field(default_factory=OrderDesk)
    child: int = 0
    reports: list = field(default_factory=list)
    asked: dict[str, str] = field(default_factory=dict)  # request -> F or G
    trades: dict[str, int] = field(default_factory=dict)  # C, D -> last exec_id
    cum: int = 0

    def __post_init__(self):
        self.desk.parent()
        self.child = self.desk.child(10_000)

    def send(self, text: str) -> None:
        """``F Y``, ``G Y<X 8000``, ``G Y 10000@5001``."""
        kind, about, *terms = text.split()
        about, _, original = about.partition("<")
        self.asked[about] = kind
        if kind == "F":
            self.desk.cancel(self.child)
        else:
            quantity, _, price = terms[0].partition("@")
            self.desk.replace(self.child, int(quantity), int(price or 5000))
        request = self.desk.of(self.child).life.requests[-1]
        assert request.number == NUMBER[about]
        if original:
            assert request.original == NUMBER[original]

    def row_of(self, found: dict[str, str]):
        """The report of a step."""
        exec_id = len(self.reports) + 1
        name, about = found["name"], found["about"] or "X"
        fields = {"request": NUMBER[about], "leaves": int(found["leaves"])}
        kind = KINDS.get(name)
        if name == "9":
            kind = k.CANCEL_REJECTED if self.asked[about] == "F" else x.REPLACE_REJECTED
        if name == "dup":
            fields["reason"] = k.REASON_DUPLICATE
        if name == "none":
            fields["reason"] = k.REASON_UNKNOWN_ORDER
        if name in ("rep", "res"):
            fields |= {"quantity": total(found), "price": 5000}
        if name in ("trd", "tcor"):
            more = int(found["cum"]) - self.cum
            fields |= {
                "quantity": int(found["shares"] or more), "price": int(found["price"] or 5000),
                "liquidity": k.PASSIVE,
            }  # fmt: skip
        if name in ("tcan", "tcor"):
            fields["ref"] = self.trades[found["trade"]]
        if name in ("trd", "tcor") and found["trade"]:
            self.trades[found["trade"]] = exec_id
        self.cum = int(found["cum"])
        return a_report(kind, exec_id, self.child, **fields)


def total(found: dict[str, str]) -> int:
    return 10_000 if found["quantity"] == ".." else int(found["quantity"])


def steps(row: str) -> list[str]:
    return [step.strip() for step in row.split(";")]


def walked(row: str, *, check: bool = True) -> Walk:
    """The whole row, each step checked."""
    walk = Walk()
    for text in steps(row):
        if text[0] in "FG" and text[1] == " ":
            walk.send(text)
            continue
        match = STEP.fullmatch(text)
        assert match, text
        found = match.groupdict()
        report = walk.row_of(found)
        walk.reports.append(report)
        walk.desk.hear(report)
        if check:
            stands(walk, found, text)
    return walk


def stands(walk: Walk, found: dict[str, str], text: str) -> None:
    child = walk.desk.of(walk.child)
    assert child.status == STATUS[found["status"]], text
    leaves = 0 if child.status in (OrdStatus.FILLED, OrdStatus.CANCELED) else child.leaves
    assert (child.quantity, child.filled) == (total(found), int(found["cum"])), text
    assert leaves == int(found["leaves"]), text
    if found["avg"]:
        assert child.average_price == int(found["avg"]), text
    assert walk.desk.sums() == (child.filled, child.filled), text
    assert (child.id in walk.desk.state.children) == (child.state in CHILD_LIVE), text
    assert walk.desk.state.reserved(1) == child.reserve >= child.leaves, text


def end_of(walk: Walk) -> tuple:
    """All that the reports decide; not what the desk asked for because of one (an over-fill that
    a bust undoes later holds the parent, and its children are asked back).
    """
    child = walk.desk.of(walk.child)
    parent = walk.desk.state.parents[1]
    return (
        child.status, child.quantity, child.price, child.filled, child.notional100,
        child.leaves, child.reserve, child.passive_filled, parent.filled, parent.notional100,
    )  # fmt: skip


@pytest.mark.parametrize("name", ROWS)
def test_a_row_of_the_matrices_goes_as_it_is_written(name):
    walk = walked(ROWS[name])
    again = folded(walk.desk.entries)
    assert again.child(walk.child) == walk.desk.of(walk.child)
    assert again.parents == walk.desk.state.parents


def heard_in(row: str, order: list[int]) -> Walk:
    """All requests first, then the reports of the row in this order."""
    written = walked(row, check=False)
    walk = Walk()
    for text in steps(row):
        if text[0] in "FG" and text[1] == " ":
            walk.send(text.split("<")[0] + (" " + text.split()[-1] if "<" in text else ""))
    for at in order:
        walk.desk.hear(written.reports[at])
    return walk


@given(data=some.data())
@settings(max_examples=80, deadline=None)
def test_every_order_of_arrival_and_every_repetition_ends_in_the_same_state(data):
    row = ROWS[data.draw(some.sampled_from(sorted(ROWS)))]
    count = sum(1 for text in steps(row) if text[1] != " ")
    order = data.draw(some.permutations(range(count)))
    repeated = data.draw(some.lists(some.integers(0, max(count - 1, 0)), max_size=3))
    straight, other = heard_in(row, list(range(count))), heard_in(row, [*order, *repeated])
    assert end_of(other) == end_of(straight)
    assert other.desk.sums()[0] == other.desk.sums()[1]


def test_every_permutation_of_a_short_row_ends_in_the_same_state():
    row = NEW + "trd[C] PF ../1000/9000; tcor[C] PF ../900/9100 900@5001; can C ../900/0"
    ends = {end_of(heard_in(row, list(order))) for order in itertools.permutations(range(4))}
    assert len(ends) == 1
    assert next(iter(ends))[:2] == (OrdStatus.CANCELED, 10_000)


def test_a_request_shows_before_the_venue_says_that_it_has_it():
    desk = OrderDesk()
    desk.parent()
    child = desk.child(1_000)
    desk.hear(a_report(k.ACCEPTED, 1, child))
    desk.replace(child, 1_200)
    assert desk.of(child).state == ChildState.PENDING_REPLACE
    assert desk.of(child).status == OrdStatus.NEW
    assert (desk.of(child).leaves, desk.of(child).reserve) == (1_000, 1_200)
    desk.cancel(child)
    assert desk.of(child).state == ChildState.PENDING_CANCEL
    assert desk.state.reserved(1) == 1_200


def test_a_replace_that_never_arrived_leaves_the_old_terms():
    desk = OrderDesk()
    desk.parent()
    child = desk.child(1_000)
    desk.hear(a_report(k.ACCEPTED, 1, child))
    desk.facts(e.ReplaceNeverArrived(child_id=child, request=desk.replace(child, 400)))
    assert (desk.of(child).state, desk.of(child).reserve) == (ChildState.OPEN, 1_000)


def test_an_order_that_ended_keeps_the_shares_of_fills_that_have_not_come():
    desk = OrderDesk()
    desk.parent(1_000)
    child = desk.child(1_000)
    desk.hear(a_report(k.ACCEPTED, 1, child))
    desk.hear(a_report(k.CANCELLED, 4, child, cum=300, reason=k.REASON_REQUESTED))
    assert (desk.of(child).state, desk.of(child).status) == ("UNKNOWN", "CANCELED")
    assert desk.state.reserved(1) == 300  # not free for another child
    desk.hear(a_report(k.FILLED, 3, child, quantity=200, price=5000))
    assert (desk.state.reserved(1), desk.sums()) == (100, (200, 200))
    desk.hear(a_report(k.FILLED, 2, child, quantity=100, price=5000))
    assert (desk.of(child).state, desk.state.reserved(1)) == (ChildState.CANCELLED, 0)
    assert "late_fill" not in desk.alerts()


def test_a_bust_on_a_completed_parent_is_booked_alarmed_and_its_child_taken_back():
    desk = OrderDesk()
    desk.parent(1_000)
    child = desk.child(1_000)
    desk.hear(a_report(k.ACCEPTED, 1, child))
    desk.hear(a_report(k.FILLED, 2, child, quantity=1_000, price=5000))
    assert desk.state.parents[1].state == "COMPLETED"
    desk.hear(a_report(x.BUSTED, 3, child, ref=2))
    assert desk.state.parents[1].state == "COMPLETED"
    assert desk.sums() == (0, 0)
    assert "fill.busted" in desk.alerts()
    assert (desk.of(child).state, desk.of(child).cancel_by) == ("PENDING_CANCEL", "revived")


def test_an_order_that_the_venue_did_not_know_comes_to_life_by_its_first_report():
    desk = OrderDesk()
    desk.parent()
    child = desk.child(1_000)
    desk.facts(e.ChildUnknown(child_id=child), e.ChildNeverArrived(child_id=child))
    assert desk.of(child).state == ChildState.REJECTED
    desk.hear(a_report(k.FILLED, 9, child, quantity=10, price=5000))
    assert (desk.of(child).state, desk.state.parents[1].filled) == (ChildState.PARTIAL, 10)


@pytest.mark.parametrize(
    ("filled", "state"), [(10_000, "HELD"), (1_500, "HOLDING")]
)  # the whole parent, one child of it
def test_an_over_fill_holds_the_parent_until_somebody_else_releases_it(filled, state):
    desk = OrderDesk()
    desk.parent(9_000)
    child, other = desk.child(1_000), desk.child(500)
    desk.hear(a_report(k.ACCEPTED, 1, child), a_report(k.ACCEPTED, 1, other))
    desk.hear(a_report(k.FILLED, 2, child, quantity=filled, price=5000))
    assert desk.of(other).state == ChildState.PENDING_CANCEL
    assert desk.state.parents[1].hold_cause == "over-fill"
    if state == "HELD":
        desk.hear(a_report(k.CANCELLED, 2, other))
    assert desk.state.parents[1].state == state
    assert desk.state.parents[1].overfilled == max(filled - 9_000, 0)
    assert "overfill" in desk.alerts()
