"""What protects answers in browsers, and the connection by TLS."""

import ssl

from appealbus.core import ConfigError
from appealbus.core.management import people
from appealbus.plugins.api.settings import ApiSettings

HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
"""Of every answer; one that has its own value of a header keeps that."""
STYLED = "default-src 'none'; style-src '{}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""The policy of a page that has one style sheet, given by its hash, and nothing else."""


def context(settings: ApiSettings) -> ssl.SSLContext | None:
    """Return what makes connections TLS; None where they are not.

    Raises:
        ConfigError: a certificate or a key cannot be used.

    """
    if settings.tls_certificate is None:
        return None
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        made.load_cert_chain(settings.tls_certificate, settings.tls_key)
    except (OSError, ssl.SSLError):
        raise ConfigError(
            "plugins.api: tls_certificate and tls_key cannot be used; write the path of a certificate with its chain "
            "and of its key, both in PEM"
        ) from None
    if settings.client_authorities is not None:
        try:
            made.load_verify_locations(settings.client_authorities)
        except (OSError, ssl.SSLError):
            raise ConfigError("plugins.api.client_authorities: write the path of certificates in PEM") from None
        made.verify_mode = ssl.CERT_OPTIONAL
    return made


def fingerprint(connection: ssl.SSLObject | None) -> str | None:
    """Return the SHA-256, in hex, of the certificate that the peer has shown and proved; None where it has not."""
    shown = connection.getpeercert(binary_form=True) if connection is not None else None
    return people.fingerprint(shown)[0] if shown else None
