"""A bundle of arrays handed from kernel to kernel as one word."""

from typing import Any, NamedTuple

import numpy as np
import pytest

from engine.kernels.handed import one_word
from engine.kernels.jit import hot, inner


@one_word
class Pair(NamedTuple):
    numbers: Any
    places: Any


@one_word
class Both(NamedTuple):
    first: Pair
    second: Pair
    total: Any


@inner
def add(pair: Pair, total: Any) -> None:
    """Stores between the loads: what is loaded anew must be the same array."""
    for i in range(pair.places.size):
        total[0] += pair.numbers[pair.places[i]]
        pair.numbers[pair.places[i]] = 0.0


@hot
def add_both(both: Both) -> int:
    add(both.first, both.total)
    add(both.second, both.total)
    return int(both.first.numbers.size + both.second.numbers.size)


def a_pair(*numbers: float) -> Pair:
    return Pair(np.array(numbers), np.arange(len(numbers), dtype=np.int64))


def test_kernels_read_and_write_the_arrays_of_a_bundle_within_a_bundle():
    both = Both(a_pair(1.0, 2.0), a_pair(3.0), np.zeros(1))
    assert add_both(both) == 3
    assert both.total[0] == 6.0
    assert (both.first.numbers == 0.0).all()


def test_each_call_sees_the_arrays_it_was_given():
    for size in (1, 5, 2):
        both = Both(a_pair(*[2.0] * size), a_pair(), np.zeros(1))
        assert add_both(both) == size
        assert both.total[0] == 2.0 * size
        assert both._replace(total=np.ones(1)).total[0] == 1.0


@hot
def ask_for_nothing(pair: Pair) -> int:
    return int(pair.wrong.size)  # type: ignore[attr-defined]


def test_a_name_that_is_no_field_does_not_compile():
    with pytest.raises(Exception, match="wrong"):
        ask_for_nothing(a_pair(1.0))
