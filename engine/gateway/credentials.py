"""What logins, names and passwords must be; passwords that are shown once."""

import re
import secrets
from typing import Final

from engine.domain.errors import Refused

PASSWORD_MIN: Final = 12
PASSWORD_MAX: Final = 200  # argon2 takes any length; a longer one is not a password
LOGIN: Final = re.compile(r"[a-z][a-z0-9._-]{1,31}")
NAME_MAX: Final = 80


def one_time() -> str:
    """A random password of 96 bits, for somebody to log in with once."""
    return secrets.token_urlsafe(12)


def check_password(password: str, login: str, field: str = "password") -> str:
    """Give the password back, or refuse one that is short or made of the login."""
    if not PASSWORD_MIN <= len(password) <= PASSWORD_MAX:
        raise Refused(
            f"the password must have {PASSWORD_MIN} to {PASSWORD_MAX} characters, "
            f"had {len(password)}",
            field=field,
        )
    if login and login in password.lower():
        raise Refused("the password must not hold the login", field=field)
    return password


def check_login(login: str) -> str:
    """Give the login back, or refuse it."""
    if not LOGIN.fullmatch(login):
        raise Refused(
            "the login must be 2 to 32 small letters, digits, dots or dashes, a letter first, "
            f"was {login[:40]!r}",
            field="login",
        )
    return login


def check_words(words: str, field: str) -> str:
    """A name or a desk: printable, not empty, without spaces at its ends."""
    text = words.strip()
    if not text or len(text) > NAME_MAX or not text.isprintable():
        raise Refused(
            f"the {field} must have 1 to {NAME_MAX} printable characters, was {words[:90]!r}",
            field=field,
        )
    return text
