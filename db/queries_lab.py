"""What comparisons of strategies say that were kept; files of the state directory."""

import json
from pathlib import Path
from typing import Any, Final

from db.queries_market import FOLDER

MOST: Final = 50  # newest, that a page lists


def comparisons(state: Path) -> tuple[dict[str, Any], ...]:
    """Those kept, newest first; each as ``compare --json`` prints it, with ``id``, ``made_ns``."""
    found = [json.loads(path.read_text()) for path in (state / FOLDER).glob("compare-*.json")]
    found.sort(key=lambda body: (body["made_ns"], body["id"]), reverse=True)
    return tuple(found[:MOST])
