"""Tests of pages see what they mount themselves, not what a started web left behind."""

from collections.abc import Iterator
from typing import Any

import pytest

from components import context

NAMES = ("look", "grants", "settings", "directory")


@pytest.fixture(autouse=True)
def nothing_mounted() -> Iterator[None]:
    nobody: Any = None
    before: list[Any] = [context.mounted(name) for name in NAMES]
    context.mount_desk(nobody, nobody, nobody, nobody)
    yield
    context.mount_desk(*before)
