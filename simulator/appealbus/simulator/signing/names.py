"""Namespaces and algorithms of signatures."""

from typing import Final

DS: Final = "http://www.w3.org/2000/09/xmldsig#"
_OASIS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-"
WSSE: Final = f"{_OASIS}wssecurity-secext-1.0.xsd"
WSU: Final = f"{_OASIS}wssecurity-utility-1.0.xsd"
X509_V3: Final = f"{_OASIS}x509-token-profile-1.0#X509v3"

EXCLUSIVE: Final = "http://www.w3.org/2001/10/xml-exc-c14n#"
INCLUSIVE: Final = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
WITH_COMMENTS: Final = f"{INCLUSIVE}#WithComments"
ENVELOPED: Final = f"{DS}enveloped-signature"


def ds(tag: str) -> str:
    return f"{{{DS}}}{tag}"


def wsse(tag: str) -> str:
    return f"{{{WSSE}}}{tag}"
