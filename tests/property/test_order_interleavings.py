"""Whatever crosses whatever: nothing is lost, doubled or beyond the quantity; failures shrink."""

from hypothesis import given, settings
from hypothesis import strategies as some

from engine.drill.schedules import Schedule


class Drawn(Schedule):
    """A schedule whose dice are the test's: sends, hold, kill, amend, replace, reject, break."""

    turns = 25

    def __init__(self, rolls: list[int]) -> None:
        self.rolls, self.at = rolls, 0
        super().__init__(1, 1)

    def dice(self, n: int) -> int:
        """The next roll; the same ones again when they are used up."""
        self.at += 1
        return self.rolls[self.at % len(self.rolls)] % n


@given(rolls=some.lists(some.integers(0, 2**20), min_size=40, max_size=200))
@settings(max_examples=30, deadline=None)
def test_quantities_are_conserved_in_every_interleaving(rolls):
    one = Drawn(rolls)
    one.run()
    assert one.wrong == []
