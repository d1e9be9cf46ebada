"""The desk: ``python app.py`` starts all processes, ``--web-only`` is the web process alone."""

import argparse
import os
import sys

from engine import settings as desk_settings
from engine.domain.errors import Refused
from engine.lifeline import watch_stdin


def parser() -> argparse.ArgumentParser:
    """Every setting as a flag."""
    flags = argparse.ArgumentParser(prog="app.py", description=__doc__)
    flags.add_argument(
        "--web-only", action="store_true", help="serve the web; the other processes run elsewhere"
    )
    desk_settings.add_flags(flags)
    return flags


def main(argv: list[str]) -> int:
    """Start the desk or its web process; exit code 2 when a setting or the state refuses it."""
    flags = parser().parse_args(argv)
    os.umask(0o077)  # all that the desk writes is for its owner alone; its processes inherit this
    try:
        settings = desk_settings.resolve(vars(flags), os.environ)
        if flags.web_only:
            watch_stdin()  # before the imports: a supervisor may die meanwhile
            from engine.gateway.server import main as serve  # Dash loads in the web process only

            return int(serve(settings) or 0)
        from engine.supervise import specs, supervise

        return supervise(settings, specs())
    except Refused as refusal:
        print(f"app.py: {refusal}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
