"""A whole desk without some of its processes: ``desk_without.py NAME... -- FLAGS``."""

import argparse
import os
import sys

from engine import settings as desk_settings
from engine.supervise import specs, supervise

if __name__ == "__main__":
    cut = sys.argv.index("--")
    missing = set(sys.argv[1:cut])
    flags = argparse.ArgumentParser()
    desk_settings.add_flags(flags)
    settings = desk_settings.resolve(vars(flags.parse_args(sys.argv[cut + 1 :])), os.environ)
    sys.exit(supervise(settings, [spec for spec in specs() if spec.name not in missing]))
