"""Tokens of clients: `ab_ID_SECRET`. The id finds the row; of the whole only the SHA-256 is kept.

The secret has 256 bits of chance: no slow hash is needed where nobody can try them all.
"""

import hmac
import re
import secrets
from hashlib import sha256

_TOKEN = re.compile(r"ab_([0-9a-f]{16})_[A-Za-z0-9_-]{43}", re.ASCII)


def new_token() -> tuple[str, str, bytes]:
    """Return a new token, its id, and the digest that is kept of it."""
    mark = secrets.token_hex(8)
    token = f"ab_{mark}_{secrets.token_urlsafe(32)}"
    return token, mark, digest_of(token)


def split(token: str) -> str | None:
    """Return the id in a token; None where the text is no token of ours."""
    found = _TOKEN.fullmatch(token)
    return None if found is None else found[1]


def digest_of(token: str) -> bytes:
    """Return the SHA-256 of a token."""
    return sha256(token.encode()).digest()


def same(token: str, digest: bytes) -> bool:
    """Say whether this is the token of which the digest was kept, in a time that does not tell how near it is."""
    return hmac.compare_digest(digest_of(token), digest)
