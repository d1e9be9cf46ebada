"""The whole desk as ``python app.py`` starts it, in its own folder, leaving nothing behind."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from db.queries import Queries, database_url
from engine.settings import make_folders
from tests.support.browser import PATIENCE_MS, PAUSE, ROOT, RunningDesk


def processes_of(folder: Path) -> list[int]:
    """Living processes that were started for this state folder."""
    wanted = str(folder).encode()
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            words = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            state = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0]
        except (OSError, IndexError):
            continue
        if wanted in words and state != "Z":
            found.append(int(entry.name))
    return found


@dataclass
class RealDesk(RunningDesk):
    """All processes; ``stop`` proves that none of them outlives the supervisor."""

    full: bool = True

    def start(self, *, wait_s: float = 180.0) -> "RealDesk":
        make_folders(self.where)
        command = [sys.executable, "app.py", "--state", str(self.where.state),
                   "--port", str(self.port)]  # fmt: skip
        for name, value in self.flags.items():
            flag = "--" + name.replace("_", "-")
            command += [flag if value else "--no-" + flag[2:]] if isinstance(value, bool) else [
                flag, str(value)
            ]  # fmt: skip
        with (self.state / "output.log").open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=log,
                stderr=log, stdin=subprocess.PIPE, start_new_session=True,
            )  # fmt: skip
        self._until_ready(wait_s)
        return self

    def stop(self) -> None:
        """SIGTERM, then nobody may be left; whoever is left is named and ended."""
        assert self.process is not None
        if self.process.poll() is None:
            self.stop_web()
        left = processes_of(self.where.state)
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        assert left == [], f"processes outlived the desk: {left}"

    def queries(self) -> Queries:
        """The read tables of this desk."""
        return Queries.open(
            database_url(self.settings.database_url, self.where.desk_db), self.where.state
        )

    def remove(self) -> None:
        shutil.rmtree(self.state)


def until(found: Callable[[], Any], *, what: str, wait_s: float = PATIENCE_MS / 1_000) -> Any:
    """The first true answer; looks ten times a second."""
    for _ in range(int(wait_s * 10)):
        answer = found()
        if answer:
            return answer
        PAUSE.wait(0.1)
    raise AssertionError(f"{what}: not within {wait_s:g} s")
