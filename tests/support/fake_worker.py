"""The worker as the web sees it: a question in, what is known of it out."""

from copy import deepcopy
from typing import Any


class FakeWorker:
    """Remembers what it was asked and answers as told; an error is raised."""

    def __init__(self, told: dict[str, Any] | Exception) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.told = told

    async def ask(self, name: str, args: dict[str, Any], timeout_s: float = 2.0) -> Any:
        self.asked.append((name, args))
        if isinstance(self.told, Exception):
            raise self.told
        return deepcopy(self.told)

    def close(self) -> None: ...
