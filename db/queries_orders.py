"""Questions about parents, children, fills and kills of any day."""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Select, func, select

from db.read import Found, Reader, values
from db.records import ChildRecord, FillRecord, KillRecord, ParentRecord, ReceiptRecord
from db.tables import CHILDREN, FILLS, INSTRUMENTS, KILLS, LIVE, PARAMETERS, PARENTS, RECEIPTS
from engine.core import words
from engine.domain.kinds import AGGRESSIVE, PASSIVE
from engine.domain.orders import CHILD_LIVE, PARENT_LIVE, ChildState, average_of
from engine.domain.strategy import STRATEGIES
from engine.domain.units import ChildId, ParentId, child_text, parent_text
from engine.domain.views import UseRow

BPS: Final = 1e4
LIQUIDITY: Final = {PASSIVE: "passive", AGGRESSIVE: "aggressive"}


def _priced(table: Any) -> Select[Any]:
    """Rows of a table with the tick size of their instrument on their day."""
    on = (
        (INSTRUMENTS.c.source == table.c.source)
        & (INSTRUMENTS.c.day == table.c.day)
        & (INSTRUMENTS.c.symbol == table.c.symbol)
    )
    return select(table, INSTRUMENTS.c.tick_size).join(INSTRUMENTS, on)


class Orders(Reader):
    """Parents, children, fills, kills."""

    def parents_of_day(self, day: str) -> tuple[ParentRecord, ...]:
        """Parents of a day, in the order of entry."""
        return self._parents(
            _priced(PARENTS).where(PARENTS.c.day == day).order_by(PARENTS.c.source, PARENTS.c.id)
        )

    def parent(self, parent_id: int) -> ParentRecord | None:
        """One parent by its number; ids of past demo days begin with their date."""
        found = self._parents(_priced(PARENTS).where(PARENTS.c.id == parent_id))
        return found[0] if found else None

    def children_of(self, parent_id: int) -> tuple[ChildRecord, ...]:
        """Children of a parent, oldest first."""
        statement = _priced(CHILDREN).where(CHILDREN.c.parent_id == parent_id)
        return tuple(
            _child(row) for row in self.all(statement.order_by(CHILDREN.c.decision_seq))
        )  # fmt: skip

    def child(self, child_id: int) -> ChildRecord | None:
        """One child by its number."""
        row = self.one(_priced(CHILDREN).where(CHILDREN.c.id == child_id))
        return None if row is None else _child(row)

    def fills_of(self, parent_id: int) -> tuple[FillRecord, ...]:
        """Fills of a parent, oldest first."""
        statement = _priced(FILLS).where(FILLS.c.parent_id == parent_id).order_by(FILLS.c.seq)
        return tuple(_fill(row) for row in self.all(statement))

    def fills_between(
        self, source: str, since: int, until: int, symbol: str = ""
    ) -> tuple[FillRecord, ...]:
        """Fills of a source by the venue's time, both ends included, oldest first; "" = all."""
        statement = _priced(FILLS).where(
            FILLS.c.source == source, FILLS.c.venue_at >= since, FILLS.c.venue_at <= until
        )
        if symbol:
            statement = statement.where(FILLS.c.symbol == symbol)
        return tuple(_fill(row) for row in self.all(statement.order_by(FILLS.c.seq)))

    def uses_of(self, parent_id: int) -> tuple[UseRow, ...]:
        """What a parent did at each venue, by its children and fills; markouts are in its TCA."""
        parent = self.one(_priced(PARENTS).where(PARENTS.c.id == parent_id))
        if parent is None:
            return ()
        here = (CHILDREN.c.source == parent["source"]) & (CHILDREN.c.parent_id == parent_id)
        sent = self.all(
            select(CHILDREN.c.venue, func.sum(CHILDREN.c.quantity).label("sent"))
            .where(here, CHILDREN.c.state != ChildState.SEND_REFUSED)
            .group_by(CHILDREN.c.venue)
        )
        there = (FILLS.c.source == parent["source"]) & (FILLS.c.parent_id == parent_id)
        fills = self.all(select(FILLS).where(there))
        return tuple(_use(parent, row, fills) for row in sent)

    def kills(self, origin: str | None = None, limit: int = 200) -> tuple[KillRecord, ...]:
        """Kills of all days with their receipts, newest first."""
        statement = select(KILLS).order_by(KILLS.c.requested_at.desc()).limit(limit)
        if origin is not None:
            statement = statement.where(KILLS.c.origin == origin)
        return tuple(self._kill(row) for row in self.all(statement))

    def kill_latencies(self, limit: int = 500) -> tuple[dict[str, object], ...]:
        """How long each kill of this desk's days took from its request, oldest first. [ms]

        Not those of simulated past days: nobody waited for them, they have the market's clock.
        """
        own = select(KILLS).where(KILLS.c.origin == LIVE)
        newest = own.order_by(KILLS.c.requested_at.desc()).limit(limit)
        return tuple(_latency(row) for row in reversed(self.all(newest)))

    def _kill(self, row: Found) -> KillRecord:
        receipts = self.all(
            select(RECEIPTS)
            .where(RECEIPTS.c.source == row["source"], RECEIPTS.c.kill_id == row["id"])
            .order_by(RECEIPTS.c.child_id)
        )
        return _kill(row, receipts)

    def _parents(self, statement: Select[Any]) -> tuple[ParentRecord, ...]:
        rows = self.all(statement)
        live = self._live(rows)
        in_force = self._in_force(rows)
        linked = self._linked(rows)
        return tuple(_parent(row, live, in_force, linked) for row in rows)

    def _linked(self, rows: list[Found]) -> dict[tuple[str, int], list[str]]:
        """Orders that work what was left of these, by these."""
        statement = (
            select(PARENTS.c.source, PARENTS.c.reenters, PARENTS.c.id)
            .where(PARENTS.c.reenters.in_([row["id"] for row in rows]))
            .order_by(PARENTS.c.id)
        )
        found: dict[tuple[str, int], list[str]] = {}
        for row in self.all(statement):
            found.setdefault((row["source"], row["reenters"]), []).append(
                parent_text(ParentId(row["id"]))
            )
        return found

    def _live(self, rows: list[Found]) -> dict[tuple[str, int], tuple[int, int]]:
        """Live children and their leaves by parent, for the parents that are live."""
        wanted = [row["id"] for row in rows if row["state"] in PARENT_LIVE]
        if not wanted:
            return {}
        leaves = func.sum(CHILDREN.c.most - CHILDREN.c.filled)
        keys = (CHILDREN.c.source, CHILDREN.c.parent_id)
        statement = (
            select(*keys, func.count().label("n"), leaves.label("leaves"))
            .where(CHILDREN.c.parent_id.in_(wanted), CHILDREN.c.state.in_(sorted(CHILD_LIVE)))
            .group_by(*keys)
        )
        return {
            (row["source"], row["parent_id"]): (int(row["n"]), int(row["leaves"]))
            for row in self.all(statement)
        }

    def _in_force(self, rows: list[Found]) -> dict[tuple[str, str, int], dict[str, float]]:
        sources = sorted({row["source"] for row in rows})
        statement = select(PARAMETERS).where(PARAMETERS.c.source.in_(sources))
        return {
            (row["source"], row["strategy"], row["version"]): values(row["values"])
            for row in self.all(statement)
        }


def slippage(side: int, price: float | None, benchmark: float | None) -> float | None:
    """Side * (price - benchmark) / benchmark; positive = cost. [bps] None when one is missing."""
    if price is None or not benchmark:
        return None
    return float(side * (price - benchmark) / benchmark * BPS)


def _vwap(row: Found) -> float | None:
    """Interval VWAP of an ended parent from its own marks, own prints included. [tick]"""
    volume = row["end_volume"] - row["arrival_volume"]
    if not row["ended_at"] or volume <= row["filled"]:
        return None
    return float((row["end_notional"] - row["arrival_notional"]) / volume)


def _parent(
    row: Found,
    live: Mapping[tuple[str, int], tuple[int, int]],
    in_force: Mapping[tuple[str, str, int], dict[str, float]],
    linked: Mapping[tuple[str, int], list[str]],
) -> ParentRecord:
    tick = row["tick_size"]
    average = average_of(row["notional100"], row["filled"]) if row["filled"] else None
    children, working = live.get((row["source"], row["id"]), (0, 0))
    overrides = values(row["overrides"])
    version = in_force.get((row["source"], row["strategy"], row["parameter_version"]), {})
    volume = row["end_volume"] - row["arrival_volume"] if row["ended_at"] else 0
    is_live = row["state"] in PARENT_LIVE
    return ParentRecord(
        id=parent_text(ParentId(row["id"])),
        number=row["id"],
        day=row["day"],
        origin=row["origin"],
        source=row["source"],
        symbol=row["symbol"],
        side=row["side"],
        strategy=row["strategy"],
        state=row["state"],
        trader=row["trader"],
        desk=row["desk"],
        quantity=row["quantity"],
        filled=row["filled"],
        leaves=max(row["quantity"] - row["filled"], 0) if is_live else 0,
        live=working,
        children=children,
        children_total=row["children"],
        done=row["filled"] / row["quantity"],
        average=None if average is None else average * tick,
        arrival=row["arrival_price"] * tick,
        end_price=None if row["end_price"] is None else row["end_price"] * tick,
        limit=None if row["limit_price"] is None else row["limit_price"] * tick,
        slippage_bps=slippage(row["side"], average, row["arrival_price"]),
        vwap_bps=slippage(row["side"], average, _vwap(row)),
        participation=row["filled"] / volume if volume > 0 else None,
        cap=(version | overrides).get("max_participation", 1.0),
        passive=row["passive_filled"] / row["filled"] if row["filled"] else None,
        target=None,
        behind=None,
        score=None,
        model="none" if STRATEGIES[row["strategy"]].uses_model else "-",
        why=row["state"].lower().replace("_", " "),
        binding="",
        decided_at=0,
        accepted_at=row["accepted_at"],
        end_at=row["end_at"],
        ended_at=row["ended_at"],
        hold=f"{row['hold_cause']} ({row['hold_by']})" if row["hold_cause"] else "",
        kill=f"K-{row['kill_id']}" if row["kill_id"] else "",
        alert="",
        version=row["version"],
        parameter_version=row["parameter_version"],
        on_restart=row["on_restart"],
        on_disconnect=row["on_disconnect"],
        on_model_loss=row["on_model_loss"],
        model_off=row["model_off"],
        reenters=parent_text(ParentId(row["reenters"])) if row["reenters"] else "",
        reentered=linked.get((row["source"], row["id"]), []),
        catch_up=row["catch_up"],
        client=row["client"],
        note=row["note"],
        overrides=overrides,
        approved_by=row["approved_by"],
        fees=row["fees"],
        excluded=row["excluded"].split(",") if row["excluded"] else [],
        objective=row["objective"],
        risk_aversion=row["risk_aversion"],
    )


def _child(row: Found) -> ChildRecord:
    tick = row["tick_size"]
    return ChildRecord(
        id=child_text(ChildId(row["id"])),
        number=row["id"],
        day=row["day"],
        origin=row["origin"],
        source=row["source"],
        parent=parent_text(ParentId(row["parent_id"])),
        symbol=row["symbol"],
        side=row["side"],
        type=words.TYPE.get(row["type"], str(row["type"])),
        price=row["price"] * tick,
        quantity=row["quantity"],
        filled=row["filled"],
        average=average_of(row["notional100"], row["filled"]) * tick if row["filled"] else None,
        state=row["state"],
        sent_at=row["sent_at"],
        ended_at=row["ended_at"],
        cancel_asked_at=row["cancel_asked_at"],
        cancel_by=row["cancel_by"],
        why=words.WHY.get(row["why"], ""),
        binding=words.BINDING.get(row["binding"], ""),
        parameter_version=row["parameter_version"],
        model=row["model_id"],
        decision=row["decision_seq"],
        refusal=row["refusal"],
        venue=row["venue"],
    )


def _fill(row: Found) -> FillRecord:
    tick = row["tick_size"]
    sound = row["bid"] > 0 and row["ask"] > 0
    return FillRecord(
        seq=row["seq"],
        child=child_text(ChildId(row["child_id"])),
        parent=parent_text(ParentId(row["parent_id"])),
        symbol=row["symbol"],
        side=row["side"],
        venue_at=row["venue_at"],
        price=(row["price"] + row["sub"] / 100) * tick,
        quantity=row["quantity"],
        venue=row["venue"],
        fee=row["fee"],
        liquidity=LIQUIDITY.get(row["liquidity"], ""),
        mid=(row["bid"] + row["ask"]) / 2.0 * tick if sound else None,
        origin=row["origin"],
        fate=row["fate"],
        was_quantity=row["was_quantity"],
        was_price=(row["was_price"] + row["was_sub"] / 100) * tick,
    )


def _use(parent: Found, row: Found, fills: list[Found]) -> UseRow:
    mine = [fill for fill in fills if fill["venue"] == row["venue"]]
    filled = sum(fill["quantity"] for fill in mine)
    passive = sum(fill["quantity"] for fill in mine if fill["liquidity"] == PASSIVE)
    paid = sum((100 * fill["price"] + fill["sub"]) * fill["quantity"] for fill in mine)
    average = average_of(paid, filled) if filled else None
    sent, name = int(row["sent"]), row["venue"]
    return UseRow(
        id=f"{parent_text(ParentId(parent['id']))} {name}",
        parent=parent_text(ParentId(parent["id"])),
        venue=name,
        sent=sent,
        filled=filled,
        fill_rate=filled / sent if sent else None,
        passive=passive / filled if filled else None,
        average=None if average is None else average * parent["tick_size"],
        slippage_bps=slippage(parent["side"], average, parent["arrival_price"]),
        markout_bps=None,
        fees=sum(fill["fee"] for fill in mine),
    )


def _kill(row: Found, receipts: list[Found]) -> KillRecord:
    def after(at: int) -> float | None:
        return (at - row["requested_at"]) / 1e6 if at else None

    flown = sum(1 for receipt in receipts if receipt["outcome"] == "FILLED")
    open_ones = sum(1 for receipt in receipts if receipt["outcome"] == "UNCONFIRMED")
    return KillRecord(
        id=f"K-{row['id']}",
        day=row["day"],
        origin=row["origin"],
        source=row["source"],
        scope=row["scope"],
        target=row["target"],
        by=row["by"],
        door=row["door"],
        state=row["state"],
        requested_at=row["requested_at"],
        blocked_ms=after(row["blocked_at"]),
        cancel_sent_ms=after(row["cancel_sent_at"]),
        confirmed_ms=after(row["confirmed_at"]),
        parents=row["parents"],
        children=row["children"],
        acked=len(receipts) - flown - open_ones,
        filled_in_flight=flown,
        unconfirmed=open_ones,
        oldest_s=None,
        reason=row["reason"],
        release_by=row["release_by"],
        released_by=row["released_by"],
        release_reason=row["release_reason"],
        receipts=tuple(
            ReceiptRecord(
                child=child_text(ChildId(receipt["child_id"])),
                parent=parent_text(ParentId(receipt["parent_id"])),
                outcome=receipt["outcome"],
                leaves=receipt["leaves"],
                filled=receipt["filled"],
                market_at=receipt["market_ns"],
                after_ms=after(receipt["desk_ns"]),
            )
            for receipt in receipts
        ),
    )


def _latency(row: Found) -> dict[str, object]:
    def after(name: str) -> float | None:
        return (row[name] - row["requested_at"]) / 1e6 if row[name] else None

    return {
        "id": f"K-{row['id']}",
        "origin": row["origin"],
        "scope": row["scope"],
        "target": row["target"],
        "door": row["door"],
        "by": row["by"],
        "requested_at": row["requested_at"],
        "blocked_ms": after("blocked_at"),
        "cancel_sent_ms": after("cancel_sent_at"),
        "confirmed_ms": after("confirmed_at"),
        "children": row["children"],
    }
