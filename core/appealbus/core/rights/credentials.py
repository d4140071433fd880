"""Credentials of clients: tokens `ab_ID_SECRET`, and the SHA-256 of certificates."""

import hmac
import re
import secrets
import ssl
from hashlib import sha256

_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
LARGEST = 64 * 1024


def fingerprint(der: bytes) -> tuple[str, bytes]:
    """Return the id of a certificate in DER, and the stored digest."""
    digest = sha256(der).digest()
    return digest.hex(), digest


def certificate_in(pem: bytes) -> bytes:
    """Return the one certificate in a PEM file as DER. Raises ValueError, with a text for people, on other content."""
    if b"PRIVATE KEY" in pem:
        raise ValueError("the file holds a private key, which nobody but the client may have; give its certificate")
    text = pem.decode("ascii", "replace")
    if len(pem) > LARGEST or text.count(_BEGIN) != 1:
        raise ValueError("write a file with one certificate in PEM: the client's own, without those of authorities")
    begins, ends = text.index(_BEGIN), text.find(_END)
    try:
        der = ssl.PEM_cert_to_DER_cert(text[begins : ends + len(_END)])
        ssl.create_default_context().load_verify_locations(cadata=der)
    except (ValueError, ssl.SSLError):
        raise ValueError("the certificate in the file cannot be read") from None
    return der


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
