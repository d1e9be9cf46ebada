"""The log of the web process: what people typed cannot forge a line or drive a terminal.

The supervisor shows lines that begin with ``quarterdeck: `` on the console. A stack trace may hold
text from outside, so on stderr no line begins like that and no control character is left.
"""

import re
import sys
from typing import Final, TextIO

FOR_PEOPLE: Final = "quarterdeck: "  # the supervisor shows such lines on the console
# C0 without tab and line feed, C1, separators and marks that turn the direction of a line
CONTROL: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)
SECRET: Final = re.compile("([\x01|^](?:554|96)=)[^\x01|^]*")  # FIX: password, raw data
FORGED: Final = re.compile(f"^{re.escape(FOR_PEOPLE)}", re.MULTILINE)


def clean(text: str) -> str:
    """Text as it may stand in a log: secrets of FIX hidden, control characters spelled out."""
    hidden = SECRET.sub(r"\1***", text)
    plain = CONTROL.sub(lambda found: ascii(found.group())[1:-1], hidden)
    return FORGED.sub(f"| {FOR_PEOPLE}", plain)


class CleanStream:
    """A text stream that writes cleaned text to another one."""

    def __init__(self, to: TextIO) -> None:
        self._to = to

    def write(self, text: str) -> int:
        """Clean and pass on; the length as given, as streams do."""
        self._to.write(clean(text))
        return len(text)

    def flush(self) -> None:
        """Pass on."""
        self._to.flush()

    def isatty(self) -> bool:
        """Never: nobody colours a log."""
        return False

    def fileno(self) -> int:
        """Of the stream below."""
        return self._to.fileno()


def clean_stderr() -> None:
    """From here on what this process writes to stderr is clean."""
    if not isinstance(sys.stderr, CleanStream):
        sys.stderr = CleanStream(sys.stderr)
