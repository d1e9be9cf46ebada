"""CppTrader's ``MarketManager`` as a peer: its sources stay in a checkout of yours.

Name the checkout with ``--cpptrader DIR`` or the variable CPPTRADER; its module CppCommon has to
be in it (``modules/CppCommon``). It can do what our book does not: stop, trailing, iceberg,
fill-or-kill and all-or-none orders, and many symbols. It tells a handler of every change of a
level; only executions are kept here.
"""

from pathlib import Path
from typing import Final

from engine.bench.peers.book_cpp import Build, CppBook
from engine.bench.streams import Stream

DRIVER: Final = Path(__file__).with_name("cpptrader.cpp")
INCLUDES: Final = (
    "include",
    "modules/CppCommon/include",
    "modules/CppCommon/modules/fmt/include",
)


def matcher_sources(checkout: Path) -> list[Path]:
    """Its sources of the matching engine; empty when this is no checkout of CppTrader."""
    if not (checkout / "include/trader/matching/market_manager.h").is_file():
        return []
    return sorted((checkout / "source/trader/matching").glob("*.cpp"))


def cpptrader(stream: Stream, place: Path, checkout: Path) -> CppBook:
    """The child process; raises CalledProcessError when the checkout does not compile."""
    folders = [checkout / name for name in INCLUDES if (checkout / name).is_dir()]
    flags = ("-DNDEBUG", *(f"-I{folder}" for folder in folders))
    sources = (DRIVER, *matcher_sources(checkout))
    return CppBook(stream, place, Build(name="cpptrader", sources=sources, flags=flags))
