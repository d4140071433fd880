"""Makes signers and verifiers of data from settings. What needs the extra `wssec` is imported when it is asked for."""

from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import TypeAlias

from lxml import etree

from appealbus.connectors.wssec import SignatureSettings
from appealbus.connectors.wssec.ncanode import NcaNode
from appealbus.connectors.xmldsig.signer import DataSigner
from appealbus.core import ConfigError

DataVerifier: TypeAlias = Callable[[etree._Element], None]
"""Takes the root of a document, which must be one of its own, and the signature out of it; raises CallFailed where
nobody whom we trust signed all of it. Takes milliseconds, and is called in a thread."""


def load_data_signer(settings: SignatureSettings, key: str, service: NcaNode | None = None) -> DataSigner | None:
    """Read the key and the certificate and return the signer; None where there is none. Call it in a thread.

    Args:
        settings: the table `data_signature`.
        key: the table's own key, for errors: `sources.gbdul.data_signature`.
        service: the signing service, where `sign` names one.

    Raises:
        ConfigError: they cannot be read or do not belong together, or the extra is not installed.

    """
    if settings.sign == "none":
        return None
    if service is not None:
        from appealbus.connectors.xmldsig.remote import RemoteDataSigner

        return RemoteDataSigner(service)
    password = settings.key_password.get() if settings.key_password is not None else None
    try:
        signer: DataSigner = _module("xmldsig.keys").load_key_signer(
            settings.sign, settings.key, settings.certificate, password
        )
    except ConfigError as error:
        raise ConfigError(f"{key}: {error}") from None
    return signer


def _module(name: str) -> ModuleType:
    try:
        return import_module(f"appealbus.connectors.{name}")
    except ImportError:
        raise ConfigError("signatures need more packages: pip install 'appealbus[wssec]'") from None
