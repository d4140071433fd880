"""WS-Security for SOAP messages: the body signed on the way out, and the signature held to on the way in."""

from appealbus.connectors.wssec.load import Verifier, load_signer, load_verifier
from appealbus.connectors.wssec.signer import Signer, Unsigned

__all__ = ["Signer", "Unsigned", "Verifier", "load_signer", "load_verifier"]
