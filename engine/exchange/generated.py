"""A generated market that was fitted to a recorded day: what the state folder keeps of it.

Nothing in it is recorded: price at the open, tick, activity, volume, spread, volatility and the
shape of the day are those of the file as far as the fit got, which is said with the source.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.domain.errors import Refused
from engine.domain.instrument import Instrument
from engine.exchange.presets import MARKET_VERSION
from engine.kernels.exogenous import FLOW

FILE: Final = "generated.json"  # in the state folder
FORMAT: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Generated:
    """An instrument, its flow, and where both come from. The port ``presets.Stock``."""

    instrument: Instrument
    parameters: Mapping[str, float]  # FLOW, by field
    off_size: float  # of trades off the public books, relative to the calibrated stock's
    day: str  # that was recorded
    source: str  # the watermark of screens and exports
    report: Mapping[str, Any]  # recorded and generated statistics, and which agree
    files: tuple[str, ...]  # sha256 of the recorded files

    def flow(self) -> NDArray[np.void]:
        """FLOW record, shape (1,)."""
        row = np.zeros(1, FLOW)
        for name, value in self.parameters.items():
            row[name] = value
        return row


def digests(*paths: Path) -> tuple[str, ...]:
    """SHA-256 of each file, as hexadecimal text."""
    return tuple(hashlib.sha256(path.read_bytes()).hexdigest() for path in paths)


def keep(folder: Path, market: Generated) -> None:
    """Write it whole or not at all."""
    body = {
        "format": FORMAT,
        "market_version": MARKET_VERSION,
        "instrument": msgspec.to_builtins(market.instrument),
        "parameters": dict(market.parameters),
        "off_size": market.off_size,
        "day": market.day,
        "source": market.source,
        "report": dict(market.report),
        "files": list(market.files),
    }
    fresh = folder / f"{FILE}.new"
    fresh.write_text(json.dumps(body, indent=1), encoding="utf-8")
    fresh.replace(folder / FILE)


def load(folder: Path) -> Generated:
    """What `keep` wrote; Refused when it is not there or of another market."""
    path = folder / FILE
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Refused(f"{path} must be there: start the desk with --replay once") from None
    except ValueError as error:
        raise Refused(f"{path} must be JSON: {error}") from None
    version = (body.get("format"), body.get("market_version"))
    if version != (FORMAT, MARKET_VERSION):
        raise Refused(
            f"{path} must be of market version {MARKET_VERSION}, was {version[1]}: choose another "
            "folder with --state",
            field="state",
        )
    return Generated(
        instrument=msgspec.convert(body["instrument"], Instrument),
        parameters=body["parameters"],
        off_size=body["off_size"],
        day=body["day"],
        source=body["source"],
        report=body["report"],
        files=tuple(body["files"]),
    )
