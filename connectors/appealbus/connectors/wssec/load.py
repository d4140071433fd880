"""Makes signers and verifiers from settings. What needs the extra `wssec` is imported here, when it is asked for."""

import asyncio
from collections.abc import Awaitable, Callable
from importlib import import_module
from types import ModuleType
from typing import TypeAlias

from lxml import etree

from appealbus.connectors.wssec.ncanode import NcaNode
from appealbus.connectors.wssec.settings import SignatureSettings
from appealbus.connectors.wssec.signer import Signer, Unsigned
from appealbus.core import CertificateState, ConfigError

Verifier: TypeAlias = Callable[[etree._Element], Awaitable[etree._Element]]
"""Takes an envelope's root and returns its body, which was signed by the peer; raises CallFailed otherwise. Works in a
thread: nobody else may touch the envelope meanwhile."""


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
    files = settings.key, settings.certificate, password
    kind, _, size = settings.sign.partition("-")
    try:
        if settings.sign == "ncanode":
            signer: Signer = _module("remote").RemoteSigner(load_service(settings))
        elif kind == "gost":
            signer = _module("gost.signer").load_gost_signer(*files, int(size))
        else:
            signer = _module("rsa").load_rsa_signer(*files)
    except ConfigError as error:
        raise ConfigError(f"{key}: {error}") from None
    return signer


def load_service(settings: SignatureSettings) -> NcaNode:
    """Read the key and its password and return the way to the signing service that is handed them.

    Raises:
        ConfigError: they cannot be read.

    """
    if settings.url is None or settings.key is None or settings.key_password is None:
        raise ConfigError("a signing service needs url, key and key_password")
    password = settings.key_password.get()
    return NcaNode(settings.url, settings.key, password, settings.key_alias, settings.timeout)


def load_verifier(settings: SignatureSettings, key: str) -> Verifier | None:
    """Read whom to trust and return the verifier; None where answers are not held to anybody.

    Args:
        settings: the table.
        key: the table's own key, for errors.

    Raises:
        ConfigError: a certificate or list cannot be read, or the extra is not installed.

    """
    if not settings.is_verified:
        return None
    try:
        module = _module("verify")
        trust = _module("trust").load_trust(settings.trusted, settings.trusted_ca, settings.subject(), settings.crl)
    except ConfigError as error:
        raise ConfigError(f"{key}: {error}") from None

    async def verified(envelope: etree._Element) -> etree._Element:
        body: etree._Element = await asyncio.to_thread(module.verify, envelope, trust)
        return body

    return verified


def certificates_of(settings: SignatureSettings, key: str) -> tuple[CertificateState, ...]:
    """Return the certificates that a table names. Reads from disk: call it in a thread.

    Args:
        settings: the table.
        key: the table's own key, for errors.

    Raises:
        ConfigError: one cannot be read, or the extra is not installed.

    """
    used = [(settings.certificate, "signs our questions")] if settings.certificate and settings.sign != "none" else []
    if settings.verify:
        used += [(file, "signs its answers") for file in settings.trusted]
        used += [(file, "issues certificates") for file in settings.trusted_ca]
    if not used:
        return ()
    found: tuple[CertificateState, ...]
    try:
        found = _module("certificates").states(used)
    except ConfigError as error:
        raise ConfigError(f"{key}: {error}") from None
    return found


def _module(name: str) -> ModuleType:
    try:
        return import_module(f"appealbus.connectors.wssec.{name}")
    except ImportError:
        raise ConfigError("signatures need more packages: pip install 'appealbus[wssec]'") from None
