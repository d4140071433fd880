"""Names of algorithms and parts of XML signatures, and of WS-Security's references to certificates."""

from typing import Final

from appealbus.schemas.namespaces import DS

OASIS: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-"
WSSE: Final = f"{OASIS}wssecurity-secext-1.0.xsd"
WSU: Final = f"{OASIS}wssecurity-utility-1.0.xsd"
KEY_IDENTIFIER: Final = f"{OASIS}x509-token-profile-1.0#X509SubjectKeyIdentifier"
THUMBPRINT: Final = "http://docs.oasis-open.org/wss/oasis-wss-soap-message-security-1.1#ThumbprintSHA1"

RSA_SHA256: Final = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
SHA256: Final = "http://www.w3.org/2001/04/xmlenc#sha256"

_PKI_GOV_KZ = "urn:ietf:params:xml:ns:pkigovkz:xmlsec:algorithms:"
GOST_SIGNATURE: Final = {bits: f"{_PKI_GOV_KZ}gostr34102015-gostr34112015-{bits}" for bits in (256, 512)}
"""Signature methods of GOST 34.10-2015, by the bits of their hash."""
GOST_DIGEST: Final = {bits: f"{_PKI_GOV_KZ}gostr34112015-{bits}" for bits in (256, 512)}
"""The corresponding digest methods."""
GOST_2004: Final = "http://www.w3.org/2001/04/xmldsig-more#gost34310-gost34311"
"""The signature method of older keys: GOST 34.310-2004 with GOST 34.311-95."""

METHODS: Final = frozenset({(RSA_SHA256, SHA256), *((GOST_SIGNATURE[bits], GOST_DIGEST[bits]) for bits in (256, 512))})
"""Accepted signature methods, each with its digest method."""

SIGNATURE_PARTS: Final = [f"{{{DS}}}{name}" for name in ("SignedInfo", "SignatureValue", "KeyInfo")]
"""Children of a Signature; KeyInfo is optional."""
SIGNED_INFO_PARTS: Final = [f"{{{DS}}}{name}" for name in ("CanonicalizationMethod", "SignatureMethod", "Reference")]
REFERENCE_PARTS: Final = [f"{{{DS}}}{name}" for name in ("Transforms", "DigestMethod", "DigestValue")]

SECURITY: Final = f"{{{WSSE}}}Security"
WSU_ID: Final = f"{{{WSU}}}Id"
