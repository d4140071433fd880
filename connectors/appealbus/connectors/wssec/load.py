"""Makes signers and verifiers from settings. What needs the extra `wssec` is imported here, when it is asked for."""

from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import TypeAlias

from lxml import etree

from appealbus.connectors.wssec.settings import SignatureSettings
from appealbus.connectors.wssec.signer import Signer, Unsigned
from appealbus.core import ConfigError

Verifier: TypeAlias = Callable[[etree._Element], etree._Element]
"""Takes an envelope's root and returns its body, which was signed by the peer; raises CallFailed otherwise."""


def load_signer(settings: SignatureSettings, key: str) -> Signer:
    """Read the key and the certificate and return the signer. Reads from disk: call it in a thread.

    Args:
        settings: the table.
        key: the table's own key, for errors: `sources.gbdfl.signature`.

    Raises:
        ConfigError: they cannot be read or do not belong together, or the extra is not installed.

    """
    if settings.sign == "none":
        return Unsigned()
    password = settings.key_password.get() if settings.key_password is not None else None
    try:
        signer: Signer = _module("rsa").load_rsa_signer(settings.key, settings.certificate, password)
    except ConfigError as error:
        raise ConfigError(f"{key}: {error}") from None
    return signer


def load_verifier(settings: SignatureSettings, key: str) -> Verifier | None:
    """Read the trusted certificates and return the verifier; None where answers are not held to any.

    Args:
        settings: the table.
        key: the table's own key, for errors.

    Raises:
        ConfigError: a certificate cannot be read, or the extra is not installed.

    """
    if not settings.trusted or not settings.verify:
        return None
    try:
        module = _module("verify")
        trusted = module.load_trusted(settings.trusted)
    except ConfigError as error:
        raise ConfigError(f"{key}: {error}") from None
    return lambda envelope: module.verify(envelope, trusted)


def _module(name: str) -> ModuleType:
    try:
        return import_module(f"appealbus.connectors.wssec.{name}")
    except ImportError:
        raise ConfigError("signatures need more packages: pip install 'appealbus[wssec]'") from None
