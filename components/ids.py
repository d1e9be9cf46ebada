"""Component ids as constants: a typo is an import error. Pages add theirs below their heading."""

from typing import Final

# frame
LOCATION: Final = "where"
PAGE: Final = "page"
