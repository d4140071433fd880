"""TLS of a source: trusted authorities and own certificate."""

import ssl
from pathlib import Path

from pydantic import model_validator

from appealbus.core import ConfigError, Settings
from appealbus.core.config.files import writable_by_others
from appealbus.core.config.types import ExistingFile, KeyFile, Secret


class TlsSettings(Settings):
    """The `tls` table of a source. There is no way to switch the check of certificates off."""

    ca_bundle: ExistingFile | None = None
    """Certificates (PEM) of the authorities to trust, and of no others; none: those of the system."""
    client_cert: ExistingFile | None = None
    """Our certificate (PEM), with its chain; may hold the key as well."""
    client_key: KeyFile | None = None
    """The key of our certificate (PEM), if it is in a file of its own."""
    client_key_password: Secret | None = None
    """Opens the key."""

    @model_validator(mode="after")
    def _whole(self) -> "TlsSettings":
        if self.client_cert is None and (self.client_key is not None or self.client_key_password is not None):
            raise ValueError("client_key and client_key_password need client_cert")
        return self


def tls_context(settings: TlsSettings, key: str) -> ssl.SSLContext:
    """Read the files and build the context; call it in a thread. Raises ConfigError, naming the table `key`."""
    try:
        context = ssl.create_default_context(cafile=_file(settings.ca_bundle, f"{key}.ca_bundle"))
    except ssl.SSLError:
        raise ConfigError(f"{key}.ca_bundle: {settings.ca_bundle} holds no certificates; write a PEM file") from None
    # Python 3.13 began to refuse authorities without a key identifier, as many a state's own still are.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    certificate = _file(settings.client_cert, f"{key}.client_cert")
    if certificate is not None:
        # Without a password OpenSSL would ask for one on the terminal.
        password = settings.client_key_password.get() if settings.client_key_password is not None else ""
        try:
            context.load_cert_chain(certificate, _file(settings.client_key, f"{key}.client_key"), lambda: password)
        except (ssl.SSLError, ValueError):
            raise ConfigError(
                f"{key}.client_cert: {certificate} and its key do not open or do not fit together; "
                "check client_cert, client_key and client_key_password"
            ) from None
    return context


def _file(path: Path | None, key: str) -> str | None:
    if path is None:
        return None
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        raise ConfigError(f"{key}: {path} cannot be read: {error.strerror}") from None
    if problem := writable_by_others(path):
        raise ConfigError(f"{key}: {problem}")
    return str(path)
