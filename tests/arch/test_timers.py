"""The tables of timers and numbers say what the code says: each value is compared with its name."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from engine.settings import SETTINGS

ROOT = Path(__file__).resolve().parents[2]
TABLES = ("docs/timers.md", "docs/numbers.md")
ROW = re.compile(
    r"^\| (?P<what>[^|]+) \| (?P<value>[^|]+) \| (?P<where>`\w+` in `[\w./]+`) \|", re.M
)
UNITS = {"ms": 1e6, "s": 1e9, "min": 60e9, "h": 3600e9, "d": 86_400e9}
KNOWN = {"SECOND": 10**9, "SECOND_NS": 10**9, "MILLI": 10**6, "MINUTE": 60 * 10**9}


def number(node: ast.expr | None) -> float | None:
    """A constant made of numbers, products, and the names of a second; None = something else."""
    match node:
        case ast.Constant(value=int() | float() as value):
            return float(value)
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            found = number(inner)
            return None if found is None else -found
        case ast.Name(id=name):
            return KNOWN.get(name)
        case ast.Call(func=ast.Name(), args=[inner]):
            return number(inner)
        case ast.BinOp(op=ast.Mult(), left=left, right=right):
            one, two = number(left), number(right)
            return None if one is None or two is None else one * two
        case _:
            return None


def named(tree: ast.AST) -> Iterator[tuple[str, ast.expr | None]]:
    """Every name that is assigned at the top or in a class."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    yield target.id, node.value
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id, node.value


@cache
def constants(place: str) -> dict[str, float | None]:
    """What a file gives names to."""
    path = ROOT / place
    if place == "engine/settings.py":
        return {
            row.name: float(row.default) if isinstance(row.default, int | float) else None
            for row in SETTINGS
        }
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".js":
        return {n: float(v) for n, v in re.findall(r"\b([A-Z_]{4,}) = ([\d.]+)", text)}
    return {name: number(value) for name, value in named(ast.parse(text))}


def written(text: str) -> tuple[float, float]:
    """The number of a cell and how many nanoseconds its unit has (1 when it is no time)."""
    found = re.match(r"([−-]?[\d.,]+)\s*(\w+)?", text.strip())
    assert found, f"a value begins with its number, was {text!r}"
    value = float(found[1].replace(",", "").replace("−", "-"))
    return value, UNITS.get(found[2] or "", 1.0)


def same(name: str, value: float, unit: float, constant: float) -> bool:
    """Whether the constant is the value, in the unit that its name ends in."""
    end = name.lower().rsplit("_", 1)[-1]
    factors = {"ns": 1.0, "ms": 1e6, "s": 1e9}
    if unit == 1.0:
        return constant == value
    if end in factors:
        return abs(constant * factors[end] - value * unit) < 1.0
    return any(abs(constant * factor - value * unit) < 1.0 for factor in (1.0, 1e9))


def wrong(text: str) -> list[str]:
    """Rows whose name is not in its file, or has another value there."""
    found = []
    for row in ROW.finditer(text):
        name, place = re.findall(r"`([\w./]+)`", row["where"])
        if not (ROOT / place).is_file() or name not in constants(place):
            found.append(f"{row['what']}: no {name} in {place}")
            continue
        constant = constants(place)[name]
        if constant is not None and not same(name, *written(row["value"]), constant):
            found.append(f"{row['what']}: {row['value']} is {constant:g} in {place}")
    return found


@pytest.mark.parametrize("table", TABLES)
def test_every_value_of_a_table_is_that_of_the_code(table):
    text = (ROOT / table).read_text(encoding="utf-8")
    assert len(ROW.findall(text)) > 10
    assert wrong(text) == []


@pytest.mark.parametrize(
    "line",
    [
        "| reprice | 4 s | `REPRICE_AGE_NS` in `engine/kernels/place.py` | x |",
        "| reprice | 3 ms | `REPRICE_AGE_NS` in `engine/kernels/place.py` | x |",
        "| reprice | 3 s | `NO_SUCH_NAME` in `engine/kernels/act.py` | x |",
        "| reprice | 3 s | `REPRICE_AGE_NS` in `engine/nowhere.py` | x |",
        "| lease | 2000 ms | `lease_ms` in `engine/settings.py` | x |",
        "| veil | 3000 ms | `VEIL_MS` in `assets/live.js` | x |",
        "| tilt | 0.3 | `FULL_TILT_AT` in `engine/kernels/act.py` | x |",
    ],
)
def test_a_wrong_row_is_seen(line):
    assert len(wrong(line)) == 1


def test_a_right_row_is_let_be():
    assert wrong("| reprice | 3 s | `REPRICE_AGE_NS` in `engine/kernels/place.py` | x |") == []
