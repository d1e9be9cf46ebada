"""The code that trades as it lies beside this watchdog: the same hash as the engine's, made anew.

SHA-256 over every ``*.py`` below domain, core, kernels and runtime of ``engine``: its path, a zero
byte, its content; folders in this order, files sorted.
"""

import hashlib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TRADES = ("domain", "core", "kernels", "runtime")


def trading_hash() -> str:
    """Hex digest; read it once, at the start."""
    digest = hashlib.sha256()
    for folder in TRADES:
        for path in sorted((ROOT / folder).rglob("*.py")):
            digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
