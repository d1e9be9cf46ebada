"""The short way to where an order stands says what the tables say, for any life."""

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from engine.domain import events as e
from engine.domain import kinds as k
from engine.domain import report_kinds as x
from engine.domain.heard import _OF_HEARD, heard
from engine.domain.life import (
    CANCEL,
    CHANGE,
    Heard,
    Life,
    Request,
    _stand_plain,
    stand,
    stand_by_table,
)
from engine.domain.orders import CHILD_LIVE, ChildState, made_of, state_of

PLAIN = (k.ACCEPTED, k.FILLED, k.FILLED, k.FILLED, k.CANCELLED, k.EXPIRED)
OTHERS = (
    k.REJECTED, k.CANCEL_REJECTED, x.PENDING_CANCEL, x.PENDING_REPLACE, x.REPLACED,
    x.REPLACE_REJECTED, x.DONE_FOR_DAY, x.RESTATED, x.STATUS, x.STOPPED, x.BUSTED, x.CORRECTED,
)  # fmt: skip
SMALL = st.integers(0, 60)
FEES = st.sampled_from((0.0, 0.1, -0.2, 0.3, 1e-9))


@st.composite
def lives(draw, kinds=PLAIN):
    """A life of this kind of reports, in the venue's order."""
    reports = tuple(
        Heard(
            exec_id=1 + number, kind=draw(st.sampled_from(kinds)), at=number, quantity=draw(SMALL),
            price=5_000 + draw(SMALL), sub=draw(st.sampled_from((0, 50))),
            liquidity=draw(st.integers(0, 2)), fee=draw(FEES), leaves=draw(st.sampled_from((0, 9))),
            request=draw(st.integers(0, 2)), ref=draw(st.integers(0, 4)),
            reason=draw(st.integers(0, 9)), cum=draw(st.sampled_from((0, 0, 20, 90))),
        )
        for number in range(draw(st.integers(0, 6)))
    )  # fmt: skip
    requests = tuple(
        Request(
            number=1 + number, kind=draw(st.sampled_from((CANCEL, CHANGE))), at=number,
            by=draw(st.sampled_from(("plan", "hold"))), quantity=draw(st.integers(0, 150)),
            price=5_000, is_void=draw(st.booleans()),
        )
        for number in range(draw(st.integers(0, 3)))
    )  # fmt: skip
    flag = st.sampled_from((False, False, False, True))
    return Life(
        quantity=100, price=5_000, requests=requests, reports=reports,
        is_stopped_by_us=draw(flag), is_lost=draw(flag), never_came=draw(flag),
    )  # fmt: skip


@given(life=lives())
@settings(max_examples=400, deadline=None)
def test_a_plain_life_stands_where_the_tables_say(life):
    short = _stand_plain(life)
    assert (short is None) == (life.is_stopped_by_us or life.never_came)
    assert stand(life) == stand_by_table(life)


@given(life=lives(kinds=(*PLAIN, *OTHERS)))
@settings(max_examples=300, deadline=None)
def test_any_life_stands_where_the_tables_say(life):
    assert stand(life) == stand_by_table(life)
    if any(row.kind in OTHERS for row in life.reports):
        assert _stand_plain(life) is None


@given(life=lives(kinds=(*PLAIN, *OTHERS)))
@settings(max_examples=300, deadline=None)
def test_what_is_shown_and_who_asked_follow_from_the_tables_alone(life):
    now = stand_by_table(life)
    made = made_of(life)
    asked = life.requests if made["status"] in ("CANCELED", "EXPIRED", "REJECTED") else now.waiting
    cancels = [(row.at, row.by) for row in asked if row.kind == CANCEL]
    assert (made["cancel_asked_at"], made["cancel_by"]) == (cancels[-1] if cancels else (0, ""))
    changes = [row.at for row in now.waiting if row.kind == CHANGE]
    assert made["replace_asked_at"] == max(changes, default=0)
    lost = structs.replace(life, is_lost=True)
    shown = state_of(lost, now)
    if not now.waiting and state_of(structs.replace(life, is_lost=False), now) in CHILD_LIVE:
        pending = (ChildState.PENDING_CANCEL, ChildState.PENDING_REPLACE)
        assert shown == ChildState.UNKNOWN or shown in pending


@given(quantity=SMALL, price=SMALL, sub=SMALL, liquidity=st.integers(0, 2), fee=FEES, at=SMALL)
@settings(max_examples=60, deadline=None)
def test_a_fill_is_heard_with_every_field_that_its_event_has(
    quantity, price, sub, liquidity, fee, at
):
    event = e.ChildFilled(
        child_id=1, exec_id=7, venue_at=at, price=price, quantity=quantity, liquidity=liquidity,
        sub=sub, fee=fee, bid=1, ask=2,
    )  # fmt: skip
    said = heard(event)
    names = [name for name in _OF_HEARD if name in event.__struct_fields__]
    assert {name: getattr(said, name) for name in names} == {
        name: getattr(event, name) for name in names
    }
    assert (said.exec_id, said.kind, said.at) == (7, k.FILLED, at)
