"""Broker settings as pika's parameters."""

import pika

from appealbus.connectors.broker.settings import BrokerSettings
from appealbus.connectors.http.tls import tls_context
from appealbus.core import ConfigError, __version__

_PORT = 5672
"""Default port of AMQP."""
_TLS_PORT = 5671
"""Default port of AMQP over TLS."""


def parameters(settings: BrokerSettings, key: str, link: str) -> list[pika.ConnectionParameters]:
    """Return the connection parameters for each host. Reads files: call it in a thread.

    Raises ConfigError with the table's `key`. `link` is the connection's name in the broker's own lists.
    """
    tls = tls_context(settings.tls, f"{key}.tls") if settings.tls is not None else None
    return [
        pika.ConnectionParameters(
            host=host,
            port=int(port) if port else _TLS_PORT if tls else _PORT,
            virtual_host=settings.virtual_host,
            credentials=_credentials(settings, key),
            ssl_options=pika.SSLOptions(tls, host) if tls is not None else None,
            heartbeat=settings.heartbeat,
            socket_timeout=settings.connect_timeout,
            stack_timeout=settings.connect_timeout,
            blocked_connection_timeout=settings.blocked_timeout,
            client_properties={"product": "appealbus", "version": __version__, "connection_name": f"appealbus {link}"},
        )
        for host, _, port in (address.partition(":") for address in settings.hosts)
    ]


def _credentials(
    settings: BrokerSettings, key: str
) -> pika.credentials.PlainCredentials | pika.credentials.ExternalCredentials:
    if settings.password is not None:
        return pika.PlainCredentials(settings.user, settings.password.get())
    if settings.tls is not None and settings.tls.client_cert is not None:
        return pika.credentials.ExternalCredentials()
    raise ConfigError(f"{key}.password is missing; write it, or a client certificate in {key}.tls")
