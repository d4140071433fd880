"""Keys, certificates and trust for signatures over SOAP messages (`wssec`) and over data (`xmldsig`)."""

from appealbus.connectors.signing.load import certificates_of
from appealbus.connectors.signing.settings import SignatureSettings

__all__ = ["SignatureSettings", "certificates_of"]
