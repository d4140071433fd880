"""What can be set about the API."""

from ipaddress import ip_address
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from appealbus.core import Settings
from appealbus.core.config.types import ExistingFile, KeyFile, Seconds
from appealbus.plugins.monitor.settings import Listen, ListenAddress


def _address(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        raise ValueError('write the address of a proxy, such as "10.0.0.7"') from None


class ApiSettings(Settings):
    """The table `[plugins.api]`."""

    listen: Listen = "127.0.0.1:8470"
    """Address and port to listen on. Without TLS it must be one of this machine alone."""
    tls_certificate: ExistingFile | None = None
    """The server's certificate with its chain, in PEM."""
    tls_key: KeyFile | None = None
    """The key of the certificate, in PEM."""
    client_authorities: ExistingFile | None = None
    """Certificates, in PEM, of those who issue certificates to clients; none: clients show tokens alone."""
    proxies: list[Annotated[str, AfterValidator(_address)]] = []
    """Addresses of proxies that are believed when they say in `X-Forwarded-For` who is behind them."""
    metrics_listen: Listen | None = None
    """Where Prometheus finds `/metrics` of this server, such as `"127.0.0.1:9474"`; none: nowhere."""
    requests_per_minute: int = Field(default=600, ge=1, le=1_000_000)
    """How many requests a client may make in a minute, over all servers, unless it has a number of its own."""
    failed_attempts: int = Field(default=30, ge=1)
    """How many times in a minute an address may show credentials that do not count."""
    connections: int = Field(default=2000, ge=1)
    """How many connections this server has at a time."""
    waiting_per_client: int = Field(default=50, ge=1)
    """How many streams and long polls of one client this server has at a time."""
    patience: Seconds = Field(default=15.0, gt=0, le=300)
    """How long a client may take for the head of a request, for its body, and over a part of an answer."""

    @property
    def address(self) -> ListenAddress:
        """Where to listen."""
        return ListenAddress.parse(self.listen)

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if (self.tls_certificate is None) is not (self.tls_key is None):
            raise ValueError("tls_key: tls_certificate and tls_key belong together; set both, or neither")
        if self.tls_certificate is None and self.client_authorities is not None:
            raise ValueError(
                "client_authorities: certificates are shown over TLS alone; set tls_certificate and tls_key"
            )
        if self.tls_certificate is None and not _is_loopback(self.address.host):
            raise ValueError(
                f"listen: {self.listen} can be reached from elsewhere, and tokens and people would pass in clear; "
                "set tls_certificate and tls_key, or listen on 127.0.0.1 behind a proxy with TLS"
            )
        return self


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
