"""Proves that a key is its certificate's, by what alone counts: a signature that the certificate verifies."""

from collections.abc import Callable
from pathlib import Path

from lxml import etree

from appealbus.connectors.signing.trust import load_trusted
from appealbus.connectors.wssec.verify import verify
from appealbus.core import CallFailed, ConfigError

_MESSAGE = b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header/><s:Body/></s:Envelope>'


def prove(sign: Callable[[bytes], bytes], key: Path, certificate: Path) -> None:
    """Sign a message that nobody gets, and verify it by the certificate, on the first day of that.

    Args:
        sign: signs with the key.
        key: its file.
        certificate: the file of the certificate that goes out with each message.

    Raises:
        ConfigError: they do not belong together.

    """
    trust = load_trusted([certificate])
    try:
        verify(etree.fromstring(sign(_MESSAGE)), trust, now=trust.pinned[0].certificate.not_valid_before_utc)
    except (CallFailed, ValueError):
        raise ConfigError(
            f"{key} is not the key of the certificate {certificate}; give the two that belong together"
        ) from None
