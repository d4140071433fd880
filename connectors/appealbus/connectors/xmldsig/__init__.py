"""Enveloped XML signatures inside documents, which some registers require beside the message's signature."""

from appealbus.connectors.xmldsig.load import DataVerifier, load_data_signer, load_data_verifier
from appealbus.connectors.xmldsig.signer import DataSigner

__all__ = ["DataSigner", "DataVerifier", "load_data_signer", "load_data_verifier"]
