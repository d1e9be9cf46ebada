"""A desk on which several people do a bit of everything, driven through the real core."""

import random
from functools import cache

from db.base import open_engine, sqlite_url
from db.journal import SqliteJournal
from db.project import live_source
from db.schema import create
from engine.domain import commands as c
from engine.domain import events as e
from engine.domain.orders import CatchUp, HoldChildren
from engine.domain.units import MINUTE
from tests.support.desk_rig import Rig

STRATEGIES = ("TWAP", "VWAP", "POV", "ADAPTIVE")


def kill(rig, scope, target, by="u3"):
    """Write a request into the flag."""
    generation = len(rig.gate.requests) + 1
    rig.gate.requests.append(
        e.KillBlocked(
            kill_id=0, generation=generation, scope=scope, target=target, by=by, door="web",
            requested_at=rig.clock.wall_ns(), parents=(), children=(),
        )
    )  # fmt: skip


def _act(rig, dice):
    """One thing somebody does; refusals are part of the day."""
    parent = dice.choice(list(rig.state.parents)) if rig.state.parents else 1
    change = max(rig.state.changes, default=1)
    held = rig.state.changes.get(change)
    doings = (
        lambda: rig.ask(
            c.SubmitParent(
                symbol=rig.symbol, side=dice.choice((1, -1)), quantity=dice.randrange(500, 30_000),
                strategy=dice.choice(STRATEGIES), horizon_ns=dice.randrange(2, 30) * MINUTE,
            ),
            dice.choice(("u1", "u2")),
        ),
        lambda: rig.ask(c.HoldParent(parent_id=parent, children=dice.choice(list(HoldChildren)))),
        lambda: rig.ask(c.ResumeParent(parent_id=parent, catch_up=dice.choice(list(CatchUp)))),
        lambda: rig.ask(c.AmendParent(parent_id=parent, quantity=dice.randrange(500, 30_000))),
        lambda: rig.ask(c.MoveParameter(parent_id=parent, name="aggression", value=0.7)),
        lambda: rig.ask(c.ApproveParent(parent_id=parent, approve=dice.random() < 0.7), "u3"),
        lambda: rig.ask(
            c.ProposeChange(strategy="TWAP", values={"band": dice.choice((0.01, 0.03, 0.04))})
        ),
        lambda: rig.ask(c.EditChange(change_id=change, values={"aggression": 0.9}), "u3"),
        lambda: rig.ask(
            c.DecideChange(
                change_id=change, content_hash=held.content_hash if held else "", approve=True
            ),
            "u4",
        ),
        lambda: rig.ask(c.AcknowledgeAlert(alert_id=1), "u3"),
    )  # fmt: skip
    dice.choice(doings)()


@cache
def a_busy_rig(seed=7, minutes=12):
    """A quarter of an hour of orders, holds, changes and a kill."""
    dice = random.Random(seed)
    rig = Rig(seed=seed)
    rig.run(5)
    rig.buy(20_000)
    for minute in range(minutes):
        for _ in range(dice.randrange(1, 4)):
            _act(rig, dice)
        rig.run(dice.randrange(20, 60))
        if minute == minutes // 2:
            rig.buy(15_000, horizon_ns=10 * MINUTE)
            rig.run_until_live(rig.state.next_parent - 1)
            kill(rig, "parent", f"P-{rig.state.next_parent - 1}")
            rig.run(3)
    return rig


def entries_of(seed=7):
    """The journal of a busy desk."""
    return a_busy_rig(seed).journal.entries


def tables(path):
    """Fresh read tables in a file."""
    engine = open_engine(sqlite_url(path))
    create(engine)
    return engine


def journal_in(state, rig):
    """The rig's journal as files of a state folder; the source to project."""
    journal = SqliteJournal(state / "journal")
    journal.append(rig.journal.entries, sorted(rig.journal.records.items()))
    journal.close()
    return live_source(state)


def contents(engine):
    """Every row of every table but the wall time of the projection."""
    from db.tables import TABLES

    found = {}
    with engine.connect() as connection:
        for table in TABLES.sorted_tables:
            rows = [dict(row) for row in connection.execute(table.select()).mappings()]
            for row in rows:
                row.pop("projected_at", None)
            found[table.name] = sorted(rows, key=repr)
    return found
