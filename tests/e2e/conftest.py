"""Browser fixtures, shared by all browser tests: ``browser``, ``visitor``, ``web_desk``."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.browser import RunningDesk, Visitor, a_page

CHROME = os.environ.get("CHROME", "/usr/bin/chromium")
HERE = Path(__file__).parent
FLAGS = ["--no-sandbox", "--disable-background-networking", "--no-first-run", "--disable-gpu"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A browser test that names no bound has time for the start of a desk beside others."""
    for item in items:
        if item.path.parent == HERE and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(300))


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Real Chromium; the test is skipped, visibly, on a machine without one."""
    if not Path(CHROME).exists():
        pytest.skip(f"no Chromium at {CHROME}: set CHROME")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        running = play.chromium.launch(executable_path=CHROME, args=FLAGS)
        yield running
        running.close()


@pytest.fixture
def visitor(browser: Any) -> Iterator[Callable[..., Visitor]]:
    """Make visitors: ``visitor(width=1280, height=720)``; each has cookies of its own."""
    pages = []

    def make(width: int = 1440, height: int = 900) -> Visitor:
        pages.append(a_page(browser, width, height))
        return Visitor(page=pages[-1]).watch()

    yield make
    for page in pages:
        page.context.close()


@pytest.fixture(scope="module")
def web_desk() -> Iterator[RunningDesk]:
    """The web process with sample pages beside a fake engine: for tests of the frame."""
    desk = RunningDesk().start()
    yield desk
    desk.stop()
    shutil.rmtree(desk.state)


@pytest.fixture(scope="module")
def whole_desk() -> Iterator[RunningDesk]:
    """Everything, as ``python app.py`` starts it, without past days: for tests of pages."""
    desk = RunningDesk(full=True, flags={"history_days": 0})
    try:
        yield desk.start()
    finally:
        desk.stop()
    shutil.rmtree(desk.state)
