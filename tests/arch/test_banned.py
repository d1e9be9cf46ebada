"""Words that must not appear in the product: each with its reason and a subject it catches."""

import io
import re
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PYTHON = [
    path
    for name in ("engine", "db", "pages", "components", "app.py", "run.py")
    for path in ([ROOT / name] if name.endswith(".py") else sorted((ROOT / name).rglob("*.py")))
]
SCRIPTS = sorted((ROOT / "assets").rglob("*.js"))

# pattern, reason, a line that must be caught
IN_PYTHON = (
    (r"\b(import|from)\s+(c?[Pp]ickle|cloudpickle|dill|joblib|shelve|marshal)\b",
     "whoever can write the file can run code", "import pickle"),
    (r"\b(recv|send)_pyobj\b", "pickle on a socket", "message = socket.recv_pyobj()"),
    (r"allow_pickle\s*=\s*True", "pickle in an array file", "np.load(f, allow_pickle=True)"),
    (r"\bread_parquet\b", "it needs pyarrow; DuckDB reads Parquet", "pd.read_parquet(path)"),
    (r"\bdcc\.(Interval|Store)\b", "live data comes from /live; state is in the engine and the URL",
     "dcc.Interval(id='tick')"),
    (r"\bwebsocket\s*=\s*True", "Dash's websocket callbacks queue commands and drop deltas",
     "callback(websocket=True)"),
    (r"\bdash_auth\b", "it runs any callback without login", "import dash_auth"),
    (r"enableEnterpriseModules\W+True", "not our licence", "enableEnterpriseModules=True"),
    (r"\bdebug\s*=\s*True", "Dash's debug mode runs code from the browser", "app.run(debug=True)"),
    (r"\benable_mcp\s*=\s*True", "a door nobody guards", "Dash(enable_mcp=True)"),
    (r"\bshell\s*=\s*True", "a shell reads more than we wrote", "run(text, shell=True)"),
    (r"dangerously_allow_html|\bsrcDoc\b|\bdcc\.Markdown\b|\bIframe\b",
     "text of people is never markup", "dcc.Markdown(note)"),
    (r"(?<![\w.])(eval|exec)\(", "text is not code", "eval(text)"),
    (r"fastmath\s*=|parallel\s*=\s*True", "same bits everywhere", "njit(fastmath=True)"),
    (r"except\s*:", "an error is a sentence or a stop", "except:"),
    (r"logging\.(basicConfig|getLogger\(\))|print_exc", "never log and go on",
     "traceback.print_exc()"),
)  # fmt: skip
IN_SCRIPTS = (
    (r"innerHTML|outerHTML|insertAdjacentHTML|document\.write", "text only: textContent",
     "cell.innerHTML = value"),
    (r"(?<![\w.])eval\(|new Function\(", "text is not code", "eval(text)"),
    (r"https?://(?!www\.w3\.org/)", "no other host", "fetch('https://example.org')"),
    (r"sessionStorage|localStorage(?!\.(?:getItem|setItem)\(.qd-)",
     "no state a snapshot cannot restore, but a viewer's taste (qd-...)",
     "localStorage.setItem('order', id)"),
)  # fmt: skip


def hits(pattern: str, files: list[Path]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in files
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if re.search(pattern, line)
    ]


@pytest.mark.parametrize(("pattern", "reason", "example"), IN_PYTHON)
def test_no_python_file_says(pattern, reason, example):
    assert re.search(pattern, example), "the rule does not catch its own subject"
    assert len(PYTHON) > 20
    assert hits(pattern, PYTHON) == [], reason


@pytest.mark.parametrize(("pattern", "reason", "example"), IN_SCRIPTS)
def test_no_script_says(pattern, reason, example):
    assert re.search(pattern, example), "the rule does not catch its own subject"
    assert hits(pattern, SCRIPTS) == [], reason


def test_every_init_of_the_engine_is_empty():
    inits = sorted((ROOT / "engine").rglob("__init__.py"))
    assert len(inits) > 5
    assert [str(p.relative_to(ROOT)) for p in inits if p.read_text(encoding="utf-8").strip()] == []


def code_lines(source: str) -> int:
    """Lines that hold code: no blank lines, comments or docstrings."""
    lines: set[int] = set()
    plain = {tokenize.NEWLINE, tokenize.NL, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        is_docstring = token.type == tokenize.STRING and token.line.strip().startswith(
            ('"""', 'r"""')
        )
        if token.type not in plain | {tokenize.ENDMARKER} and not is_docstring:
            lines.update(range(token.start[0], token.end[0] + 1))
    return len(lines)


def test_modules_stay_short_enough_to_read():
    lengths = {
        str(path.relative_to(ROOT)): code_lines(path.read_text(encoding="utf-8")) for path in PYTHON
    }
    assert {name: lines for name, lines in lengths.items() if lines > 400} == {}


def test_a_long_module_is_seen_and_its_prose_is_not_counted():
    assert code_lines('"""Words\nand words."""\n\n# why\na = 1\nb = [\n    2,\n]\n') == 4
