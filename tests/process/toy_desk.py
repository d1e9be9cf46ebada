"""A desk of toy processes under the real supervisor: ``toy_desk.py STATE PORT SCRIPT...``."""

import os
import sys
from pathlib import Path

from engine.domain.errors import Refused
from engine.settings import resolve
from engine.supervise import Spec, supervise

NAMES = ("exchange", "engine", "watchdog", "worker", "web")


def main() -> int:
    state, port, *scripts = sys.argv[1:]
    settings = resolve({"state": state, "port": port}, os.environ)
    specs = [
        Spec(name=name, command=(sys.executable, str(Path(script).absolute())))
        for name, script in zip(NAMES, scripts, strict=False)
    ]
    try:
        return supervise(settings, specs)
    except Refused as refusal:
        print(refusal, flush=True)
        return 2


if __name__ == "__main__":
    sys.exit(main())
