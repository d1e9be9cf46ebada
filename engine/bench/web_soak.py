"""Does a browser that is used for long stay as it was: the soak of ``bench web``.

One tab stays on the blotter and is worked in (rows chosen, filters written and taken away). A
second goes through the pages that its navigation names, by their links. After each round both are
on the blotter with the same rows, garbage is collected, and heap and nodes are counted.

==========================  =====================================================================
stays, roams                by tab: heap_mb, nodes and listeners, first and last, and growth
web_mb                      resident memory of the web process, first and last
changes, complaints         pages opened; errors and warnings of the console and the page
held                        nothing grew beyond its bound, and nobody complained
==========================  =====================================================================

First and last are medians of three rounds; the first round of all warms up and does not count.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Final

from engine.stage import CLOCK

HEAP_GROWTH: Final = 0.10  # of the first
HEAP_MB: Final = 20.0  # and this at most
NODES_GROWTH: Final = 0.05
WEB_MB: Final = 20.0
EACH: Final = 3  # rounds whose median counts as first and as last
NAMES: Final = {"heap_mb": "JSHeapUsedSize", "nodes": "Nodes", "listeners": "JSEventListeners"}
LINKS: Final = "(links) => links.map((link) => link.getAttribute('href'))"
LIVE: Final = "body.desk[data-link=ok]"
# a person's typing goes into the browser's undo history, a node each time, on any page: not ours
WRITE: Final = """(words) => {
  const node = document.getElementById("blotter-words");
  node.value = words;
  node.dispatchEvent(new Event("input", { bubbles: true }));
}"""
FILTERS: Final = ("side=sell", "midc", "strategy=POV", "qty>1k")

Round = dict[str, float]
Report = dict[str, Any]


@dataclass(kw_only=True)  # no slots: the browser's library marks whom it calls back
class Tab:
    """A page of the browser, and what it held after each round."""

    page: Any
    rounds: list[Round] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    session: Any = None

    def watch(self) -> None:
        """Hear its console and open the door to its counters."""
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._heard)
        self.session = self.page.context.new_cdp_session(self.page)
        self.session.send("Performance.enable")

    def _heard(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            where = message.location["url"].partition("?")[0]
            self.complaints.append(f"{message.text} {where}".rstrip())

    def count(self) -> None:
        """Heap and nodes that are still held after the garbage is gone."""
        for _ in range(2):  # what a finaliser lets go is garbage of the next time
            self.session.send("HeapProfiler.collectGarbage")
        found = {row["name"]: row["value"]
                 for row in self.session.send("Performance.getMetrics")["metrics"]}  # fmt: skip
        counts = {name: float(found[theirs]) for name, theirs in NAMES.items()}
        counts["heap_mb"] /= 1e6
        self.rounds.append(counts)


def work(page: Any, number: int) -> None:
    """What a trader does on the blotter: another row, a filter, no filter."""
    page.click(f'.ag-row[row-index="{number % 5}"] [col-id=symbol]')
    page.evaluate(WRITE, FILTERS[number % len(FILTERS)])
    page.wait_for_function("() => location.search.includes('q=')")
    page.evaluate(WRITE, "")
    page.wait_for_function("() => !location.search.includes('q=')")


def home(page: Any) -> None:
    """On the blotter, live, with rows."""
    page.click('nav.nav a[href="/"]')
    page.wait_for_selector(LIVE)
    page.wait_for_selector(".ag-row [col-id=filled]")


def soak(
    tabs: dict[str, Tab], memory_mb: Callable[[], float], minutes: float, changes: int
) -> tuple[int, list[float]]:
    """Rounds until both the time and the page changes are done; pages opened, memory by round."""
    until = CLOCK.mono_ns() + int(minutes * 60e9)
    stays, roams = tabs["stays"], tabs["roams"]
    opened = 0
    web: list[float] = []
    while len(web) <= 2 * EACH or opened < changes or CLOCK.mono_ns() < until:
        for href in roams.page.eval_on_selector_all("nav.nav a", LINKS):
            roams.page.click(f'nav.nav a[href="{href}"]')
            roams.page.wait_for_selector(LIVE)
            opened += 1
            work(stays.page, opened)
        home(roams.page)
        opened += 1
        stays.count()
        roams.count()
        web.append(memory_mb())
    return opened, web


def soaked(page: Any, memory_mb: Callable[[], float], minutes: float, changes: int) -> Report:
    """The soak of a browser that has one page open, on the blotter."""
    other = page.context.new_page()
    other.goto(page.url)
    other.wait_for_selector(".ag-row [col-id=filled]")
    tabs = {"stays": Tab(page=other), "roams": Tab(page=page)}
    for tab in tabs.values():
        tab.watch()
    opened, memory = soak(tabs, memory_mb, minutes, changes)
    web = (median(memory[1 : 1 + EACH]), median(memory[-EACH:]))
    found = {name: growth(tab.rounds) for name, tab in tabs.items()}
    complaints = [text for tab in tabs.values() for text in tab.complaints]
    return {
        **found, "web_mb": {"first": web[0], "last": web[1]}, "changes": opened,
        "rounds": len(tabs["roams"].rounds), "complaints": complaints,
        "held": held(list(found.values()), web) and not complaints,
    }  # fmt: skip


def growth(rounds: list[Round]) -> dict[str, dict[str, float]]:
    """First, last and their difference relative to the first, without the round of warm-up."""
    counted = rounds[1:]
    found = {}
    for name in NAMES:
        first = median(row[name] for row in counted[:EACH])
        last = median(row[name] for row in counted[-EACH:])
        found[name] = {"first": round(first, 2), "last": round(last, 2),
                       "growth": round(last / first - 1, 4)}  # fmt: skip
    return found


def held(tabs: list[dict[str, dict[str, float]]], web_mb: tuple[float, float]) -> bool:
    """True where no tab and no process grew beyond its bound."""
    return web_mb[1] - web_mb[0] <= WEB_MB and all(
        tab["heap_mb"]["growth"] <= HEAP_GROWTH
        and tab["heap_mb"]["last"] - tab["heap_mb"]["first"] <= HEAP_MB
        and tab["nodes"]["growth"] <= NODES_GROWTH
        for tab in tabs
    )
