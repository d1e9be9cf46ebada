"""Signals from a file and from REST: named, owned, aged, and never believed blindly."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.domain.errors import Refused
from engine.domain.units import Nanos
from engine.runtime.feeds.lines import Line
from engine.runtime.feeds.signals import NoAnswer, Poller, Signals, fetch, read_csv
from tests.support.feeds import SIGNAL

AT = 1_767_364_200 * 10**9  # 2026-01-02T14:30:00Z
NOW = Nanos(AT + 120 * 10**9)
URL = "http://signals.example/latest"


def a_value(value=0.25, at="2026-01-02T14:30:00", **other):
    return {"name": "news", "owner": "research", "symbol": "MIDC", "at": at, "value": value} | other


class Source:
    """Answers what the test lays out; None = nothing."""

    def __init__(self, *answers):
        self.answers, self.asked = list(answers), []

    def __call__(self, url):
        self.asked.append(url)
        answer = self.answers.pop(0)
        if answer is None:
            raise NoAnswer("no answer: it is down")
        return answer if isinstance(answer, bytes) else json.dumps(answer).encode()


def polled(*answers, every_s=10):
    source = Source(*answers)
    return Poller(URL, Signals(), Nanos(every_s * 10**9), source), source


def later(seconds):
    return Nanos(NOW + seconds * 10**9)


def test_a_file_gives_the_last_value_of_every_name_and_symbol(tmp_path):
    path = tmp_path / "signal.csv"
    path.write_text("\n".join(SIGNAL) + "\n")
    signals = read_csv(path, NOW)
    last = signals.latest("news", "MIDC")
    assert (last.value, last.owner, last.received_ns) == (0.001, "research", NOW)
    assert last.age_ns(NOW) == 60 * 10**9
    assert not last.is_stale(NOW, Nanos(60 * 10**9))
    assert last.is_stale(later(1), Nanos(60 * 10**9))
    assert signals.latest("news", "NRTH").value == -1.5
    assert signals.latest("news", "ABSENT") is None
    assert signals.ledger.rows_out == 0


@pytest.mark.parametrize(
    ("row", "rule", "says"),
    [
        ("news,research,MIDC,2026-01-02T14:30:59,2", "out-of-order", "older than the value"),
        ("news,research,MIDC,2026-01-02T14:31:00,2", "duplicate", "another value"),
        ("news,somebody,MIDC,2026-01-02T14:32:00,2", "bad-value", "belongs to research"),
        ("news,research,MIDC,2026-01-02T14:33:00,2", "clock", "in the future"),
        ("news,research,MIDC,2026-01-02T14:31:01,nan", "bad-value", "a finite number"),
        ("news,research,MIDC,yesterday,2", "bad-value", "an instant"),
        ("news,research", "bad-value", "5 columns"),
    ],
)
def test_a_bad_value_is_kept_out_and_the_last_one_stays(row, rule, says, tmp_path):
    path = tmp_path / "signal.csv"
    path.write_text("\n".join([*SIGNAL, row]) + "\n")
    signals = read_csv(path, NOW)
    assert signals.ledger.counts["quarantined"] == {rule: 1}
    assert says in signals.ledger.kept[0].reason
    assert signals.latest("news", "MIDC").value == 0.001


def test_a_file_without_its_header_is_refused(tmp_path):
    path = tmp_path / "signal.csv"
    path.write_text(SIGNAL[1] + "\n")
    with pytest.raises(Refused, match="missing: name, owner"):
        read_csv(path, NOW)


def test_a_source_is_asked_when_it_is_due_and_gives_what_is_new():
    poller, source = polled([a_value()], [a_value()], [a_value(0.5, "2026-01-02T14:31:00")])
    assert [r.value for r in poller.poll(NOW)] == [0.25]
    assert poller.poll(later(9)) == []
    assert len(source.asked) == 1
    assert poller.poll(later(10)) == []  # the same again: nothing new, nothing wrong
    assert poller.signals.ledger.rows_out == 0
    assert [r.value for r in poller.poll(later(20))] == [0.5]
    assert poller.signals.latest("news", "MIDC").received_ns == later(20)
    assert source.asked == [URL] * 3


@pytest.mark.parametrize(
    "answer", [None, b"", b"<html>", {"value": 1}, b"[" * 100_000, b"[NaN]", b"\xff"]
)
def test_a_source_that_fails_leaves_the_value_and_its_age_grows(answer):
    poller, _ = polled([a_value()], answer)
    assert poller.age_ns(NOW) is None
    poller.poll(NOW)
    assert poller.failure == ""
    assert poller.poll(later(10)) == []
    assert poller.failure
    assert poller.signals.ledger.counts["noted"]["silent"] == 1
    assert poller.age_ns(later(10)) == 10 * 10**9
    last = poller.signals.latest("news", "MIDC")
    assert (last.value, last.age_ns(later(10))) == (0.25, 130 * 10**9)


@pytest.mark.parametrize(
    "bad",
    [
        7,
        {},
        a_value("0.3"),
        a_value(None),
        a_value(at=5),
        a_value(symbol=""),
        a_value(symbol="\x00"),
        a_value(at="2027-01-02T14:30:00"),
        {k: v for k, v in a_value().items() if k != "owner"},
    ],
)
def test_one_bad_object_of_an_answer_is_kept_out_alone(bad):
    poller, _ = polled([bad, a_value(0.75, symbol="NRTH")])
    assert [r.value for r in poller.poll(NOW)] == [0.75]
    assert poller.signals.ledger.rows_out == 1
    assert poller.signals.ledger.kept[0].reason


def test_only_web_addresses_are_asked():
    with pytest.raises(NoAnswer, match="must begin with"):
        fetch("file:///etc/passwd")
    with pytest.raises(NoAnswer, match="no answer"):
        fetch("http://127.0.0.1:9/nothing")


def test_a_real_answer_over_http_is_read():
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = json.dumps([a_value(1.25)]).encode()
            self.send_response(200 if self.path == "/ok" else 500)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        base = f"http://127.0.0.1:{server.server_port}"
        poller = Poller(f"{base}/ok", Signals(), Nanos(1))
        assert [r.value for r in poller.poll(NOW)] == [1.25]
        broken = Poller(f"{base}/bad", Signals(), Nanos(1))
        assert broken.poll(NOW) == []
        assert "500" in broken.failure
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


CELL = st.one_of(st.text(max_size=8), st.sampled_from(SIGNAL[1].split(",")))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(CELL, min_size=5, max_size=5), max_size=8))
def test_no_cells_crash_the_signals(rows):
    signals = Signals()
    for number, cells in enumerate(rows):
        signals.take(Line(number, ",".join(cells).encode("utf-8", "replace")), cells, NOW)
    assert all(r.at_ns <= NOW + 10**9 for r in signals.readings.values())
