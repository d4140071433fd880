"""Loading of keys, certificates and trust. Modules that need the extra `wssec` are imported here, on demand."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from appealbus.connectors.signing.ncanode import NcaNode
from appealbus.connectors.signing.settings import SignatureSettings
from appealbus.core import CertificateState, ConfigError


def load_service(settings: SignatureSettings) -> NcaNode:
    """Read the key and its password, and return the client of the signing service. Raises ConfigError."""
    if settings.url is None or settings.key is None or settings.key_password is None:
        raise ConfigError("a signing service needs url, key and key_password")
    password = settings.key_password.get()
    return NcaNode(settings.url, settings.key, password, settings.key_alias, settings.timeout)


def certificates_of(settings: SignatureSettings, key: str) -> tuple[CertificateState, ...]:
    """Return the certificates that the table `key` names, in a thread. Raises ConfigError."""
    used = [(settings.certificate, "signs our questions")] if settings.certificate and settings.sign != "none" else []
    if settings.verify:
        used += [(file, "signs its answers") for file in settings.trusted]
        used += [(file, "issues certificates") for file in settings.trusted_ca]
    if not used:
        return ()
    states: tuple[CertificateState, ...]
    with errors_of(key):
        states = module("signing", "certificates").states(used)
    return states


def key_of(settings: SignatureSettings) -> tuple[Path | None, Path | None, str | None]:
    """Return the files of our key and its certificate, and the key's password."""
    return settings.key, settings.certificate, settings.key_password.get() if settings.key_password else None


def trust_of(settings: SignatureSettings) -> Any:
    """Read the trusted certificates (`trust.Trust`). Raises ConfigError, also if the extra is not installed."""
    files = settings.trusted, settings.trusted_ca, settings.subject(), settings.crl
    return module("signing", "trust").load_trust(*files)


@contextmanager
def errors_of(key: str) -> Iterator[None]:
    """Prefix errors with the settings table concerned."""
    try:
        yield
    except ConfigError as error:
        raise ConfigError(f"{key}: {error}") from None


def module(folder: str, name: str) -> ModuleType:
    """Import a module of ours that needs the extra. Raises ConfigError if the extra is not installed."""
    try:
        return import_module(f"appealbus.connectors.{folder}.{name}")
    except ImportError:
        raise ConfigError("signatures need more packages: pip install '.[wssec]' in a checkout of the bus") from None
