"""Settings of surges."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from appealbus.core import Secret, Settings
from appealbus.core.config.types import ConfigPath, ExistingFile, Seconds


def _checked(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise ValueError('write a URL that takes a POST: "https://situation.example.kz/alarms"')
    return url


class SurgesSettings(Settings):
    """The table `[plugins.surges]`."""

    file: ConfigPath | None = None
    """The file with weekly counts and alarms; back it up. None: no alarms, and `appealbus surges` counts anew."""
    rate: float = Field(default=0.05, gt=0.0, le=0.5)
    """The share of a week's alarms that may be chance."""
    positions: ExistingFile | None = None
    """A CSV with `kato,longitude,latitude` of districts, in degrees: then neighbours are scanned together."""
    webhook: Annotated[str, AfterValidator(_checked)] | None = None
    """Where each new alarm, and each possible surge, is sent by POST, as JSON."""
    webhook_secret: Secret | None = None
    """Signs what is sent: the header `Appealbus-Signature` is `sha256=` and the HMAC of the body."""
    broker: str | None = None
    """A broker of `[plugins.amqp.brokers]` to which alarms are published, too. None: to none."""
    exchange: str | None = None
    """The topic exchange there; none: `PREFIX.alarms`. One that is named is made by whoever owns it."""
    timeout: Seconds = Field(default=10.0, gt=0, le=50)
    """How long a receiver or the broker may take to answer; then the same alarm is sent again an hour later."""
