"""Busts, corrections and replaces in the read tables: the same sums as the folded state."""

import itertools

import pytest
from sqlalchemy import create_engine, select

from db.project import live_source, project
from db.schema import create
from db.tables import CHILDREN, FILLS, PARENTS
from engine.domain import kinds as k
from engine.domain import report_kinds as x
from tests.support.order_desk import OrderDesk, a_report


def a_troubled_desk(order) -> tuple[OrderDesk, int]:
    desk = OrderDesk()
    desk.parent()
    child = desk.child(1_000)
    desk.replace(child, 800)
    rows = [
        a_report(k.FILLED, 2, child, quantity=100, price=5000, liquidity=k.PASSIVE),
        a_report(k.FILLED, 3, child, quantity=200, price=5001, liquidity=k.AGGRESSIVE),
        a_report(x.BUSTED, 4, child, ref=2),
        a_report(x.CORRECTED, 5, child, ref=3, quantity=150, price=4999, sub=50),
        a_report(x.REPLACED, 6, child, request=1, quantity=800, price=5000),
    ]
    desk.hear(a_report(k.ACCEPTED, 1, child))
    for at in order:
        desk.hear(rows[at])
    return desk, child


def tables_of(tmp_path, desk: OrderDesk):
    engine = create_engine(f"sqlite:///{tmp_path}/read.db")
    create(engine)
    project(engine, live_source(tmp_path), desk.entries, now_ns=1)
    return engine


def rows_of(engine, table):
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(select(table)).mappings()]


@pytest.mark.parametrize("order", list(itertools.permutations(range(5)))[::13])
def test_the_tables_hold_what_the_folded_state_holds(tmp_path, order):
    desk, number = a_troubled_desk(order)
    engine = tables_of(tmp_path, desk)
    child, parent = desk.of(number), desk.state.parents[1]
    (row,) = rows_of(engine, CHILDREN)
    names = ("state", "status", "quantity", "filled", "notional100", "passive_filled", "most")
    assert {n: row[n] for n in names} == {n: getattr(child, n) for n in names}
    (above,) = rows_of(engine, PARENTS)
    assert (above["filled"], above["notional100"]) == (parent.filled, parent.notional100)
    assert (child.filled, child.quantity) == (150, 800)
    fills = {fill["exec_id"]: fill for fill in rows_of(engine, FILLS)}
    assert {n: (f["quantity"], f["fate"]) for n, f in fills.items()} == {
        2: (0, "busted"), 3: (150, "corrected"),
    }  # fmt: skip
    assert (fills[3]["price"], fills[3]["sub"]) == (4999, 50)
    assert sum(f["fee"] for f in fills.values()) == pytest.approx(parent.fees)


def test_a_fill_says_what_it_was_before_it_was_busted(tmp_path):
    desk, _ = a_troubled_desk(range(5))
    fills = {fill["exec_id"]: fill for fill in rows_of(tables_of(tmp_path, desk), FILLS)}
    assert (fills[2]["was_quantity"], fills[2]["was_price"]) == (100, 5000)
    assert (fills[3]["was_quantity"], fills[3]["was_price"]) == (200, 5001)
    assert fills[2]["changed_at"] > 0
