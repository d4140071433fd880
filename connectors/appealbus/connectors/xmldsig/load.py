"""Makes signers and verifiers of data from settings. What needs the extra `wssec` is imported when it is asked for."""

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from appealbus.connectors.signing import SignatureSettings
from appealbus.connectors.signing.load import errors_of, key_of, load_service, module, trust_of
from appealbus.connectors.xmldsig.signer import DataSigner

DataVerifier: TypeAlias = Callable[..., None]
"""Takes the root of a document, which must be one of its own, and the signature out of it; raises CallFailed where
nobody whom we trust signed all of it. Takes milliseconds, and is called in a thread. `came_at` says when it came, if
that was not now."""


def load_data_signer(settings: SignatureSettings, key: str) -> DataSigner | None:
    """Read the key and the certificate and return the signer; None where there is none. Call it in a thread.

    Args:
        settings: the table `data_signature`.
        key: the table's own key, for errors: `sources.gbdul.data_signature`.

    Raises:
        ConfigError: they cannot be read or do not belong together, or the extra is not installed.

    """
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
    """Read whom to trust and return the verifier; None where data is not held to anybody. Call it in a thread.

    Args:
        settings: the table `data_signature`.
        key: the table's own key, for errors.

    Raises:
        ConfigError: a certificate or list cannot be read, or the extra is not installed.

    """
    if not settings.is_verified:
        return None
    with errors_of(key):
        verify, trust = module("xmldsig", "verify").verify, trust_of(settings)
    return partial(verify, trust=trust)
