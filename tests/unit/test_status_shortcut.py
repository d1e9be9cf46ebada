"""The short way to a status says what the table of precedence says, for everything there is."""

from itertools import chain, combinations, product

from engine.domain.life import FINAL, PRECEDENCE, OrdStatus, _status, _Terms

S = OrdStatus
QUANTITY = 100
ENDS = (None, S.DONE_FOR_DAY, *FINAL)
PENDING = (S.PENDING_CANCEL, S.PENDING_REPLACE)


def by_precedence(now, filled, pending):
    """Every status that applies, the highest of them; an end is an end."""
    if now.end in FINAL:
        return now.end
    applies = {
        S.NEW: now.is_proved,
        S.PENDING_NEW: not now.is_proved,
        S.PARTIAL: filled > 0,
        S.STOPPED: now.is_stopped,
        S.FILLED: filled >= now.quantity,
        S.DONE_FOR_DAY: now.end == S.DONE_FOR_DAY,
        **{status: status in pending for status in PENDING},
    }
    return max((status for status in applies if applies[status]), key=PRECEDENCE.__getitem__)


def test_every_combination_of_what_was_heard_has_the_status_of_the_highest_precedence():
    waits = tuple(chain.from_iterable(combinations(PENDING, n) for n in range(3)))
    seen = set()
    for end, proved, stopped, filled, pending in product(
        ENDS, (False, True), (False, True), (0, 40, 100, 120), waits
    ):
        now = _Terms(quantity=QUANTITY, price=5_000, is_proved=proved, end=end, is_stopped=stopped)
        status = _status(now, filled, set(pending))
        assert status == by_precedence(now, filled, pending)
        seen.add(status)
    assert seen == set(S)
