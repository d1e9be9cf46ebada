"""Blotter, ticket and order page as functions: what each role is offered, drawn from the tables."""

import json
from pathlib import Path
from typing import Any

import pytest
from dash.development.base_component import Component

import pages.blotter
import pages.order
import pages.ticket
from components.markup import to_html
from engine.domain.errors import Refused
from engine.domain.orders import AtEnd, CatchUp, OnRestart
from engine.domain.people import Role
from engine.domain.strategy import STRATEGIES
from engine.gateway.viewer import Viewer, looking
from tests.support.parts import every


def as_role(role: Role, layout: Any, **arguments: str) -> Component:
    who = Viewer(person_id="u1", name="A", roles=(role,), desk="main", session="s", csrf="c")
    with looking(who):
        drawn: Component = layout(**arguments)
        return drawn


def prop(node: Component, name: str) -> Any:
    return node.to_plotly_json()["props"].get(name)


def buttons(drawn: Component, verb: str) -> list[Component]:
    return [node for node in every(drawn) if prop(node, "data-verb") == verb]


def inputs(drawn: Component) -> dict[str, dict[str, Any]]:
    """Inputs by name; those of hidden strategies too."""
    specs = [json.loads(prop(n, "data-input")) for n in every(drawn) if prop(n, "data-input")]
    return {spec["name"]: spec for spec in specs}


def test_the_blotter_shows_at_most_sixteen_columns_and_names_the_unit_of_each_number() -> None:
    drawn = as_role(Role.TRADER, pages.blotter.layout)
    grid = next(n for n in every(drawn) if prop(n, "columnDefs"))
    columns = grid.columnDefs
    assert 12 <= len([column for column in columns if not column.get("hide")]) <= 16
    assert columns[0]["field"] == "id"
    assert columns[0]["sort"] == "desc"
    assert not getattr(grid, "enableEnterpriseModules", False)
    assert all(column["headerTooltip"] != column["headerName"] for column in columns)


def test_a_click_on_a_row_can_send_nothing() -> None:
    drawn = as_role(Role.TRADER, pages.blotter.layout)
    grid = next(n for n in every(drawn) if prop(n, "columnDefs"))
    assert "onRowClicked" not in grid.dashGridOptions
    assert grid.dashGridOptions["rowSelection"].get("enableClickSelection") is not True


def test_the_address_chooses_tab_words_and_order() -> None:
    drawn = as_role(Role.TRADER, pages.blotter.layout, tab="done", q="midc", mine="1", sel="P-3")
    room = next(n for n in every(drawn) if prop(n, "data-live-render") == "blotter")
    meta = json.loads(prop(room, "data-meta"))
    assert set(meta["presets"][""]) <= set(meta["forms"])
    assert {name: meta[name] for name in ("q", "mine", "sel", "me", "tab", "bare")} == {
        "q": "midc", "mine": True, "sel": "P-3", "me": "u1", "tab": "done",
        "bare": False,
    }  # fmt: skip
    chosen = [prop(n, "data-tab") for n in every(drawn) if prop(n, "aria-selected") == "true"]
    assert chosen == ["done"]


def test_an_unknown_tab_is_the_active_one() -> None:
    drawn = as_role(Role.TRADER, pages.blotter.layout, tab="<script>")
    room = next(n for n in every(drawn) if prop(n, "data-live-render") == "blotter")
    assert json.loads(prop(room, "data-meta"))["tab"] == "active"


@pytest.mark.parametrize(
    ("role", "verb", "offered"),
    [
        (Role.TRADER, "HoldParent", True),
        (Role.TRADER, "ApproveParent", False),
        (Role.SUPERVISOR, "ApproveParent", True),
        (Role.RISK, "RequestKill", True),
        (Role.RISK, "ResumeParent", False),
        (Role.QUANT, "HoldParent", False),
        (Role.QUANT, "RequestKill", False),
        (Role.TRADER, "SetSpeed", True),
        (Role.REVIEWER, "SetSpeed", False),
    ],
)
@pytest.mark.parametrize("page", ["blotter", "order"])
def test_a_button_is_live_exactly_for_who_may(
    role: Role, verb: str, offered: bool, page: str
) -> None:
    layout = pages.blotter.layout if page == "blotter" else pages.order.layout
    drawn = as_role(role, layout, **({"parent_id": "P-1"} if page == "order" else {}))
    found = buttons(drawn, verb)
    assert found or (page == "order" and verb == "SetSpeed")
    assert all(bool(node.disabled) is not offered for node in found)


def test_a_kill_needs_a_press_and_goes_to_one_parent() -> None:
    for layout, arguments in (
        (pages.blotter.layout, {}),
        (pages.order.layout, {"parent_id": "P-1"}),
    ):
        (kill,) = buttons(as_role(Role.TRADER, layout, **arguments), "RequestKill")
        assert int(prop(kill, "data-hold")) == 800
        assert json.loads(prop(kill, "data-args")) == {"scope": "parent"}
        assert prop(kill, "data-confirm")


def test_the_ticket_draws_every_parameter_of_every_strategy_with_its_limits() -> None:
    drawn = as_role(Role.TRADER, pages.ticket.layout)
    tables = {prop(n, "data-strategy"): n for n in every(drawn) if prop(n, "data-strategy")}
    assert set(tables) == set(STRATEGIES)
    for name, algo in STRATEGIES.items():
        text = to_html(tables[name])
        assert algo.words in to_html(tables[name]).replace("&#x27;", "'")
        rows = [n for n in every(tables[name]) if prop(n, "data-parameter")]
        assert [prop(n, "data-parameter") for n in rows] == [p.name for p in algo.parameters]
        for row, knob in zip(rows, algo.parameters, strict=True):
            assert (prop(row, "data-low"), prop(row, "data-high")) == (
                knob.band_low,
                knob.band_high,
            )
            assert knob.unit in text
            assert row.children[0].title == knob.meaning


def test_one_strategy_is_shown_and_the_hidden_ones_are_marked_hidden() -> None:
    drawn = as_role(Role.TRADER, pages.ticket.layout, strategy="POV")
    shown = [prop(n, "data-strategy") for n in every(drawn)
             if prop(n, "data-strategy") and not prop(n, "hidden")]  # fmt: skip
    assert shown == ["POV"]
    assert inputs(drawn)["strategy"]["value"] == "POV"


def test_parameters_start_empty_so_that_the_value_in_force_counts() -> None:
    for name, spec in inputs(as_role(Role.TRADER, pages.ticket.layout)).items():
        if name.startswith("parameters."):
            assert "value" not in spec


def test_the_first_policy_of_each_choice_is_the_engines_default() -> None:
    fields = inputs(as_role(Role.TRADER, pages.ticket.layout))
    assert fields["on_restart"]["value"] == OnRestart.HOLD
    assert fields["on_disconnect"]["value"] == OnRestart.HOLD
    assert fields["catch_up"]["value"] == CatchUp.SPREAD
    assert fields["at_end"]["value"] == AtEnd.CLEANUP
    for name in ("on_restart", "on_disconnect"):
        assert {value for value, _words in fields[name]["options"]} == set(OnRestart)
    assert {value for value, _words in fields["catch_up"]["options"]} == set(CatchUp)
    assert {value for value, _words in fields["at_end"]["options"]} == set(AtEnd)


def test_a_ticket_for_a_remainder_names_the_order_and_any_other_word_is_no_order() -> None:
    drawn = as_role(
        Role.TRADER, pages.ticket.layout, quantity="4200", client="Acme", reenters="P-3"
    )
    (room,) = [n for n in every(drawn) if prop(n, "id") == "ticket-remainder"]
    assert "P-3" in str(room)
    meta = next(prop(n, "data-meta") for n in every(drawn)
                if prop(n, "data-live-render") == "ticket")  # fmt: skip
    assert json.loads(meta)["reenters"] == "3"
    assert (inputs(drawn)["quantity"]["value"], inputs(drawn)["client"]["value"]) == (
        "4200",
        "Acme",
    )
    other = as_role(Role.TRADER, pages.ticket.layout, reenters="P-3&x")
    assert not [n for n in every(other) if prop(n, "id") == "ticket-remainder"]


def test_the_ticket_reads_the_limits_live_and_takes_only_numbers_from_the_address() -> None:
    drawn = as_role(Role.TRADER, pages.ticket.layout, quantity="1e9; x", side="7", symbol="MIDC")
    room = next(n for n in every(drawn) if prop(n, "data-live-render") == "ticket")
    meta = json.loads(prop(room, "data-meta"))
    assert "max_value" not in meta  # limits change while the page is open: they come live
    assert any(prop(n, "data-render-topic") == "limits" for n in every(drawn))
    assert meta["symbol"] == "MIDC"
    assert "value" not in inputs(drawn)["quantity"]
    assert inputs(drawn)["side"]["value"] == "1"


def test_an_order_page_has_eight_tiles_and_says_the_formula_of_each() -> None:
    drawn = as_role(Role.TRADER, pages.order.layout, parent_id="P-42")
    tiles = [n for n in every(drawn) if prop(n, "className") == "tile"]
    assert len(tiles) == 8
    assert all(tile.title for tile in tiles)


def test_an_order_page_aims_the_kill_dialog_at_its_parent() -> None:
    drawn = as_role(Role.RISK, pages.order.layout, parent_id="P-42")
    aimed = [n for n in every(drawn) if prop(n, "data-kill-scope")]
    assert [(prop(n, "data-kill-scope"), prop(n, "data-kill-target")) for n in aimed] == [
        ("parent", "P-42")
    ]


@pytest.mark.parametrize("name", ["42", "P-", "P-1 or 1=1", "C-1-2", "P-" + "9" * 30])
def test_an_order_page_refuses_a_name_that_is_none(name: str) -> None:
    with pytest.raises(Refused, match="named like P-42"):
        as_role(Role.TRADER, pages.order.layout, parent_id=name)


def test_the_scripts_of_the_pages_write_text_only() -> None:
    for path in Path("assets").glob("*.js"):
        source = path.read_text(encoding="utf-8")
        assert not any(word in source for word in ("innerHTML", "outerHTML", "insertAdjacentHTML",
                                                   "document.write", "eval("))  # fmt: skip


def test_the_next_day_is_opened_after_a_question_and_only_by_those_who_drive_the_market() -> None:
    (opener,) = buttons(as_role(Role.SUPERVISOR, pages.blotter.layout), "OpenNextDay")
    assert prop(opener, "data-confirm")
    assert prop(opener, "disabled") is False
    assert buttons(as_role(Role.RISK, pages.blotter.layout), "OpenNextDay") == []
    band = next(
        n for n in every(as_role(Role.RISK, pages.blotter.layout)) if prop(n, "id") == "day-closed"
    )
    assert prop(band, "hidden") is True  # until the engine says that the day is closed
