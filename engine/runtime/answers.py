"""Questions to the engine: what the live rows do not carry."""

import math
from collections import OrderedDict, deque
from typing import Any, Final, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.core import show, words
from engine.core.plan import DECISION, NO_MODEL, recompute
from engine.core.rules import models
from engine.core.rules.modes import in_force
from engine.core.rules.scope import check_scope, covered
from engine.core.show_safety import kill_row
from engine.core.turn import Desk, Output
from engine.domain import events as e
from engine.domain.errors import Refused
from engine.domain.kinds import FEATURE_NAMES, N_FEATURES, RL, STATE_NAMES
from engine.domain.orders import PARENT_LIVE
from engine.domain.strategy import STRATEGIES
from engine.domain.units import ChildId, child_text, parent_text
from engine.domain.views import DeskRow
from engine.kernels.inference import Model, attribute, attributes_at_once
from engine.runtime.code import trading_hash, wire_hash
from engine.runtime.link import Request

KEPT: Final = 20_000  # decision records in memory; older ones are read from the journal


class Head(Protocol):
    """What the header needs of the journal."""

    @property
    def head(self) -> tuple[int, str]: ...


class Answers:
    """Reads the desk; changes nothing."""

    def __init__(self, desk: Desk, journal: Head) -> None:
        self._desk = desk
        self._journal = journal
        self._records: OrderedDict[int, bytes] = OrderedDict()
        self._decided: deque[tuple[int, int, int, int]] = deque(maxlen=5_000)

    def new_day(self) -> None:
        """Nothing can be asked of a day that is over but in the journal: let it go."""
        self._records.clear()
        self._decided.clear()

    def decided(self, output: Output, at: tuple[int, int, int], commit_ns: int) -> None:
        """What it took to decide and to write that down; a turn that wrote nothing is left out.

        at : when the exchange was asked, when the ticks were here, when all was durable [monotonic
        ns]; commit_ns : what the journal took of that
        """
        asked, began, durable = at
        if output.decisions and output.entries:
            spent = (durable - began, commit_ns, durable - asked, len(output.decisions))
            self._decided.append(spent)

    def remember(self, output: Output) -> None:
        """Keep the newest decision records at hand, by child."""
        by_seq = dict(output.records)
        for entry in output.entries:
            if isinstance(entry.event, e.ChildIntended) and entry.seq in by_seq:
                self._records[entry.event.child_id] = by_seq[entry.seq]
        while len(self._records) > KEPT:
            self._records.popitem(last=False)

    def header(self, status: dict[str, Any]) -> DeskRow:
        """What header and footer show."""
        state = self._desk.state
        session = state.session
        now = in_force(state)
        seq, head = self._journal.head
        waiting = sum(1 for parent in state.parents.values() if parent.state == "NEEDS_APPROVAL")
        open_alerts = sum(1 for alert in state.alerts.values() if not alert.acknowledged_by)
        value = sum(
            parent.leaves * parent.arrival_price * state.instruments[parent.symbol].tick_size
            for parent in state.parents.values()
            if parent.state in PARENT_LIVE
        )
        word = words.SESSION.get(int(status["session"]), "")
        return DeskRow(
            mode=state.mode,
            source=state.source,
            day="" if session is None else session.day,
            zone="" if session is None else session.zone,
            session=word if state.is_open else "CLOSED",
            market_at=state.market_ns,
            open_at=0 if session is None else session.open_at,
            close_at=0 if session is None else session.close_at,
            speed=state.speed,
            achieved=round(float(status["achieved"]), 2),
            epoch=state.epoch,
            seq=seq,
            head=head[:12],
            turn_ms=round(float(status["turn_ms"]), 2),
            gate=str(status["gate"]) or "open",
            difference=state.difference,
            working_value=value,
            needs_action=waiting + open_alerts,
            code=state.code[:12],
            trading=now.mode,
            trading_why=now.why,
            trading_set=state.trading.mode,
            trading_asked=state.trading.asked or "",
            trading_asked_by=state.trading.asked_by,
            difference_grows=state.difference_grows,
            difference_asked_by=state.difference_asked,
            compared_at=int(status.get("compared_at", 0)),
            trader_seen_at=int(status.get("trader_seen_at", 0)),
            risk_seen_at=int(status.get("risk_seen_at", 0)),
            watched_since=int(status.get("watched_since", 0)),
        )

    def answer(self, request: Request, status: dict[str, Any]) -> tuple[Any, str]:
        """Body and refusal of a question."""
        try:
            match request.name:
                case "ping" | "status":
                    return self._status(status), ""
                case "code":
                    return {"code": trading_hash(), "wire": wire_hash()}, ""
                case "timings":
                    return self._timings(status), ""
                case "explain":
                    return self._explain(ChildId(int(request.args["child"]))), ""
                case "preview_kill":
                    return self._preview(request.args), ""
                case _:
                    return None, f"there is no question {request.name!r}"
        except (KeyError, TypeError, ValueError) as error:
            return None, f"the question is not understood: {error}"
        except Refused as refusal:
            return None, str(refusal)

    def _timings(self, status: dict[str, Any]) -> dict[str, Any]:
        return {
            "tick_to_decision_us": [row[0] / 1e3 for row in self._decided],
            "commit_us": [row[1] / 1e3 for row in self._decided],
            "ask_to_decision_us": [row[2] / 1e3 for row in self._decided],
            "parents_a_turn": [row[3] for row in self._decided],
            "tick_late_ms": [ns / 1e6 for ns in status["late_ns"]],
        }

    def _status(self, status: dict[str, Any]) -> dict[str, Any]:
        state = self._desk.state
        header = self.header(status)
        return {
            "desk": msgspec.structs.asdict(header),
            "parents": {
                parent_text(i): [parent.state, parent.filled, parent.quantity]
                for i, parent in state.parents.items()
            },
            "open_children": [child_text(i) for i in state.children],
            "kills": {
                f"K-{i}": msgspec.structs.asdict(kill_row(self._desk, kill))
                for i, kill in state.kills.items()
            },
        }

    def _preview(self, args: dict[str, Any]) -> dict[str, Any]:
        """What a kill would cover: counts and notional, before anything happens."""
        state = self._desk.state
        scope, target = str(args["scope"]), str(args.get("target", ""))
        check_scope(scope, target)
        parents, children = covered(state, scope, target)
        values: dict[str, float] = {}  # by currency: two are never added up
        for child in children:
            row = state.instruments[child.symbol]
            worth = child.leaves * child.price * row.tick_size
            values[row.currency] = values.get(row.currency, 0.0) + worth
        found = {"parents": len(parents), "children": len(children), "values": values}
        if scope == "model":
            held, base, other = models.without(parents)
            found |= {"held": held, "base": base, "other": other}
        return found

    def _explain(self, child_id: ChildId) -> dict[str, Any]:
        """The decision record of a child in words, and whether it recomputes to the same bits."""
        child = self._desk.state.child(child_id)
        if child is None:
            raise Refused(f"there is no child {child_text(child_id)} today")
        record = self._records.get(child_id)
        if record is None:
            raise Refused(f"the decision record of {child_text(child_id)} is in the journal only")
        strategy = self._desk.state.parents[child.parent_id].strategy
        model = self._desk.models.get(child.model_id)
        sight = self._desk.sight
        assert sight is not None
        flat = NO_MODEL if model is None else model.model
        return explain(record, strategy, sight.curve, flat, child_id)


def contributions_of(stored: Any, model: Model) -> NDArray[np.float64]:
    """What each feature added to the score of a DECISION row: as stored, or computed now."""
    action = stored["action"]
    learnt = stored["observation"]["kind"] == RL  # its score is of a choice, not of features
    if learnt or math.isnan(action["score"]) or attributes_at_once(model):
        return np.array(action["contributions"])
    out = np.zeros(N_FEATURES)
    attribute(model, np.array(stored["observation"]["features"]), out)
    return out


def explain(
    record: bytes, strategy: str, curve: Any, model: Model, child_id: ChildId
) -> dict[str, Any]:
    """A DECISION record in words; ``same`` says whether it recomputes bit for bit."""
    stored: Any = np.frombuffer(record, dtype=DECISION)[0]
    action, seen = stored["action"], stored["observation"]
    again = recompute(record, curve, model)
    values = {
        row.name: float(stored["parameters"][row.index]) for row in STRATEGIES[strategy].parameters
    }
    added = contributions_of(stored, model)
    learnt = seen["kind"] == RL and bool(action["state"].any())
    names = STATE_NAMES if learnt else FEATURE_NAMES
    inputs = action["state"] if learnt else seen["features"]
    parts = [(name, float(inputs[i]), float(added[i])) for i, name in enumerate(names)]
    parts.sort(key=lambda part: -abs(part[2]))
    return {
        "child": child_text(child_id),
        "at": int(seen["now_ns"]),
        "why": words.WHY[int(action["why"])],
        "binding": words.BINDING[int(action["binding"])],
        "type": words.TYPE.get(int(action["type"]), ""),
        "price_ticks": int(action["price"]),
        "size": int(action["size"]),
        "target": float(action["target"]),
        "band": [float(action["band_low"]), float(action["band_high"])],
        "filled": int(seen["filled"]),
        "quantity": int(seen["quantity"]),
        "bid_ticks": int(seen["bid"]),
        "ask_ticks": int(seen["ask"]),
        "score": show.number(float(action["score"])),
        "tilt": float(action["tilt"]),
        "model": words.MODEL[int(action["model_state"])],
        "parameters": values,
        "contributions": [
            [name, show.number(value), show.number(part)] for name, value, part in parts
        ],
        "same": bool(again.tobytes() == action.tobytes()),
    }
