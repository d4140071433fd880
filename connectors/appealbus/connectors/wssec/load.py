"""Makes signers and verifiers from settings. What needs the extra `wssec` is imported here, when it is asked for."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

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
    kind, _, size = settings.sign.partition("-")
    signer: Signer
    with errors_of(key):
        if settings.sign == "ncanode":
            signer = module("wssec", "remote").RemoteSigner(load_service(settings))
        elif kind == "gost":
            signer = module("wssec", "gost.signer").load_gost_signer(*key_of(settings), int(size))
        else:
            signer = module("wssec", "rsa").load_rsa_signer(*key_of(settings))
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
    with errors_of(key):
        verify, trust = module("wssec", "verify").verify, trust_of(settings)

    async def verified(envelope: etree._Element) -> etree._Element:
        body: etree._Element = await asyncio.to_thread(verify, envelope, trust)
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
    with errors_of(key):
        found = module("wssec", "certificates").states(used)
    return found


def key_of(settings: SignatureSettings) -> tuple[Path | None, Path | None, str | None]:
    """Return the files of our key and its certificate, and the key's password."""
    return settings.key, settings.certificate, settings.key_password.get() if settings.key_password else None


def trust_of(settings: SignatureSettings) -> Any:
    """Read whom to trust and return it (`trust.Trust`).

    Raises:
        ConfigError: a certificate or list cannot be read, or the extra is not installed.

    """
    files = settings.trusted, settings.trusted_ca, settings.subject(), settings.crl
    return module("wssec", "trust").load_trust(*files)


@contextmanager
def errors_of(key: str) -> Iterator[None]:
    """Have errors say which table of the settings they are about."""
    try:
        yield
    except ConfigError as error:
        raise ConfigError(f"{key}: {error}") from None


def module(folder: str, name: str) -> ModuleType:
    """Import a module of ours that needs the extra.

    Raises:
        ConfigError: the extra is not installed.

    """
    try:
        return import_module(f"appealbus.connectors.{folder}.{name}")
    except ImportError:
        raise ConfigError("signatures need more packages: pip install 'appealbus[wssec]'") from None
