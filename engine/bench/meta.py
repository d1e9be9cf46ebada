"""What a benchmark was run on: without it a number means nothing."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def _cpu() -> str:
    """Model of the processor as the system names it."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory_gib() -> float:
    """Physical memory. [GiB]"""
    if not hasattr(os, "sysconf"):
        return float("nan")
    return round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1)


def _git(*args: str) -> str | None:
    """Output of a git command on this checkout, None where there is no git or no checkout."""
    try:
        done = subprocess.run(
            ["git", *args], cwd=ROOT, capture_output=True, text=True, check=True, timeout=20
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def revision() -> str:
    """``<revision>[+dirty]``, or ``unknown`` outside of a checkout."""
    head = _git("rev-parse", "--short=12", "HEAD")
    changed = _git("status", "--porcelain", "--untracked-files=no")
    if not head or changed is None:
        return "unknown"
    return head + ("+dirty" if changed else "")


def load() -> float | None:
    """Load of the last minute, None where the system does not tell; ask before the work starts."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def meta(load_before: float | None) -> dict[str, object]:
    """The ``meta`` object of every benchmark."""
    machine: dict[str, object] = {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "memory_gib": _memory_gib(),
        "os": platform.platform(),
        "python": platform.python_version(),
        "numpy": version("numpy"),
        "numba": version("numba"),
    }
    return {
        "machine": machine,
        "git": revision(),
        "at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "load": load_before,
    }
