"""Proof that key and certificate match: a test signature that the certificate verifies."""

from collections.abc import Callable
from pathlib import Path

from lxml import etree

from appealbus.connectors.signing.trust import load_trusted
from appealbus.connectors.wssec.verify import verify
from appealbus.core import CallFailed, ConfigError

_MESSAGE = b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header/><s:Body/></s:Envelope>'


def prove(sign: Callable[[bytes], bytes], key: Path, certificate: Path) -> None:
    """Verify a test signature by the certificate, at the start of its validity. Raises ConfigError."""
    trust = load_trusted([certificate])
    try:
        verify(etree.fromstring(sign(_MESSAGE)), trust, now=trust.pinned[0].certificate.not_valid_before_utc)
    except (CallFailed, ValueError):
        raise ConfigError(
            f"{key} is not the key of the certificate {certificate}; give the two that belong together"
        ) from None
