"""WS-Security for SOAP messages: signing the body of requests, verifying the signature of replies."""

from appealbus.connectors.wssec.load import Verifier, load_signer, load_verifier
from appealbus.connectors.wssec.signer import Signer, Unsigned

__all__ = ["Signer", "Unsigned", "Verifier", "load_signer", "load_verifier"]
