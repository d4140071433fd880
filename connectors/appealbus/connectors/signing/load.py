"""Loading of keys, certificates and trust. Modules that need the extra `wssec` are imported here, on demand."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from types import ModuleType
from typing import Any

from appealbus.connectors.signing.ncanode import NcaNode
from appealbus.connectors.signing.settings import SignatureSettings
from appealbus.core import CertificateState, ConfigError


def signer_of(settings: SignatureSettings, key: str, folder: str) -> Any:
    """Load the signer of the table `key`, for messages (`wssec`) or documents (`xmldsig`); None if nothing is signed.

    Reads from disk: call it in a thread. Raises ConfigError.
    """
    if settings.sign == "none":
        return None
    with errors_of(key):
        password = settings.key_password.get() if settings.key_password else None
        if settings.sign != "ncanode":
            load = module(folder, "local").KeySigner.load
            return load(settings.sign, settings.key, settings.certificate, password)
        if settings.url is None or settings.key is None or password is None:
            raise ConfigError("a signing service needs url, key and key_password")
        service = NcaNode(settings.url, settings.key, password, settings.key_alias, settings.timeout)
        return module(folder, "remote").RemoteSigner(service)


def verification_of(settings: SignatureSettings, key: str, folder: str) -> Callable[..., Any] | None:
    """Return `verify` of the folder, with the trust of the table `key`; None if nothing is verified."""
    if not settings.is_verified:
        return None
    files = settings.trusted, settings.trusted_ca, settings.subject(), settings.crl
    with errors_of(key):
        return partial(module(folder, "verify").verify, trust=module("signing", "trust").load_trust(*files))


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
