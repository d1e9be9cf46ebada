"""The frame and its parts: what each person sees, and nothing that is not escaped."""

import gzip
import importlib
import pkgutil
import re

import pytest
from dash import html

import pages
from components import callback as registry
from components import command, forms, live, shell
from components.callback import Page, find_page
from components.markup import native_input, to_html
from components.site import query_fields
from components.still import read, still
from components.theme import ASSETS, DARK, LIGHT, css
from engine.domain.errors import BrokenInvariant
from engine.domain.people import Role
from engine.domain.strategy import BAND
from engine.gateway.server import Look
from engine.gateway.viewer import Viewer, here, looking, viewer

PAGES = [
    Page(path="/", title="Live blotter", permission="view.desk", layout=str, nav="Live", key="l"),
    Page(path="/audit", title="Audit", permission="view.audit", layout=str, nav="Audit"),
    Page(path="/orders/<parent_id>", title="Order", permission="view.desk", layout=str),
]
PARTS = {"css": "<css>", "app_entry": "<entry>", "config": "", "scripts": "", "renderer": ""}


def someone(role: Role = Role.TRADER, name: str = "Amara") -> Viewer:
    return Viewer(person_id="u1", name=name, roles=(role,), desk="main", session="s", csrf="c")


def document(who: Viewer, mode: str = "SIM", path: str = "/") -> str:
    return shell.document(Look(mode=mode, demo=True), who, PAGES, path, {"u1": "amara"}, PARTS)


def test_the_committed_theme_file_is_the_one_the_tokens_make() -> None:
    assert (ASSETS / "theme.css").read_text(encoding="utf-8") == css()


def _contrast(one: str, two: str) -> float:
    def light(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    bright, dark = sorted((light(one), light(two)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=["dark", "light"])
def test_every_text_colour_reads_on_every_surface(theme: dict[str, str]) -> None:
    for ink in ("text", "dim", "buy", "sell", "good", "bad", "warn"):
        for surface in ("bg", "panel", "raised"):
            assert _contrast(theme[ink], theme[surface]) >= 4.5, (ink, surface)
    assert _contrast(theme["on-critical"], theme["critical"]) >= 4.5


@pytest.mark.parametrize(
    ("mode", "colour"), [("SIM", "sim"), ("REPLAY", "sim"), ("PAPER", "paper"), ("LIVE", "live")]
)
def test_the_frame_says_the_environment_in_colour_and_in_words(mode: str, colour: str) -> None:
    drawn = document(someone(), mode)
    assert f"env-{colour}" in drawn
    assert f">{mode}</strong>" in drawn
    assert ('data-text="REPLAY / VIRTUAL' in drawn) is (mode == "REPLAY")


def test_the_navigation_shows_what_the_permission_table_allows() -> None:
    assert "/audit" not in to_html(shell.navigation(PAGES, someone(), "/"))
    seen = to_html(shell.navigation(PAGES, someone(Role.COMPLIANCE), "/audit"))
    assert re.search(r'<a [^>]*href="/audit"[^>]*aria-current="page"', seen)


def test_a_page_below_another_marks_its_link_in_the_navigation() -> None:
    below = [Page(path="/audit/more", title="More", permission="view.audit", layout=str,
                  under="/audit")]  # fmt: skip
    seen = to_html(shell.navigation([*PAGES, *below], someone(Role.COMPLIANCE), "/audit/more"))
    assert re.search(r'<a [^>]*class="active"[^>]*href="/audit"[^>]*aria-current="true"', seen)
    assert seen.count('class="active"') == 1


def test_every_page_is_in_the_navigation_or_under_one_that_is_with_a_key_of_its_own() -> None:
    for module in pkgutil.iter_modules(pages.__path__):
        importlib.import_module(f"pages.{module.name}")
    ours = [page for page in registry.PAGES if page.layout.__module__.startswith("pages.")]
    linked = {page.path: page.key for page in ours if page.nav}
    assert {page.path for page in ours if not page.nav and page.under not in linked} == set()
    keys = [key for key in linked.values() if key]
    assert len(keys) == len(set(keys)), sorted(keys)


def test_a_name_with_markup_is_shown_as_text() -> None:
    drawn = document(someone(name="<script>alert(1)</script>"))
    assert "<script>alert" not in drawn
    assert "&lt;script&gt;alert" in drawn


def test_kill_is_a_link_and_a_form_before_any_script_runs() -> None:
    drawn = document(someone(Role.RISK))
    assert re.search(r'<a [^>]*href="/kill"[^>]*>KILL</a>', drawn)
    assert 'action="/api/v1/kill"' in drawn
    assert 'name="csrf"' in drawn


def test_the_tab_names_the_object_of_the_page() -> None:
    assert shell.title_of(PAGES, "/orders/P-42") == "P-42 Order - Quarterdeck"
    assert shell.title_of(PAGES, "/nowhere") == "Quarterdeck"


def test_a_page_is_found_with_its_variables_and_a_slash_is_no_part_of_one() -> None:
    found = find_page("/orders/P-42", PAGES)
    assert found is not None
    assert found[1] == {"parent_id": "P-42"}
    assert find_page("/orders/P-42/more", PAGES) is None


def test_only_query_fields_the_layout_knows_are_passed_on() -> None:
    def layout(tab: str = "") -> str:
        return tab

    assert query_fields("?tab=why&evil=1", layout) == {"tab": "why"}


def test_two_pages_cannot_share_a_path() -> None:
    path = "/shell-test-twice"
    registry.page(path, title="One", permission="view.desk")(str)
    with pytest.raises(BrokenInvariant, match="two pages"):
        registry.page(path, title="Two", permission="view.desk")(str)
    registry.PAGES[:] = [page for page in registry.PAGES if page.path != path]


def test_html_is_escaped_in_texts_and_attributes_and_styles_are_refused() -> None:
    assert to_html(html.Div("<b>&", title='"x"')) == (
        '<div title="&quot;x&quot;">&lt;b&gt;&amp;</div>'
    )
    assert to_html(native_input(name="a", required=True)) == '<input name="a" required>'
    with pytest.raises(BrokenInvariant, match="classes"):
        to_html(html.Div(style={"color": "red"}))


def test_a_command_button_is_drawn_for_all_and_enabled_for_those_who_may() -> None:
    with looking(someone(Role.TRADER)):
        mine = command.button("Hold P-1", "HoldParent", "P-1", key="h")
        closed = command.button("Approve", "ApproveParent", "P-1", args={"approve": True})
    drawn = to_html(mine)
    assert 'data-verb="HoldParent"' in drawn
    assert "[h]" in drawn
    assert "disabled" not in drawn
    assert "disabled" in to_html(closed)
    assert "needs the permission order.approve" in to_html(closed)
    with looking(someone()), pytest.raises(BrokenInvariant, match="no command"):
        command.button("Explode", "Explode")


def test_a_parameter_form_shows_value_band_and_hard_limits() -> None:
    drawn = to_html(forms.parameter_fields([BAND], {"band": 0.02}))
    assert "0.005 … 0.050" in drawn
    assert "0.001 … 0.200" in drawn
    assert "parameters.band" in drawn
    assert BAND.meaning in drawn


def test_what_a_form_holds_is_read_back_as_texts() -> None:
    assert forms.values(None) == {}
    assert forms.values('{"quantity": 5, "note": "x"}') == {"quantity": "5", "note": "x"}


def test_a_live_grid_has_string_row_ids_and_no_enterprise_features() -> None:
    host = live.grid("g", "parents", [live.Column(field="filled", title="Filled", form="int")])
    grid = host.children
    assert grid.getRowId == "params.data.id"
    assert not getattr(grid, "enableEnterpriseModules", None)
    assert "withPart" not in str(grid.dashGridOptions["theme"])
    assert grid.columnDefs[0]["type"] == "rightAligned"


def test_every_form_name_in_the_browser_exists_for_marks_and_columns() -> None:
    script = (ASSETS / "base_format.js").read_text(encoding="utf-8")
    for name in [*live.NUMERIC, *("text", "state", "side", "person", "clock", "hash", "bar")]:
        assert re.search(rf"^    {name}(:|,)", script, re.MULTILINE), name


def test_live_js_stays_small() -> None:
    size = {name: len(gzip.compress((ASSETS / name).read_bytes(), 9))
            for name in ("live.js", "base_stream.js")}  # fmt: skip
    assert size["live.js"] < 15_000
    assert size["base_stream.js"] < 3_000  # a worker's file: loaded once more by each browser


def test_live_js_writes_text_and_never_markup() -> None:
    for name in ("live.js", "login.js"):
        script = (ASSETS / name).read_text(encoding="utf-8")
        for closed in ("innerHTML", "outerHTML", "insertAdjacentHTML", "eval(", "document.write"):
            assert closed not in script


def test_the_viewer_is_asked_only_inside_a_request() -> None:
    with pytest.raises(BrokenInvariant, match="outside"):
        viewer()
    with looking(someone(), "/orders/P-1"):
        assert viewer().name == "Amara"
        assert here() == "/orders/P-1"
    with pytest.raises(BrokenInvariant):
        viewer()


def test_a_still_tree_is_one_component_and_keeps_every_element_and_zero() -> None:
    tree = html.Table([html.Tr([html.Td("a", **{"data-low": 0.0}), None]), "b"], className="table")
    drawn = still(tree, id="box")
    assert drawn.id == "box"
    assert getattr(drawn, "children", None) is None
    assert [to_html(part) for part in read(drawn)] == [to_html(tree)]
    assert 'data-low="0.0"' in to_html(tree)
