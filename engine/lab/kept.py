"""Comparisons that were kept: one file each, named by the hash of what it says."""

import hashlib
import json
from pathlib import Path
from typing import Any, Final

from engine.runtime.whole import write_whole

PREFIX: Final = "compare-"
DIGITS: Final = 12  # of the hash


def keep(folder: Path, body: dict[str, Any], made_ns: int) -> Path:
    """Write a comparison whole or not at all; the same one again only becomes newer.

    body : what ``compare --json`` prints. made_ns : wall clock.
    """
    said = json.dumps(body, allow_nan=False, sort_keys=True).encode()
    name = hashlib.sha256(said).hexdigest()[:DIGITS]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{PREFIX}{name}.json"
    write_whole(path, json.dumps({"id": name, "made_ns": made_ns, **body}, allow_nan=False))
    return path
