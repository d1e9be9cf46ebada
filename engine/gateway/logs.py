"""The log of the web process: what people typed cannot forge a line or drive a terminal.

The supervisor shows lines that begin with ``quarterdeck: `` on the console. A stack trace may hold
text from outside, so on stderr no line begins like that and no control character is left.
"""

import re
import sys
from typing import Final, TextIO

from engine.logs import FOR_PEOPLE, plain

FORGED: Final = re.compile(f"^{re.escape(FOR_PEOPLE)}", re.MULTILINE)


def clean(text: str) -> str:
    """Text as it may stand in a log: secrets of FIX hidden, control characters spelled out."""
    return FORGED.sub(f"| {FOR_PEOPLE}", plain(text))


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
