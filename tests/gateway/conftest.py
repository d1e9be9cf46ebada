"""A web process of fakes, new for each test, and a client of it. Some files have their own."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.support.desk_fakes import ORIGIN, a_web


@pytest.fixture
def web(tmp_path: Path) -> Any:
    return a_web(tmp_path)


@pytest.fixture
def client(web: Any) -> Iterator[TestClient]:
    with TestClient(web.app, base_url=ORIGIN, headers={"origin": ORIGIN}) as running:
        yield running
