"""Who can send: a pinned list, one way there, and nothing retired on it.

Knight (2012) died of code that nobody used any more and a flag that woke it. So the functions that
can hand a message to a venue are counted here, everything on the way is used, and the settings that
reach it are known by name. A change of one of these lists is a change of the order path: review it.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# what runs in the engine process between a decision and the venue
PATH = (
    *sorted((ROOT / "engine/core").rglob("*.py")),
    *sorted((ROOT / "engine/runtime").glob("*.py")),
    *sorted((ROOT / "engine/runtime/venues").glob("*.py")),
    ROOT / "engine/compose.py",
)
ELSEWHERE = ("bench", "drill", "lab", "realism", "learn", "exchange", "worker", "kernels")
SETTINGS = {  # of compose.py, the one place where the engine process reads them
    "alarm_s", "attendance_s", "crash_at", "least_free_mb", "lease_ms", "log_format", "log_level",
    "mode", "replay_messages", "replay_orderbook", "seed", "speed", "state", "unattended_s",
}  # fmt: skip
LOOP = "engine/runtime/loop.py"
CALLED_BY_OTHERS = {"__init__", "__post_init__", "__enter__", "__exit__", "__getattr__", "main"}


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            yield node


def calls(node: ast.AST, name: str) -> list[ast.Call]:
    """Calls of a function or method of this name."""
    return [
        call
        for call in ast.walk(node)
        if isinstance(call, ast.Call)
        and name in (getattr(call.func, "attr", ""), getattr(call.func, "id", ""))
    ]


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def senders(path: Path) -> set[str]:
    """Functions that hand something to a venue: ``Venue.advance`` takes messages and their tags."""
    return {
        function.name
        for function in functions(tree_of(path))
        for call in calls(function, "advance")
        if len(call.args) + len(call.keywords) > 1
    }


def engine_files() -> list[Path]:
    return [
        path
        for path in sorted((ROOT / "engine").rglob("*.py"))
        if path.relative_to(ROOT / "engine").parts[0] not in ELSEWHERE
    ]


def test_two_functions_of_one_module_can_hand_anything_to_a_venue():
    found = {name_of(path): senders(path) for path in engine_files()}
    assert {name: who for name, who in found.items() if who} == {LOOP: {"_ask_venue", "_deliver"}}


def test_the_one_that_moves_the_market_sends_nothing():
    loop = {function.name: function for function in functions(tree_of(ROOT / LOOP))}
    (call,) = calls(loop["_ask_venue"], "advance")
    assert ast.unparse(call.args[1]) == "NOTHING"


def test_new_orders_are_handed_over_in_one_place_and_everywhere_else_the_list_is_empty():
    with_news = set()
    for function in functions(tree_of(ROOT / LOOP)):
        for call in calls(function, "messages_for"):
            if ast.unparse(call.args[2]) != "[]":
                with_news.add(function.name)
    assert with_news == {"_send"}
    others = [p for p in engine_files() if calls(tree_of(p), "messages_for") and name_of(p) != LOOP]
    assert others == []


def test_what_is_sent_was_written_before_and_has_passed_the_gate():
    loop = {function.name: function for function in functions(tree_of(ROOT / LOOP))}
    (written,) = calls(loop["_commit"], "append")
    (sent,) = calls(loop["_commit"], "_send")
    assert written.lineno < sent.lineno
    assert [name for name, node in loop.items() if calls(node, "_send")] == ["_commit"]
    (gate,) = calls(loop["_send"], "closed_because")
    (made,) = calls(loop["_send"], "messages_for")
    assert gate.lineno < made.lineno
    assert ast.unparse(made.args[2]) == "[] if closed else news"


# --- nothing retired ----------------------------------------------------------------------------
def defined(tree: ast.AST) -> set[str]:
    return {function.name for function in functions(tree)} - CALLED_BY_OTHERS


def words(tree: ast.AST) -> set[str]:
    """Every name that is used, texts too: some are looked up by name."""
    found = set()
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=word) | ast.Attribute(attr=word) | ast.Constant(value=str(word)):
                found.add(word)
            case ast.ImportFrom(names=names):
                found.update(alias.name for alias in names)
            case _:
                pass
    return found


def unused(trees: dict[str, ast.Module], product: list[ast.Module]) -> set[str]:
    """Functions of these modules that no line of the product names."""
    used = set().union(*(words(tree) for tree in product))
    return {f"{name}:{f}" for name, tree in trees.items() for f in defined(tree) if f not in used}


def test_every_function_on_the_way_of_an_order_is_used_by_the_product():
    folders = ("engine", "db", "pages", "components")
    product = [tree_of(p) for folder in folders for p in (ROOT / folder).rglob("*.py")]
    product += [tree_of(ROOT / name) for name in ("app.py", "run.py")]
    assert unused({name_of(path): tree_of(path) for path in PATH}, product) == set()


def test_a_function_that_nobody_uses_any_more_would_be_seen():
    tree = ast.parse("def power_peg(order):\n    return order\n\ndef used():\n    return used()\n")
    assert unused({"old.py": tree}, [tree]) == {"old.py:power_peg"}


# --- no flag wakes an old way ---------------------------------------------------------------------
def settings_read(tree: ast.AST) -> set[str]:
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "settings"
    }


def test_the_settings_that_reach_the_order_path_are_known_by_name():
    assert settings_read(tree_of(ROOT / "engine/compose.py")) == SETTINGS


@pytest.mark.parametrize("path", [p for p in PATH if p.name != "compose.py"], ids=name_of)
def test_nothing_on_the_way_of_an_order_reads_a_setting_or_the_environment(path):
    source = path.read_text(encoding="utf-8")
    assert "engine.settings" not in source
    reads = calls(tree_of(path), "getenv") or "os.environ" in source
    assert not reads or path.name == "clock.py"  # the offset of the desk's one time


def test_a_second_way_to_the_venue_would_be_seen(tmp_path):
    other = tmp_path / "old_way.py"
    other.write_text("def resend(venue, rows):\n    venue.advance(0, rows, {})\n")
    assert senders(other) == {"resend"}
    flag = ast.parse("if settings.use_old_router:\n    route()\n")
    assert settings_read(flag) - SETTINGS == {"use_old_router"}
