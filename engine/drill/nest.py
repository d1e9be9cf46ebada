"""A process that has everything imported and compiled, and forks others: a death costs no start.

``python -m engine.drill.nest`` reads a JSON line a request from stdin and answers with one:
``start`` (engine or exchange, environment, log) gives the pid of a new process, ``poll`` its exit
code or null. Each is a process and a group of its own, with a pipe of its own on stdin that ends
when the nest does.
"""

import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

from engine.supervise import ROOT

POLL_S: Final = 0.02


@dataclass(slots=True)
class Nest:
    """The drill's end: starts the nest at the first need."""

    process: subprocess.Popen[str] | None = None

    def ask(self, **request: Any) -> Any:
        """One request, one answer."""
        if self.process is None:
            self.process = subprocess.Popen(
                (sys.executable, "-m", "engine.drill.nest"), cwd=ROOT, text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            )  # fmt: skip
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def start(self, name: str, env: Mapping[str, str], log: Path) -> "Forked":
        """A new engine or exchange."""
        answer = self.ask(op="start", name=name, env=dict(env), log=str(log))
        return Forked(nest=self, pid=int(answer))

    def close(self) -> None:
        """The nest ends, and every engine that is left with it."""
        if self.process is not None:
            assert self.process.stdin is not None
            self.process.stdin.close()
            self.process.wait()
            self.process = None


@dataclass(slots=True)
class Forked:
    """A process of the nest, as far as a supervisor looks at one."""

    nest: Nest
    pid: int
    stdin: IO[bytes] | None = None
    returncode: int | None = None

    def poll(self) -> int | None:
        """Exit code, None while it lives; negative = ended by that signal."""
        if self.returncode is None:
            self.returncode = self.nest.ask(op="poll", pid=self.pid)
        return self.returncode

    def wait(self, timeout: float) -> int:
        """Until it has ended; TimeoutExpired as ``subprocess`` raises it."""
        for _ in range(int(timeout / POLL_S)):
            code = self.poll()
            if code is not None:
                return code
            time.sleep(POLL_S)
        raise subprocess.TimeoutExpired(str(self.pid), timeout)

    def send_signal(self, number: int) -> None:
        """To a process that has not been waited for: the number is still its own."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


# --- the nest itself ----------------------------------------------------------------------------
@dataclass(slots=True)
class Brood:
    """What was forked: pid -> our end of its stdin."""

    mains: Mapping[str, Callable[[], int]]
    lifelines: dict[int, int] = field(default_factory=dict)

    def start(self, name: str, env: Mapping[str, str], log: str) -> int:
        """Fork one; its pid."""
        theirs, ours = os.pipe()
        pid = os.fork()
        if pid:
            os.close(theirs)
            self.lifelines[pid] = ours
            return pid
        os.setsid()
        os.close(ours)
        for end in self.lifelines.values():
            os.close(end)
        os.dup2(theirs, 0)
        written = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.dup2(written, 1)
        os.dup2(written, 2)
        os.environ.clear()
        os.environ.update(env)
        os._exit(self._live(name))

    def _live(self, name: str) -> int:
        try:
            return self.mains[name]()
        except BaseException:  # noqa: BLE001 -- the outermost frame of this process
            sys.stderr.write(traceback.format_exc())
            return 1
        finally:
            sys.stdout.flush()

    def poll(self, pid: int) -> int | None:
        """Exit code as ``subprocess`` says it, None while it lives."""
        ended, status = os.waitpid(pid, os.WNOHANG)
        if not ended:
            return None
        os.close(self.lifelines.pop(pid))
        return os.waitstatus_to_exitcode(status)


def main() -> int:
    """Import and compile once, then serve until stdin ends."""
    from engine.drill.short import engine
    from engine.exchange.server import main as exchange
    from engine.warm import ready

    ready()
    brood = Brood({"engine": engine, "exchange": exchange})
    for line in sys.stdin:
        request = json.loads(line)
        if request["op"] == "start":
            answer: int | None = brood.start(request["name"], request["env"], request["log"])
        else:
            answer = brood.poll(request["pid"])
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    for pid in tuple(brood.lifelines):
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    return 0


if __name__ == "__main__":
    sys.exit(main())
