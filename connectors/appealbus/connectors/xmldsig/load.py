"""Creates signers and verifiers of data from settings. Modules that need the extra `wssec` are imported on demand."""

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from appealbus.connectors.signing import SignatureSettings
from appealbus.connectors.signing.load import errors_of, key_of, load_service, module, trust_of
from appealbus.connectors.xmldsig.signer import DataSigner

DataVerifier: TypeAlias = Callable[..., None]
"""Verifies and removes the signature of a root element of its own document; raises CallFailed unless a trusted peer
signed all of it. Takes milliseconds: called in a thread. `came_at` is the time of arrival, if not now.
"""


def load_data_signer(settings: SignatureSettings, key: str) -> DataSigner | None:
    """Load the signer of the table `key`; None if there is no key. Call it in a thread. Raises ConfigError."""
    if settings.sign == "none":
        return None
    signer: DataSigner
    with errors_of(key):
        if settings.sign == "ncanode":
            signer = module("xmldsig", "remote").RemoteDataSigner(load_service(settings))
        else:
            signer = module("xmldsig", "keys").load_key_signer(settings.sign, *key_of(settings))
    return signer


def load_data_verifier(settings: SignatureSettings, key: str) -> DataVerifier | None:
    """Load the verifier; None if data need no signature. Call it in a thread. Raises ConfigError."""
    if not settings.is_verified:
        return None
    with errors_of(key):
        verify, trust = module("xmldsig", "verify").verify, trust_of(settings)
    return partial(verify, trust=trust)
