"""How much an object holds: the length of every container below it, by the way to it."""

import dataclasses
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Set
from typing import Any

import numpy as np

PLAIN = (str, bytes, int, float, bool, type(None), type)


def held(root: Any, leave_out: Iterable[Any] = ()) -> Counter[str]:
    """Way -> items; lists of alike things count together. Things to leave out are not entered."""
    found: Counter[str] = Counter()
    seen = {id(thing) for thing in leave_out}
    _walk(root, "", found, seen)
    return found


def _walk(thing: Any, way: str, found: Counter[str], seen: set[int]) -> None:
    if isinstance(thing, PLAIN) or callable(thing) or id(thing) in seen:
        return
    seen.add(id(thing))
    if isinstance(thing, np.ndarray):
        found[way] += thing.nbytes
    elif isinstance(thing, Mapping):
        found[way] += len(thing)
        for key, value in thing.items():
            _walk(key, f"{way}{{}}", found, seen)
            _walk(value, f"{way}[]", found, seen)
    elif isinstance(thing, list | tuple | deque | Set):
        found[way] += len(thing)
        for value in thing:
            _walk(value, f"{way}[]", found, seen)
    else:
        for name, value in _fields(thing):
            _walk(value, f"{way}.{name}", found, seen)


def _fields(thing: Any) -> list[tuple[str, Any]]:
    names = dict.fromkeys(getattr(thing, "__dict__", {}))
    names.update(dict.fromkeys(getattr(thing, "__struct_fields__", ())))
    for kind in type(thing).__mro__:
        slots = getattr(kind, "__slots__", ())
        names.update(dict.fromkeys([slots] if isinstance(slots, str) else slots))
    if dataclasses.is_dataclass(thing):
        names.update(dict.fromkeys(field.name for field in dataclasses.fields(thing)))
    return [(name, getattr(thing, name)) for name in names if hasattr(thing, name)]
