"""Finding the certificate that verifies a signature."""

import base64
import binascii
from collections.abc import Sequence

from lxml import etree

from appealbus.connectors.signing.failures import failed
from appealbus.connectors.signing.trusted import Trusted
from appealbus.core import CallFailed
from appealbus.schemas.namespaces import DS


def signed_by(signature: etree._Element, candidates: Sequence[Trusted], info: bytes, covered: bytes) -> Trusted:
    """Return the candidate that verifies the signature, or raise CallFailed `wssec.signature`.

    `info` is its SignedInfo and `covered` the referenced content, both canonical. The candidates share their
    algorithms.
    """
    digest, value = _octets(signature[0][2].find(f"{{{DS}}}DigestValue")), _octets(signature[1])
    if digest == candidates[0].key.digest(covered):
        for candidate in candidates:
            if candidate.key.signed_message(info, value):
                return candidate
    raise _misfit()


def _octets(element: etree._Element | None) -> bytes:
    try:
        return base64.b64decode("".join(("" if element is None else element.text or "").split()), validate=True)
    except (ValueError, binascii.Error):
        raise _misfit() from None


def _misfit() -> CallFailed:
    return failed("wssec.signature", "the signature does not fit the message")
