"""What a limit must be before anybody decides about it: a place, a number, its why, an owner."""

import math
from typing import Final

from engine.core.state import State
from engine.domain.errors import Refused
from engine.domain.limits import (
    EACH,
    KINDS,
    LEVELS,
    RESTRICTED,
    WINDOW_MAX_S,
    LimitKind,
    Terms,
    day_number,
    names_of,
    of_whom,
)
from engine.domain.people import Person, Reach, reach
from engine.domain.strategy import STRATEGIES
from engine.domain.units import PersonId

WHY_LEAST: Final = 20  # characters of a derivation
REVIEW_DAYS: Final = 400  # how far ahead a review may lie


def check_terms(state: State, terms: Terms, person: Person) -> LimitKind:
    """A limit that nobody can explain, owns or looks at again is refused."""
    kind = KINDS.get(terms.kind)
    if kind is None:
        raise Refused(
            f"kind must be one of {', '.join(KINDS)}, was {terms.kind!r}", field="terms.kind"
        )
    if terms.level in LEVELS and terms.level not in kind.levels:
        raise Refused(
            f"{kind.words} can stand at {' or '.join(kind.levels)}, was {terms.level}",
            field="terms.level",
        )
    _check_place(state, terms, person)
    if terms.kind == RESTRICTED:
        _check_symbols(state, terms)
    else:
        _check_numbers(terms, kind)
    if len(terms.derivation.strip()) < WHY_LEAST:
        raise Refused(
            f"a limit needs its derivation, at least {WHY_LEAST} characters: from what capital, "
            "strategy or risk tolerance the number follows",
            field="terms.derivation",
            rule="derivation",
        )
    owner = state.people.get(terms.owner)
    if owner is None or not owner.active:
        raise Refused(
            f"a limit needs an owner who is here, was {terms.owner!r}",
            field="terms.owner",
            rule="owner",
        )
    check_review(state, terms.review)
    return kind


def _check_place(state: State, terms: Terms, person: Person) -> None:
    if terms.level not in LEVELS:
        raise Refused(
            f"level must be one of {', '.join(LEVELS)}, was {terms.level!r}", field="terms.level"
        )
    subject = terms.subject
    if (terms.level == "firm") != (subject == ""):
        raise Refused(
            "the firm has no subject, every other level needs one (or * for each)",
            field="terms.subject",
        )
    known: dict[str, tuple[str, ...]] = {
        "desk": tuple({row.desk for row in state.people.values()}),
        "trader": tuple(state.people),
        "instrument": tuple(state.instruments),
        "strategy": tuple(STRATEGIES),
    }
    names = known.get(terms.level)
    if names is not None and subject not in (EACH, *names):
        raise Refused(
            f"{terms.level} must be one of {', '.join(sorted(names))} or *, was {subject!r}",
            field="terms.subject",
        )
    if reach(person.roles, "limit.propose") != Reach.ALL and not own_desk(state, terms, person):
        raise Refused(
            f"a limit {of_whom(terms.level, subject)} is risk's to change: a supervisor changes "
            "those of the own desk and its traders",
            rule="limit.propose",
        )


def own_desk(state: State, terms: Terms, person: Person) -> bool:
    """Whether the limit is of the person's desk, or of a trader there."""
    if terms.level == "desk":
        return terms.subject == person.desk
    trader = state.people.get(PersonId(terms.subject)) if terms.level == "trader" else None
    return trader is not None and trader.desk == person.desk


def _check_symbols(state: State, terms: Terms) -> None:
    unknown = [name for name in names_of(terms.symbols) if name not in state.instruments]
    if unknown:
        raise Refused(
            f"symbols must be those of the desk, was {', '.join(unknown)}", field="terms.symbols"
        )


def _check_numbers(terms: Terms, kind: LimitKind) -> None:
    if terms.symbols:
        raise Refused(f"{kind.name} has no list of symbols", field="terms.symbols")
    if terms.value is None:
        if kind.at != "kill" and (terms.level, terms.subject) == (kind.level, kind.subject):
            raise Refused(
                f"{kind.words} must have a limit {of_whom(terms.level, terms.subject)}",
                field="terms.value",
            )
    elif not 0 <= terms.value < math.inf:
        raise Refused(f"value must not be negative, was {terms.value:g}", field="terms.value")
    elif not kind.low <= terms.value <= kind.high:
        raise Refused(
            f"{kind.words} must be between {kind.low:g} and {kind.high:g} ({kind.unit}), was "
            f"{terms.value:g}",
            field="terms.value",
        )
    _check_soft(terms, kind)
    if terms.window_s and not kind.window:
        raise Refused(f"{kind.words} has no window", field="terms.window_s")
    if not 0 <= terms.window_s <= WINDOW_MAX_S:
        raise Refused(
            f"window must be at most {WINDOW_MAX_S:g} s, was {terms.window_s:g}",
            field="terms.window_s",
        )


def _check_soft(terms: Terms, kind: LimitKind) -> None:
    if terms.soft is None:
        return
    if not kind.soft:
        raise Refused(
            f"{kind.words} is checked at every child and has no soft number", field="terms.soft"
        )
    if not 0 <= terms.soft <= (terms.value or 0.0):
        raise Refused(
            f"soft must be between 0 and the limit, was {terms.soft:g}", field="terms.soft"
        )


def check_review(state: State, review: str) -> None:
    """A date after today, and not so far away that nobody looks again."""
    day = day_number(review)
    today = day_number(state.session.day) if state.session is not None else None
    if day is None:
        raise Refused(
            f"a limit needs a review date like 2027-05-31, was {review!r}",
            field="terms.review",
            rule="review",
        )
    if state.session is not None and today is not None and not 0 < day - today <= REVIEW_DAYS:
        raise Refused(
            f"the review must be after {state.session.day} and at most {REVIEW_DAYS} days ahead, "
            f"was {review}",
            field="terms.review",
            rule="review",
        )
