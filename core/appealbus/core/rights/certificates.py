"""Client certificates: the SHA-256 of one is its id, and nothing else is stored."""

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
