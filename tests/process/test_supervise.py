"""The supervisor with small processes of our own: they live, die and are stopped for real."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.settings import paths, resolve
from engine.supervise import HEALTHY_S, Child, Spec, Status, Supervisor

ROOT = Path(__file__).resolve().parents[2]
TOY_DESK = ROOT / "tests" / "process" / "toy_desk.py"
PATIENCE_S = 60.0  # a bound for a slow machine, not a promise of speed

GOOD = """
import signal, sys, time
from engine.lifeline import watch_stdin
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
watch_stdin()
while True:
    time.sleep(0.05)
"""
STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
time.sleep(300)
"""
DEAF_WITH_LIFELINE = """
import signal, subprocess, sys, time
from engine.lifeline import watch_stdin
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
watch_stdin(grace_s=0.3)
time.sleep(300)
"""
REFUSING = """
import sys
print("quarterdeck: the toy refused to start: its file must have 6 columns, has 5", flush=True)
sys.exit(2)
"""
REFUSING_QUIETLY = """
import sys
print("refused: port 1 is taken", flush=True)
sys.exit(2)
"""
CRASHING = """
import sys
print("quarterdeck: a line for people", flush=True)
print("a line for the log", flush=True)
raise RuntimeError("the toy is broken")
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def eventually(check: Callable[[], Any]) -> Any:
    """The first true answer; a plain failure when there is none in time."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if found := check():
            return found
        time.sleep(0.02)
    pytest.fail(f"this did not become true in {PATIENCE_S} s: {check}")


class Desk:
    """A running toy desk and what it wrote."""

    def __init__(self, folder: Path, scripts: list[str]) -> None:
        self.state = folder / "state"
        files = []
        for number, script in enumerate(scripts):
            file = folder / f"toy{number}.py"
            file.write_text(script, encoding="utf-8")
            files.append(str(file))
        self.arguments = [sys.executable, str(TOY_DESK), str(self.state), str(free_port()), *files]
        self.env = {**os.environ, "PYTHONPATH": str(ROOT)}
        self.env.pop("QD_SUPERVISED", None)
        self.process = self.launch()

    def launch(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.arguments, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL, text=True, start_new_session=True,
        )  # fmt: skip

    def facts(self) -> dict[str, Any]:
        file = self.state / "processes.json"
        return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {"processes": []}

    def row(self, name: str) -> dict[str, Any]:
        return next((row for row in self.facts()["processes"] if row["name"] == name), {})

    def running(self) -> list[int]:
        rows = self.facts()["processes"]
        up = [row["pid"] for row in rows if row["state"] == "running"]
        return up if rows and len(up) == len(rows) else []

    def groups(self) -> list[int]:
        return [row["pid"] for row in self.facts()["processes"] if row["pid"]]


def alive(group: int) -> bool:
    """Whether any process of the group still runs."""
    return bool(members(group))


def members(group: int) -> list[int]:
    """Processes of the group that run; a zombie does not."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group and fields[0] != "Z":
            found.append(int(entry.parent.name))
    return found


@pytest.fixture
def desk_of(tmp_path: Path) -> Iterator[Callable[..., Desk]]:
    desks: list[Desk] = []

    def start(*scripts: str) -> Desk:
        desks.append(Desk(tmp_path, list(scripts)))
        return desks[-1]

    yield start
    for desk in desks:
        groups = desk.groups()
        if desk.process.poll() is None:
            desk.process.kill()
        desk.process.communicate()
        for group in groups:
            if alive(group):
                os.killpg(group, signal.SIGKILL)


def test_a_crashed_process_starts_again_with_back_off_and_it_is_written_down(desk_of):
    desk = desk_of(GOOD, CRASHING)
    row = eventually(lambda: (r := desk.row("engine")) and r["restarts"] >= 3 and r)
    assert row["last_exit"] == 1
    log = desk.state / "log" / "engine.log"
    eventually(lambda: log.read_text().count("the toy is broken") >= 3)
    assert desk.row("exchange")["restarts"] == 0
    desk.process.terminate()
    said, _ = desk.process.communicate(timeout=PATIENCE_S)
    waits = [line.split("starts again in ")[1].split(" s")[0] for line in said.splitlines()
             if "starts again in" in line]  # fmt: skip
    assert waits[:3] == ["0.2", "0.5", "1"]
    assert "RuntimeError: the toy is broken" in said
    assert "a line for people" in said
    assert "quarterdeck:" not in said
    assert "a line for the log" not in said


def test_a_process_that_refuses_to_start_stops_the_desk_with_its_sentence(desk_of):
    desk = desk_of(REFUSING, GOOD)
    said, _ = desk.process.communicate(timeout=PATIENCE_S)
    assert desk.process.returncode == 2
    assert said.count("the toy refused to start: its file must have 6 columns, has 5") == 1
    assert "exchange cannot start: the desk stops" in said
    assert "starts again in" not in said
    assert {row["state"] for row in desk.facts()["processes"]} == {"stopped"}
    assert desk.row("exchange")["last_exit"] == 2


def test_the_last_words_of_a_refused_start_are_said_when_they_were_not_meant_for_people(desk_of):
    desk = desk_of(GOOD, GOOD, GOOD, GOOD, REFUSING_QUIETLY)
    said, _ = desk.process.communicate(timeout=PATIENCE_S)
    assert desk.process.returncode == 2
    assert "web cannot start (refused: port 1 is taken): the desk stops" in said


def test_a_refusal_of_a_process_that_has_been_healthy_does_not_stop_the_others(tmp_path):
    child = Child(
        spec=Spec(name="web", command=(sys.executable, "-c", "raise SystemExit(2)")),
        log=tmp_path / "web.log",
        status=Status(name="web"),
    )
    with (tmp_path / "lock").open("w") as lock:
        desk = Supervisor(
            children=[child], where=paths(resolve({"state": str(tmp_path)}, {})), env=os.environ,
            lock=lock,
        )  # fmt: skip
        for alive_s, wanted in ((HEALTHY_S, True), (0.0, True)):
            child.due = 0.0
            desk.attend(child)
            child.started -= alive_s
            child.process.wait()
            desk.attend(child)
            assert desk.wanted is wanted
            assert child.status.state == "waiting"
        child.proven, child.due = False, 0.0
        desk.attend(child)
        child.process.wait()
        desk.attend(child)
    assert desk.wanted is False
    assert desk.code == 2


def test_sigterm_stops_all_processes_and_what_they_started(desk_of):
    desk = desk_of(GOOD, STUBBORN, GOOD, GOOD, GOOD)
    groups = eventually(desk.running)
    eventually(lambda: all(minds_sigterm(pid) for pid in groups))
    eventually(lambda: len(members(desk.row("engine")["pid"])) == 2)  # it started one itself
    desk.process.terminate()
    said, _ = desk.process.communicate(timeout=PATIENCE_S)
    assert desk.process.returncode == 0
    assert [group for group in groups if alive(group)] == []
    ends = {row["name"]: row["last_exit"] for row in desk.facts()["processes"]}
    assert ends.pop("engine") == -signal.SIGKILL, said
    assert set(ends.values()) == {0}
    assert {row["state"] for row in desk.facts()["processes"]} == {"stopped"}


def test_the_web_is_told_to_stop_before_the_engine_and_the_exchange_after_it(desk_of, tmp_path):
    order = tmp_path / "order.txt"
    noting = GOOD.replace(
        "sys.exit(0))",
        f"(open({str(order)!r}, 'a').write(sys.argv[0][-4] + ' '), sys.exit(0)))",
    )
    desk = desk_of(noting, noting, noting, noting, noting)
    eventually(desk.running)
    # a running interpreter may not have set its handler yet: wait until each sleeps in its loop
    eventually(lambda: all(minds_sigterm(pid) for pid in desk.running()))
    desk.process.terminate()
    desk.process.communicate(timeout=PATIENCE_S)
    exchange, engine, watchdog, worker, web = "0", "1", "2", "3", "4"
    assert sorted(order.read_text().split()[:2]) == [worker, web]
    assert order.read_text().split()[2:] == [engine, exchange, watchdog]


def minds_sigterm(pid: int) -> bool:
    """Whether the process has a handler for SIGTERM, or ignores it."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    masks = [int(line.split()[1], 16) for line in status if line.startswith(("SigCgt", "SigIgn"))]
    return any(mask >> (signal.SIGTERM - 1) & 1 for mask in masks)


def test_children_stop_when_the_supervisor_is_killed(desk_of):
    desk = desk_of(GOOD, DEAF_WITH_LIFELINE)
    groups = eventually(desk.running)
    # the deaf one listens to nothing but its lifeline: wait for that thread
    eventually(lambda: all(len(list(Path(f"/proc/{pid}/task").iterdir())) > 1 for pid in groups))
    desk.process.kill()
    eventually(lambda: not any(alive(group) for group in groups))


def test_the_kill_signal_is_passed_on_to_the_engine_alone(desk_of, tmp_path):
    noting = GOOD.replace(
        "watch_stdin()",
        "signal.signal(signal.SIGUSR1, lambda *_: open(sys.argv[0] + '.killed', 'w').close())\n"
        "watch_stdin()",
    )
    desk = desk_of(noting, noting, noting)
    pids = eventually(desk.running)
    eventually(lambda: all(minds_sigterm(pid) for pid in pids))
    eventually(lambda: all(len(list(Path(f"/proc/{pid}/task").iterdir())) > 1 for pid in pids))
    desk.process.send_signal(signal.SIGUSR1)
    eventually((tmp_path / "toy1.py.killed").exists)
    desk.process.terminate()
    desk.process.communicate(timeout=PATIENCE_S)
    assert sorted(path.name for path in tmp_path.glob("*.killed")) == ["toy1.py.killed"]
    assert {row["restarts"] for row in desk.facts()["processes"]} == {0}


def test_a_desk_that_cannot_write_down_its_processes_still_runs_and_stops_them(desk_of, tmp_path):
    (tmp_path / "state" / "processes.json" / "in the way").mkdir(parents=True)
    noting = GOOD.replace("watch_stdin()", "open(sys.argv[0] + '.up', 'w').close()")
    desk = desk_of(noting)
    eventually((tmp_path / "toy0.py.up").exists)
    desk.process.terminate()
    said, _ = desk.process.communicate(timeout=PATIENCE_S)
    assert desk.process.returncode == 0
    assert "cannot write" in said


def test_a_second_desk_on_the_same_state_folder_is_refused_with_the_pid(desk_of):
    desk = desk_of(GOOD)
    eventually(desk.running)
    second = desk.launch()
    said, _ = second.communicate(timeout=PATIENCE_S)
    assert second.returncode == 2
    assert f"is in use by process {desk.process.pid}" in said
    assert desk.process.poll() is None


def test_a_new_desk_waits_for_the_children_of_a_killed_one(desk_of):
    desk = desk_of(GOOD, DEAF_WITH_LIFELINE)
    old = eventually(desk.running)
    eventually(lambda: all(len(list(Path(f"/proc/{pid}/task").iterdir())) > 1 for pid in old))
    desk.process.kill()
    desk.process.communicate()
    desk.process = desk.launch()
    new = eventually(lambda: (pids := desk.running()) and not set(pids) & set(old) and pids)
    assert [group for group in old if alive(group)] == []
    assert all(alive(group) for group in new)


def test_a_port_in_use_is_refused_before_anything_starts(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [sys.executable, str(ROOT / "app.py"), "--state", str(tmp_path / "s"), "--port", port],
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
    assert done.returncode == 2
    assert f"port {port}" in done.stderr
    assert not (tmp_path / "s" / "processes.json").exists()
