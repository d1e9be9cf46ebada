"""Pages of supervisors, reviewers and auditors: what each person sees of the same facts."""

import json
import math
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from dash.development.base_component import Component

from components.context import use_queries
from components.rows import read
from db.records import NoteRecord
from engine.domain.errors import Refused
from engine.domain.people import Role
from engine.domain.rollout import CanaryLimits
from engine.domain.strategy import STRATEGIES
from engine.gateway.tca import rest, waterfall
from engine.gateway.viewer import Viewer, looking
from engine.tca.results import Parts
from pages.approvals import approvals
from pages.audit import audit
from pages.strategies import catalogue, history, one
from pages.system import system
from pages.tca import tca
from pages.tca_order import tca_order
from tests.support.parts import every
from tests.support.reports import DAY, HASH, REPORT, ReportQueries

ROLES = {
    "amara": Role.TRADER, "marta": Role.SUPERVISOR, "per": Role.REVIEWER, "grace": Role.COMPLIANCE,
}  # fmt: skip


@pytest.fixture(autouse=True)
def tables() -> Iterator[ReportQueries]:
    queries = ReportQueries()
    use_queries(queries)
    yield queries
    use_queries(None)


def seen_by(name: str) -> Any:
    who = Viewer(person_id=name, name=name, roles=(ROLES[name],), desk="main", csrf="c")
    return looking(who)


def words(node: Any) -> str:
    """All text of a page, tables included."""
    found: list[str] = []

    def walk(part: Any) -> None:
        if isinstance(part, list | tuple):
            for child in part:
                walk(child)
        elif isinstance(part, Component):
            if hasattr(part, "data-rows"):
                found.append(str(getattr(part, "data-rows")))
            walk(getattr(part, "children", None))
        elif part is not None:
            found.append(str(part))

    walk(node)
    return " ".join(found)


def having(node: Any, attribute: str) -> list[Component]:
    return [part for part in every(node) if hasattr(part, attribute)]


def the_button(node: Any, verb: str) -> Component:
    (found,) = [part for part in having(node, "data-verb") if getattr(part, "data-verb") == verb]
    return found


def tables_of(node: Any) -> list[dict[str, Any]]:
    return [read(part) for part in having(node, "data-rows")]


# --- strategies --------------------------------------------------------------------------------
def test_the_catalogue_says_of_every_strategy_what_it_does_and_each_limit_of_each_parameter() -> (
    None
):
    with seen_by("amara"):
        page = catalogue()
    text = words(page)
    for known in STRATEGIES.values():
        assert known.words in text
        bars = [part for part in having(page, "data-bar-of")
                if str(getattr(part, "data-bar-of")).startswith(known.name + ".")]  # fmt: skip
        assert [getattr(bar, "data-bar-of") for bar in bars] == [
            f"{known.name}.{row.name}" for row in known.parameters
        ]
        for bar, row in zip(bars, known.parameters, strict=True):
            assert float(getattr(bar, "data-band-low")) == row.band_low
            assert float(getattr(bar, "data-high")) == row.high


def test_a_proposal_starts_with_empty_fields_so_that_only_what_was_typed_is_sent() -> None:
    with seen_by("amara"):
        page = one("ADAPTIVE")
    inputs = [json.loads(getattr(part, "data-input")) for part in having(page, "data-input")]
    by_name = {spec["name"]: spec for spec in inputs}
    for row in STRATEGIES["ADAPTIVE"].parameters:
        assert "value" not in by_name[f"values.{row.name}"]
    assert by_name["reason"]["required"]
    assert ["5f2e9c0d7a1b44e2", "5f2e9c0d7a1b in force before"] in by_name["model_id"]["options"]
    assert ["lr-0123456789ab", "lr-0123456789ab new: as a shadow"] in by_name["model_id"]["options"]
    assert not [x for x in by_name["model_id"]["options"] if x[0].startswith("rl-")]
    form = having(page, "data-command-form")[0]
    assert getattr(form, "data-command-form") == "ProposeChange"
    assert getattr(form, "data-target") == "ADAPTIVE"


def test_a_reviewer_may_look_at_a_strategy_but_not_propose() -> None:
    with seen_by("per"):
        page = one("TWAP")
    submits = [p for p in every(page) if str(getattr(p, "className", "")).startswith("submit")]
    assert len(submits) == 2
    for submit in submits:
        assert submit.disabled
        assert "change.propose" in submit.title


def test_a_canary_is_proposed_with_all_four_limits_and_a_reason() -> None:
    with seen_by("amara"):
        page = one("TWAP")
    (form,) = [x for x in having(page, "data-command-form") if x.id == "canary"]
    specs = [json.loads(getattr(part, "data-input")) for part in having(form, "data-input")]
    asked = {spec["name"] for spec in specs if spec.get("required")}
    limits = {f"canary.{name}" for name in CanaryLimits.__struct_fields__}
    assert asked == limits | {"reason"}
    assert {"name": "stage", "kind": "hidden", "label": "Stage", "value": "canary"} in specs
    assert the_button(page, "StopRollout").children == "Stop candidate"


def test_an_unknown_strategy_is_refused_with_the_names_that_exist() -> None:
    with seen_by("amara"), pytest.raises(Refused, match="TWAP"):
        one("SNIPER")


def test_the_history_says_what_changed_who_and_by_which_request() -> None:
    with seen_by("amara"):
        (found,) = tables_of(history("2.1", "TWAP"))
    newest = [cell.get("text", "") for cell in found["rows"][0]]
    assert newest[0] == "2"
    assert "R-4" in newest
    assert newest[-1] == "band 0.010 → 0.030"
    assert found["rows"][1][-1]["text"] == "defaults of the table"


def test_a_version_that_is_in_force_but_not_in_the_tables_yet_is_said_to_be_missing() -> None:
    with seen_by("amara"):
        assert "not in the read tables yet" in words(history("3.1", "TWAP"))
        assert "not in the read tables yet" not in words(history("2.1", "TWAP"))


# --- approvals and system ------------------------------------------------------------------------
@pytest.mark.parametrize(("name", "decides"), [("amara", False), ("marta", True), ("grace", False)])
def test_the_inbox_knows_who_looks_and_whether_that_person_decides(
    name: str, decides: bool
) -> None:
    with seen_by(name):
        page = approvals()
    metas = [json.loads(getattr(part, "data-meta")) for part in having(page, "data-meta")]
    assert {meta["me"] for meta in metas} == {name}
    assert {meta["decide"] for meta in metas} == {decides}
    assert metas[0]["strategies"]["TWAP"]["band"]["bandHigh"] == 0.05


def test_the_system_page_lets_only_those_release_who_may() -> None:
    for name, may in (("amara", False), ("marta", True)):
        with seen_by(name):
            page = system()
        metas = [json.loads(getattr(part, "data-meta")) for part in having(page, "data-meta")]
        assert {meta["release"] for meta in metas} == {may}


# --- costs ---------------------------------------------------------------------------------------
def test_the_parts_of_the_split_add_up_to_its_total() -> None:
    with seen_by("per"):
        page = tca(day=DAY)
    steps = {getattr(part, "data-step"): float(getattr(part, "data-cost"))
             for part in having(page, "data-step")}  # fmt: skip
    total = steps.pop("total")
    assert math.fsum(steps.values()) == pytest.approx(total, abs=1e-9)
    assert len(steps) >= 4
    (note,) = having(page, "data-rest")
    assert abs(float(getattr(note, "data-rest"))) < 1e-9


def test_a_split_that_leaves_something_out_shows_the_rest() -> None:
    wrong = Parts(delay=1.0, trading=2.0, opportunity=0.0, fees=0.5, total=4.0, spread=2.0)
    assert rest(wrong) == 0.5
    bars = waterfall(wrong, Parts())
    assert [bar.name for bar in bars] == ["delay", "spread", "opportunity", "fees", "total"]


def test_bars_of_a_split_stay_inside_their_width_and_gains_go_left() -> None:
    bars = waterfall(Parts(delay=-3.0, spread=2.0, opportunity=0.0, fees=0.5, total=-0.5), Parts())
    for bar in bars:
        assert bar.left >= -1e-9
        assert bar.left + bar.width <= 1 + 1e-9
    assert bars[0].left == 0.0
    assert bars[0].width == pytest.approx(bars[0].zero)


def test_the_sign_off_names_exactly_the_hash_that_is_shown() -> None:
    with seen_by("per"):
        page = tca(day=DAY)
    sign = the_button(page, "SignDay")
    assert json.loads(getattr(sign, "data-args")) == {"report_hash": HASH}
    assert getattr(sign, "data-target") == DAY
    assert HASH in getattr(sign, "data-confirm")
    assert HASH in words(page)
    assert not sign.disabled


def test_only_a_reviewer_may_sign() -> None:
    with seen_by("marta"):
        assert the_button(tca(day=DAY), "SignDay").disabled


def test_a_signed_day_says_who_and_offers_no_second_signature(tables: ReportQueries) -> None:
    tables.sign("u8")
    with seen_by("per"):
        page = tca(day=DAY)
    assert "Signed off by u8" in words(page)
    assert [p for p in having(page, "data-verb") if getattr(p, "data-verb") == "SignDay"] == []


def test_a_signature_under_another_version_is_called_out(tables: ReportQueries) -> None:
    tables.sign("u8", "0" * 64)
    with seen_by("per"):
        assert "another version" in words(tca(day=DAY))


def test_a_demo_day_bears_its_watermark_and_is_not_signed() -> None:
    with seen_by("per"):
        page = tca(day="2027-01-14")
    assert "DEMO: a day simulated by the worker" in words(page)
    assert "not signed off" in words(page)
    assert [p for p in having(page, "data-verb") if getattr(p, "data-verb") == "SignDay"] == []


def test_without_a_day_the_newest_reported_one_is_shown_and_an_open_one_says_when() -> None:
    with seen_by("per"):
        assert HASH in words(tca())
        assert "built after the close" in words(tca(day="2027-01-18"))


@pytest.mark.parametrize("day", ["yesterday", "2031-01-01", "2027-13-40"])
def test_a_day_that_is_none_is_refused_with_a_sentence(day: str) -> None:
    with seen_by("per"), pytest.raises(Refused, match="day"):
        tca(day=day)


def test_too_few_orders_are_not_given_an_interval() -> None:
    with seen_by("per"):
        page = tca(day=DAY)
    by_strategy = next(t for t in tables_of(page) if t["titles"][0][0] == "strategy")
    for row in by_strategy["rows"]:
        assert row[1]["text"] == "6"
        assert row[3]["small"] == "not enough data, n = 6"


def test_every_order_of_the_report_is_on_the_page_and_leads_to_its_own() -> None:
    with seen_by("per"):
        page = tca(day=DAY)
    orders = next(
        t for t in tables_of(page) if t["titles"][0][0] == "Order" and len(t["titles"]) > 9
    )
    links = [row[0]["href"] for row in orders["rows"]]
    assert links == [f"/tca/{DAY}/P-{order.parent_id}" for order in REPORT.orders]


def test_the_page_of_an_order_shows_its_split_fills_and_notes(tables: ReportQueries) -> None:
    note = NoteRecord(seq=10, parent="P-3", text="crossed too early", by="u8", at=1)
    tables.said.append(note)
    with seen_by("per"):
        page = tca_order(DAY, "P-3")
    steps = {getattr(part, "data-step"): float(getattr(part, "data-cost"))
             for part in having(page, "data-step")}  # fmt: skip
    total = steps.pop("total")
    assert math.fsum(steps.values()) == pytest.approx(total, abs=1e-9)
    assert "crossed too early" in words(page)
    add = the_button(page, "AnnotateTca")
    assert json.loads(getattr(add, "data-args")) == {"parent_id": 3}
    assert getattr(add, "data-target") == DAY
    fills = next(t for t in tables_of(page) if t["titles"][0][0] == "Venue time")
    assert len(fills["rows"]) == 2


def test_an_order_of_another_day_or_none_is_not_shown_as_if_it_were_there() -> None:
    with seen_by("per"):
        assert "no cost report of P-3" in words(tca_order("2027-01-14", "P-3"))
        assert "no cost report of P-999" in words(tca_order(DAY, "P-999"))
        with pytest.raises(Refused, match="P-42"):
            tca_order(DAY, "drop table")


# --- audit ---------------------------------------------------------------------------------------
def test_the_audit_shows_the_newest_first_and_the_next_page_goes_on_where_it_ended() -> None:
    with seen_by("grace"):
        first = audit()
        (rows,) = tables_of(first)
        (older,) = [p for p in every(first) if getattr(p, "id", "") == "older"]
        cursor = older.href.partition("cursor=")[2]
        (more,) = tables_of(audit(cursor=cursor))
    numbers = [int(row[0]["text"]) for table in (rows, more) for row in table["rows"]]
    assert numbers == list(range(250, 0, -1))


def test_a_search_narrows_and_stays_in_every_link() -> None:
    with seen_by("grace"):
        page = audit(text="entry 24", person="u1")
    (rows,) = tables_of(page)
    assert [row[0]["text"] for row in rows["rows"]] == [
        "249", "248", "247", "246", "245", "244", "243", "242", "241", "240", "24",
    ]  # fmt: skip
    assert all("text=entry+24" in row[0]["href"] for row in rows["rows"])
    (export,) = [p for p in every(page) if getattr(p, "id", "") == "audit-csv"]
    assert export.href == "/api/v1/audit.csv?text=entry+24&person=u1"


def test_an_entry_is_shown_with_its_bytes_and_its_place_in_the_chain() -> None:
    with seen_by("grace"):
        page = audit(entry="live:240")
    text = words(page)
    for part in ("ab" * 32, "00" * 32, "cd" * 32, "CommandTaken", "000001"):
        assert part in text
    assert "the stored hash is that of the hash before" in text


def test_an_entry_whose_hash_does_not_fit_is_called_out(tables: ReportQueries) -> None:
    honest = tables.entry

    def tampered(seq: int, source: str = "live") -> Any:
        found = honest(seq, source)
        return None if found is None else msgspec.structs.replace(found, fits=False)

    tables.entry = tampered  # type: ignore[method-assign]
    with seen_by("grace"):
        assert "DOES NOT FIT" in words(audit(entry="live:240"))


@pytest.mark.parametrize("field", ["since", "until"])
def test_a_time_that_is_none_is_refused_and_names_its_field(field: str) -> None:
    with seen_by("grace"), pytest.raises(Refused, match=field) as refused:
        audit(**{field: "last tuesday"})
    assert refused.value.field == field
