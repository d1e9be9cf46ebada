"""The reports of a day, page by page: the same as the whole, and no dearer on a long day."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from engine.domain.executions import EXECUTION
from engine.domain.kinds import ACCEPTED
from engine.domain.units import CHILD_BITS
from engine.exchange.ledger import STRAY_EPOCH, Ledger


def a_day(parts: int) -> Ledger:
    """Reports in parts of one to three; exec_id counts them from 1."""
    ledger = Ledger()
    for i in range(parts):
        rows = np.zeros(1 + i % 3, dtype=EXECUTION)
        rows["exec_id"] = np.arange(ledger.count + 1, ledger.count + 1 + len(rows))
        rows["child"] = STRAY_EPOCH << CHILD_BITS | i
        rows["kind"] = ACCEPTED
        ledger.reported(rows)
    return ledger


class Counted(list[Any]):
    """Parts that count how many of them were taken."""

    taken = 0

    def __getitem__(self, key: Any) -> Any:
        found = super().__getitem__(key)
        self.taken += len(found) if isinstance(key, slice) else 1
        return found


@pytest.mark.parametrize("most", [None, 1, 2, 7, 1_000])
@pytest.mark.parametrize("since", [0, 1, 2, 3, 5, 100, 398, 399, 400, 405])
def test_a_page_is_a_part_of_the_whole(since: int, most: int | None) -> None:
    ledger = a_day(200)
    whole = list(range(1, ledger.count + 1))
    assert ledger.count == 399
    assert ledger.rows(since, most)["exec_id"].tolist() == whole[since:][:most]


def test_pages_in_turn_are_the_whole_day() -> None:
    ledger = a_day(50)
    pages = [ledger.rows(since, 7) for since in range(0, ledger.count, 7)]
    assert np.concatenate(pages).tolist() == ledger.rows().tolist()
    assert all(before["exec_id"][-1] < after["exec_id"][0] for before, after in pairwise(pages))


def test_an_empty_day_has_no_page() -> None:
    assert len(Ledger().rows()) == 0
    assert len(Ledger().rows(5, 10)) == 0


@pytest.mark.parametrize("since", [0, 150, 390])
def test_a_page_of_a_long_day_touches_no_more_than_it_answers(since: int) -> None:
    ledger = a_day(200)
    counted = ledger.reports = Counted(ledger.reports)
    assert len(ledger.rows(since, 9)) == 9
    assert counted.taken <= 9
