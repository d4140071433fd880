"""Signatures inside documents, which some registers require beside the message's signature."""

from collections.abc import Callable
from typing import TypeAlias

from appealbus.connectors.signing import SignatureSettings
from appealbus.connectors.signing.load import signer_of, verification_of
from appealbus.connectors.signing.signer import DataSigner

__all__ = ["DataSigner", "DataVerifier", "load_data_signer", "load_data_verifier"]

DataVerifier: TypeAlias = Callable[..., None]
"""Verifies and removes the signature of a root element of its own document; raises CallFailed unless a trusted peer
signed all of it. Takes milliseconds: called in a thread. `came_at` is the time of arrival, if not now.
"""


def load_data_signer(settings: SignatureSettings, key: str) -> DataSigner | None:
    """Load the signer of the table `key`; None if there is no key. Call it in a thread. Raises ConfigError."""
    signer: DataSigner | None = signer_of(settings, key, "xmldsig")
    return signer


def load_data_verifier(settings: SignatureSettings, key: str) -> DataVerifier | None:
    """Load the verifier; None if data need no signature. Call it in a thread. Raises ConfigError."""
    return verification_of(settings, key, "xmldsig")
