"""Settings of one broker: a table `[plugins.amqp.brokers.NAME]`."""

from typing import Annotated

from pydantic import Field, StringConstraints

from appealbus.connectors.http.tls import TlsSettings
from appealbus.core import Secret, Settings
from appealbus.core.config.types import Seconds

HostName = Annotated[str, StringConstraints(pattern=r"^[^\s:/@]+(:\d{1,5})?$")]


class BrokerSettings(Settings):
    """A table `[plugins.amqp.brokers.NAME]`. Without `hosts` the broker lives in the memory of this process alone."""

    hosts: list[HostName] = []
    """The nodes of the broker, `"host"` or `"host:port"`; one after the other is tried. None: a broker in memory."""
    virtual_host: str = "/"
    """The virtual host."""
    user: str = "guest"
    """Who we are."""
    password: Secret | None = None
    """Our password; needed where `hosts` are given, unless a client certificate says who we are."""
    tls: TlsSettings | None = None
    """Whom to trust, and our certificate; none: no encryption. `{}` trusts the authorities of the system."""
    heartbeat: int = Field(default=10, ge=2, le=600)
    """Seconds; a dead connection is noticed within twice as long and ten seconds."""
    connect_timeout: Seconds = Field(default=10.0, gt=0, le=300)
    """How long one attempt to connect may take in all."""
    reconnect_max: Seconds = Field(default=30.0, gt=0)
    """The longest pause between attempts to connect; the pause doubles from half a second, with full jitter."""
    blocked_timeout: Seconds = Field(default=120.0, gt=0)
    """How long a broker that takes nothing may keep its connection before we try another node."""
    window: int = Field(default=500, ge=1, le=100_000)
    """Messages that may wait for the broker's confirmation at once."""
    window_bytes: int = Field(default=32 * 1024 * 1024, ge=1024)
    """Bytes that may wait for it."""
    largest_message: int = Field(default=16 * 1024 * 1024, ge=1024)
    """Bytes of a message that the broker takes; a larger one is refused here."""
    declare: bool = True
    """Whether a bus that starts may make exchanges and queues that are missing. What is there is never changed."""
    management: str | None = None
    """URL of the broker's management API, such as `http://host:15672`: `appealbus topology` needs it for policies."""
