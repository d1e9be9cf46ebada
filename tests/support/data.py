"""Where the recorded market data lies that is not part of this repository."""

import os
from pathlib import Path

import pytest


def data_dir(part: str = "") -> Path:
    """The data folder, or the test skips and says which folder it wanted."""
    root = Path(__file__).resolve().parents[2]
    asked = os.environ.get("QD_DATA")
    place = (Path(asked) if asked else root.parent / "shared" / "data") / part
    if not place.is_dir():
        pytest.skip(f"recorded data absent: {place} (set QD_DATA)")
    return place
