"""Two kinds of error, no third.

``Refused``: a rule says no; nothing changed; the sentence is shown to the person.
``BrokenInvariant``: our bug or corrupt data; the engine stops, cancels stay allowed.
What a venue reports (a late fill, an excess fill) is neither: it is a fact and is booked.
"""


class Refused(Exception):
    """The rules say no. ``str(error)`` is the sentence: what, which value, what is allowed."""

    def __init__(self, sentence: str, *, field: str = "", rule: str = "") -> None:
        super().__init__(sentence)
        self.field = field  # form field the sentence belongs to, "" = the whole form
        self.rule = rule  # id of the rule in the policy or permission table


class BrokenInvariant(Exception):
    """What must never happen has happened. Names the entry or object at fault."""


class JournalUnwritable(BrokenInvariant):
    """The journal takes nothing: full disk, or somebody holds it. Nothing is sent or believed."""
