"""Encrypts page state in URLs: for one session and one hour."""

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import parse_qsl, urlencode

from cryptography.fernet import Fernet, InvalidToken

_LIVES = 3600
"""Lifetime in seconds: about one working session with a search."""


def sealed(key: bytes, now: datetime, what: str, said: Mapping[str, str]) -> str:
    """Encrypt values for a URL.

    Args:
        key: of the session.
        now: by the journal's clock, which is the same on all servers and does not jump with this machine's.
        what: kind of the values; a token of one kind is invalid for another.
        said: the values.
    """
    return Fernet(key).encrypt_at_time(f"{what}?{urlencode(said)}".encode(), int(now.timestamp())).decode()


def unsealed(key: bytes, now: datetime, what: str, token: str) -> dict[str, str] | None:
    """Decrypt sealed values; None for another session, another kind or an expired token."""
    try:
        read = Fernet(key).decrypt_at_time(token.encode(), _LIVES, int(now.timestamp())).decode()
    except (InvalidToken, UnicodeError):
        return None
    its, _, said = read.partition("?")
    return dict(parse_qsl(said)) if its == what else None
