"""XML signatures that registers want inside their own documents, beside that of the message: enveloped ones."""

from appealbus.connectors.xmldsig.load import DataVerifier, load_data_signer, load_data_verifier
from appealbus.connectors.xmldsig.signer import DataSigner

__all__ = ["DataSigner", "DataVerifier", "load_data_signer", "load_data_verifier"]
