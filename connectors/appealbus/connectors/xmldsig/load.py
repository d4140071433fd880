"""Makes signers and verifiers of data from settings. What needs the extra `wssec` is imported when it is asked for."""

from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import TypeAlias

from lxml import etree

from appealbus.connectors.wssec import SignatureSettings
from appealbus.connectors.wssec.load import load_service
from appealbus.connectors.xmldsig.signer import DataSigner
from appealbus.core import ConfigError

DataVerifier: TypeAlias = Callable[[etree._Element], None]
"""Takes the root of a document, which must be one of its own, and the signature out of it; raises CallFailed where
nobody whom we trust signed all of it. Takes milliseconds, and is called in a thread."""


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
    password = settings.key_password.get() if settings.key_password is not None else None
    files = settings.key, settings.certificate, password
    try:
        if settings.sign == "ncanode":
            signer: DataSigner = _module("xmldsig", "remote").RemoteDataSigner(load_service(settings))
        else:
            signer = _module("xmldsig", "keys").load_key_signer(settings.sign, *files)
    except ConfigError as error:
        raise ConfigError(f"{key}: {error}") from None
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
    try:
        module = _module("xmldsig", "verify")
        trust = _module("wssec", "trust").load_trust(
            settings.trusted, settings.trusted_ca, settings.subject(), settings.crl
        )
    except ConfigError as error:
        raise ConfigError(f"{key}: {error}") from None
    return lambda root: module.verify(root, trust)


def _module(folder: str, name: str) -> ModuleType:
    try:
        return import_module(f"appealbus.connectors.{folder}.{name}")
    except ImportError:
        raise ConfigError("signatures need more packages: pip install 'appealbus[wssec]'") from None
