"""The logs for machines: one JSON object a line, nothing forged in it, and bounded."""

import io
import json
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import supervise
from engine.logs import FOR_PEOPLE, MOST, JsonLines, as_wanted, line_of, plain, stamp, text_of
from engine.supervise import Child, Spec, Status
from engine.watchdog import lines

NOON = 1_796_040_000_000_001_999


class Kept(io.StringIO):
    """A stream whose text outlives its close."""

    def close(self) -> None:
        self.flush()


def a_stream(**changed) -> tuple[Kept, JsonLines]:
    to = Kept()
    given = {
        "process": "engine",
        "level": "info",
        "now": lambda: NOON,
        "seq": lambda: 47,
        **changed,
    }
    return to, JsonLines(to, **given)


def rows(to: Kept) -> list[dict]:
    return [json.loads(line) for line in to.getvalue().splitlines()]


def test_a_line_has_its_instant_process_level_entry_and_text():
    to, out = a_stream()
    print("engine ready: epoch 3", file=out)
    assert rows(to) == [{
        "at": "2026-11-30T12:00:00.000001Z", "process": "engine", "level": "info", "seq": 47,
        "text": "engine ready: epoch 3",
    }]  # fmt: skip
    assert stamp(NOON) < stamp(NOON + 1_000)


def test_a_process_without_a_journal_has_no_number_of_an_entry():
    to, out = a_stream(process="web", seq=None)
    print("x", file=out)
    assert "seq" not in rows(to)[0]


def test_a_line_is_written_when_it_is_complete_or_the_stream_ends():
    to, out = a_stream()
    out.write("half")
    assert to.getvalue() == ""
    out.write(" and half\nrest")
    assert [row["text"] for row in rows(to)] == ["half and half"]
    out.close()
    assert [row["text"] for row in rows(to)] == ["half and half", "rest"]


@pytest.mark.parametrize(
    ("level", "least", "text", "written"),
    [
        ("info", "INFO", "ready", True), ("info", "WARNING", "ready", False),
        ("error", "ERROR", "boom", True), ("info", "ERROR", FOR_PEOPLE + "HALTED", True),
        ("info", "DEBUG", "   ", False),
    ],
)  # fmt: skip
def test_the_least_level_is_what_the_setting_says_and_people_are_told_anyway(
    level, least, text, written
):
    to, out = a_stream(level=level, least=least)
    print(text, file=out)
    assert bool(to.getvalue()) == written


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60))
def test_no_text_makes_more_lines_or_hides_one(text):
    to, out = a_stream()
    out.write(text + "\n")
    said = [line for line in text.split("\n") if line.strip()]
    written = to.getvalue().split("\n")[:-1]
    assert [text_of(line) for line in written] == [plain(line) for line in said]
    assert all(json.loads(line)["process"] == "engine" for line in written)


def test_control_characters_and_passwords_of_fix_are_not_in_it():
    line = line_of("a\x1b[2Kb|554=secret|96=raw", at_ns=0, process="web", level="error", seq=None)
    assert json.loads(line)["text"] == "a\\x1b[2Kb|554=***|96=***"
    assert "\x1b" not in line


def test_a_line_that_is_too_long_is_cut_off_and_says_so():
    line = line_of("x" * (MOST + 5), at_ns=0, process="web", level="info", seq=None)
    assert json.loads(line)["text"].endswith("... 5 more characters")


def test_what_is_no_line_of_ours_is_read_as_it_is():
    for line in ("quarterdeck: plain", '{"at": cut off', '{"at": "now"}', ""):
        assert text_of(line) == line


def test_the_streams_are_changed_only_when_the_setting_asks_for_it(monkeypatch):
    out, err = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    as_wanted("web", "text", lambda: NOON)
    assert (sys.stdout, sys.stderr) == (out, err)
    as_wanted("web", "json", lambda: NOON)
    as_wanted("web", "json", lambda: NOON)  # twice is once
    print("fine")
    print("bad", file=sys.stderr)
    assert json.loads(out.getvalue())["level"] == "info"
    assert json.loads(err.getvalue())["level"] == "error"


# --- the supervisor -----------------------------------------------------------------------------
def a_child(folder) -> Child:
    return Child(
        spec=Spec(name="engine", command=()),
        log=folder / "engine.log",
        status=Status(name="engine"),
    )


def test_the_console_shows_lines_for_people_whatever_their_form(tmp_path):
    child = a_child(tmp_path)
    text = f"{FOR_PEOPLE}engine HALTED"
    child.log.write_text(
        line_of(text, at_ns=0, process="engine", level="info", seq=3) + text + "\n"
    )
    assert child.new_lines() == [text, text]
    assert child.last_line() == text


def test_a_log_never_grows_beyond_two_files_while_its_process_writes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(supervise, "LOG_LIMIT", 1_000)
    child = a_child(tmp_path)
    with child.log.open("a") as out:
        for number in range(200):
            out.write(f"line {number:04} {'x' * 30}\n")
            out.flush()
            before = child.new_lines()
            assert before == [f"line {number:04} {'x' * 30}"]  # each is shown once
            child.set_aside()
            assert child.log.stat().st_size <= 1_000 + 41
    aside = tmp_path / "engine.log.1"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["engine.log", "engine.log.1"]
    assert aside.stat().st_size <= 1_000 + 41
    assert (aside.read_text() + child.log.read_text()).count("line ") >= 25


def test_a_log_that_is_never_set_aside_is_seen(tmp_path, monkeypatch):
    """The cheat: the limit of a rule that is not looked at."""
    monkeypatch.setattr(supervise, "LOG_LIMIT", 10**12)
    child = a_child(tmp_path)
    child.log.write_text("x" * 5_000)
    child.set_aside()
    assert child.log.stat().st_size > 1_000


@given(text=st.text(max_size=60), at=st.integers(min_value=0, max_value=4_000_000_000 * 10**9))
@settings(max_examples=60, deadline=None)
def test_the_watchdog_writes_the_same_lines_by_code_of_its_own(text, at):
    theirs = line_of(text, at_ns=at, process="watchdog", level="info", seq=None)
    assert lines.line_of(text, at) + "\n" == theirs


@pytest.mark.parametrize("text", ["8=FIX\x01554=secret\x0196=raw|", "x" * (MOST + 7), "\x1b[2J"])
def test_the_watchdog_hides_and_cuts_what_the_others_do(text):
    theirs = line_of(text, at_ns=NOON, process="watchdog", level="info", seq=None)
    assert lines.line_of(text, NOON) + "\n" == theirs
    assert "secret" not in theirs


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_log_of_the_watchdog_has_the_form_that_was_asked_for(form, monkeypatch, capsys):
    monkeypatch.setenv("QD_LOG_FORMAT", form)
    lines.log("quarterdeck: watchdog: kill symbol MIDC")
    (said,) = capsys.readouterr().out.splitlines()
    assert text_of(said) == "quarterdeck: watchdog: kill symbol MIDC"
    assert (said != text_of(said)) == (form == "json")
