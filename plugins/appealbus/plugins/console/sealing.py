"""What a page carries in its URL in secret: one session alone can read it, and for an hour."""

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import parse_qsl, urlencode

from cryptography.fernet import Fernet, InvalidToken

_LIVES = 3600
"""Seconds: as long as somebody works with a search."""


def sealed(key: bytes, now: datetime, what: str, said: Mapping[str, str]) -> str:
    """Return something as it may stand in a URL.

    Args:
        key: of the session.
        now: by the journal's clock, which goes on where this machine's jumps, and is the same on all servers.
        what: it is, in a word: one thing is never taken for another.
        said: itself.

    """
    return Fernet(key).encrypt_at_time(f"{what}?{urlencode(said)}".encode(), int(now.timestamp())).decode()


def unsealed(key: bytes, now: datetime, what: str, token: str) -> dict[str, str] | None:
    """Return what was sealed; None where it is not of this session, too old, or something else."""
    try:
        read = Fernet(key).decrypt_at_time(token.encode(), _LIVES, int(now.timestamp())).decode()
    except (InvalidToken, UnicodeError):
        return None
    its, _, said = read.partition("?")
    return dict(parse_qsl(said)) if its == what else None
