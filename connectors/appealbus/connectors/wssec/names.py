"""Names of WS-Security in SOAP messages, beyond those of all signatures."""

from typing import Final

from appealbus.connectors.signing.names import OASIS, WSSE
from appealbus.schemas.namespaces import SOAP11, SOAP12

SOAP_NAMESPACES: Final = (SOAP11, SOAP12)

BASE64: Final = f"{OASIS}soap-message-security-1.0#Base64Binary"
X509V3: Final = f"{OASIS}x509-token-profile-1.0#X509v3"

EXC_C14N: Final = "http://www.w3.org/2001/10/xml-exc-c14n#"

WSSE_ID: Final = f"{{{WSSE}}}Id"
