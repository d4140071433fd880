"""WS-Security for SOAP messages: the body signed on the way out, and the signature held to on the way in."""

from appealbus.connectors.wssec.load import Verifier, certificates_of, load_signer, load_verifier
from appealbus.connectors.wssec.settings import SignatureSettings
from appealbus.connectors.wssec.signer import Signer, Unsigned

__all__ = ["SignatureSettings", "Signer", "Unsigned", "Verifier", "certificates_of", "load_signer", "load_verifier"]
