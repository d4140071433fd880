"""Client tokens: `ab_ID_SECRET`. The id finds the row; only the SHA-256 of the whole is stored.

The secret has 256 random bits, so a slow hash is not needed.
"""

import hmac
import re
import secrets
from hashlib import sha256

_TOKEN = re.compile(r"ab_([0-9a-f]{16})_[A-Za-z0-9_-]{43}", re.ASCII)


def new_token() -> tuple[str, str, bytes]:
    """Return a new token, its id, and the digest to store."""
    mark = secrets.token_hex(8)
    token = f"ab_{mark}_{secrets.token_urlsafe(32)}"
    return token, mark, digest_of(token)


def split(token: str) -> str | None:
    """Return the id in a token; None if the text is no token of ours."""
    match = _TOKEN.fullmatch(token)
    return None if match is None else match[1]


def digest_of(token: str) -> bytes:
    return sha256(token.encode()).digest()


def same(token: str, digest: bytes) -> bool:
    """Whether the token matches the stored digest, in constant time."""
    return hmac.compare_digest(digest_of(token), digest)
