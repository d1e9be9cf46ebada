"""Children and fills: events -> rows. What an event does to a child is ``engine.domain.life``."""
# ruff: noqa: D103 -- one handler an event, named after it

from typing import Any, Final

import msgspec

from db.fold import Fold
from db.rows import Row
from db.tables import CHILDREN, FILLS, PARENTS, RECEIPTS
from engine.domain import events as e
from engine.domain import report_kinds as x
from engine.domain.errors import BrokenInvariant
from engine.domain.events import AnyEvent
from engine.domain.heard import KIND, heard
from engine.domain.life import CANCEL, CHANGE, Heard, Life, trades_of
from engine.domain.orders import CHILD_LIVE, made_of
from engine.domain.units import Nanos, child_text

_LIFE: Final = msgspec.json.Decoder(Life)
BUSTED: Final = "busted"
CORRECTED: Final = "corrected"


def child_intended(f: Fold, event: e.ChildIntended) -> None:
    _begin(
        f, event, ttl_ns=event.ttl_ns, why=event.why, binding=event.binding,
        parameter_version=event.parameter_version, model_id=event.model_id,
        model_state=event.model_state, decision_seq=f.entry.seq, digest=event.digest,
        display=event.display, minimum=event.minimum,
    )  # fmt: skip


def child_adopted(f: Fold, event: e.ChildAdopted) -> None:
    _begin(f, event)


def _begin(f: Fold, event: e.ChildIntended | e.ChildAdopted, **more: Any) -> None:
    life = Life(quantity=event.quantity, price=event.price)
    f.rows.put(
        CHILDREN, event.child_id, day=f.day, parent_id=event.parent_id, symbol=event.symbol,
        side=event.side, type=event.type, sent_at=f.at, venue=f.venue(event.venue),
        life=_text(life), **_made(life), **more,
    )  # fmt: skip
    parent = f.rows.need(PARENTS, event.parent_id)
    f.rows.set(
        PARENTS, event.parent_id, last_seq=f.entry.seq, children=parent["children"] + 1
    )  # fmt: skip


def _text(life: Life) -> str:
    return msgspec.json.encode(life).decode()


def _made(life: Life) -> Row:
    row = made_of(life)
    row["state"], row["status"] = str(row["state"]), str(row["status"])
    del row["left"]  # of a live child: most - filled
    return row


def _life(child: Row) -> Life:
    if not child["life"]:
        raise BrokenInvariant(
            f"the read tables have no life of child {child['id']}: python -m engine rebuild"
        )
    return _LIFE.decode(child["life"])


def _lives(f: Fold, child_id: int, life: Life, **more: Any) -> Row:
    """Where a child stands now; its end under a kill goes on the kill's receipt."""
    child = f.rows.need(CHILDREN, child_id)
    was, now = child["state"], _made(life)
    if was in CHILD_LIVE and now["state"] not in CHILD_LIVE:
        more["ended_at"] = f.at
    elif was not in CHILD_LIVE and now["state"] in CHILD_LIVE:
        more["ended_at"] = 0
    _receipt(f, child, now)
    return f.rows.set(CHILDREN, child_id, life=_text(life), **now, **more)


def _receipt(f: Fold, child: Row, now: Row) -> None:
    """A kill must end this child: what became of it, fills since included."""
    if not child["kill_id"]:
        return
    receipt = f.rows.need(RECEIPTS, child["kill_id"], child["id"])
    changes: Row = {"filled": receipt["filled"] + now["filled"] - child["filled"]}
    if child["state"] in CHILD_LIVE and now["state"] not in CHILD_LIVE:
        changes |= {"outcome": now["state"], "market_ns": f.at, "desk_ns": f.desk_at}
    f.rows.set(RECEIPTS, child["kill_id"], child["id"], **changes)


def child_send_refused(f: Fold, event: e.ChildSendRefused) -> None:
    life = msgspec.structs.replace(
        _life(f.rows.need(CHILDREN, event.child_id)), is_stopped_by_us=True
    )
    _lives(f, event.child_id, life, refusal=f"{event.rule}: {event.sentence}"[:200])


def cancel_intended(f: Fold, event: e.CancelIntended) -> None:
    child = f.rows.need(CHILDREN, event.child_id)
    if child["state"] in CHILD_LIVE:
        _lives(f, event.child_id, _life(child).ask(CANCEL, Nanos(f.at), event.by))


def replace_intended(f: Fold, event: e.ChildReplaceIntended) -> None:
    terms = (event.quantity, event.price)
    life = _life(f.rows.need(CHILDREN, event.child_id))
    _lives(f, event.child_id, life.ask(CHANGE, Nanos(f.at), event.by, terms))


def replace_never_arrived(f: Fold, event: e.ReplaceNeverArrived) -> None:
    life = _life(f.rows.need(CHILDREN, event.child_id)).void(event.request)
    _lives(f, event.child_id, life)


def child_unknown(f: Fold, event: e.ChildUnknown) -> None:
    child = f.rows.need(CHILDREN, event.child_id)
    if child["state"] in CHILD_LIVE:
        _lives(f, event.child_id, msgspec.structs.replace(_life(child), is_lost=True))


def child_never_arrived(f: Fold, event: e.ChildNeverArrived) -> None:
    life = _life(f.rows.need(CHILDREN, event.child_id))
    life = msgspec.structs.replace(life, never_came=True, is_lost=False)
    _lives(f, event.child_id, life)


def reported(f: Fold, event: AnyEvent) -> None:
    """A report of the venue; what it changes in the sums of the child changes in the parent."""
    report, plain = heard(event), _plain(event)
    child = dict(f.rows.need(CHILDREN, plain.child_id))
    life = _life(child).hear(report)
    now = _lives(f, plain.child_id, life)
    names = ("filled", "notional100", "fees", "passive_filled")
    if any(now[name] != child[name] for name in names):
        parent = f.rows.need(PARENTS, child["parent_id"])
        sums = {name: parent[name] + (now[name] - child[name]) for name in names}
        f.rows.set(PARENTS, child["parent_id"], last_seq=f.entry.seq, **sums)
    if any(row.kind in (x.BUSTED, x.CORRECTED) for row in life.reports):
        _settle_fills(f, child, life, event)
    elif isinstance(event, e.ChildFilled):
        _add_fill(f, child, event, event.exec_id)


def _plain(event: AnyEvent) -> Any:
    return event


def _add_fill(f: Fold, child: Row, event: e.ChildFilled | e.FillCorrected, exec_id: int) -> None:
    """The fill as the event says it; a correction that comes before its fill is one too."""
    f.rows.add(
        FILLS, f.entry.seq, day=f.day, child_id=event.child_id, parent_id=child["parent_id"],
        symbol=child["symbol"], side=child["side"], exec_id=exec_id, venue_at=event.venue_at,
        price=event.price, quantity=event.quantity, liquidity=event.liquidity,
        bid=getattr(event, "bid", 0), ask=getattr(event, "ask", 0), sub=event.sub,
        venue=f.venue(event.venue), fee=event.fee, was_price=event.price, was_sub=event.sub,
        was_quantity=event.quantity,
    )  # fmt: skip


def _settle_fills(f: Fold, child: Row, life: Life, event: AnyEvent) -> None:
    """Bring the fills of a child to what its life says: some are busted or corrected."""
    stands = trades_of(life)
    known = {row["exec_id"] for row in f.rows.find(FILLS, child_id=child["id"])}
    if isinstance(event, e.ChildFilled) and event.exec_id not in known:
        _add_fill(f, child, event, event.exec_id)
    for exec_id in stands:
        if exec_id not in known and isinstance(event, e.FillCorrected):
            _add_fill(f, child, event, exec_id)
    for row in f.rows.find(FILLS, child_id=child["id"]):
        f.rows.set(FILLS, row["seq"], **_fate(f, row, stands.get(row["exec_id"])))


def _fate(f: Fold, row: Row, fill: Heard | None) -> Row:
    """What a fill is now, and since when."""
    if fill is None:
        terms: Row = {"quantity": 0, "fee": 0.0, "fate": BUSTED}
    else:
        terms = {
            "price": fill.price, "sub": fill.sub, "quantity": fill.quantity, "fee": fill.fee,
            "fate": "" if fill.exec_id == row["exec_id"] else CORRECTED,
        }  # fmt: skip
    has_changed = any(row[name] != value for name, value in terms.items())
    return {**terms, "changed_at": f.at} if has_changed else {}


def decision_commented(f: Fold, event: e.DecisionCommented) -> None:
    """The log of the order says it with its command; the audit index has it under the child."""
    f.tell(after={"child": child_text(event.child_id), "comment": event.text})


RULES: Final[dict[type[Any], Any]] = {
    **dict.fromkeys((*KIND, e.ChildPending), reported),
    e.ChildIntended: child_intended,
    e.ChildAdopted: child_adopted,
    e.ChildSendRefused: child_send_refused,
    e.CancelIntended: cancel_intended,
    e.ChildReplaceIntended: replace_intended,
    e.ReplaceNeverArrived: replace_never_arrived,
    e.DecisionCommented: decision_commented,
    e.ChildUnknown: child_unknown,
    e.ChildNeverArrived: child_never_arrived,
}
