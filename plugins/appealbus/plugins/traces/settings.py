"""Settings of traces."""

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from appealbus.core import Settings
from appealbus.core.config.types import ConfigPath, Seconds, Secret


def _checked(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise ValueError('write the URL of a collector that takes OTLP over HTTP: "http://127.0.0.1:4318/v1/traces"')
    return url


class TracesSettings(Settings):
    """The table `[plugins.traces]`."""

    endpoint: Annotated[str, AfterValidator(_checked)] | None = None
    """URL of a collector that takes OTLP over HTTP: `"http://127.0.0.1:4318/v1/traces"`; none: no traces."""
    authorization: Secret | None = None
    """What is sent as the header `Authorization`."""
    cursor: ConfigPath = Field(default=Path("appealbus.traces"), validate_default=True)
    """The file with the place in the log up to which all is sent; without it, sending begins with what is new."""
    timeout: Seconds = Field(default=10.0, gt=0)
    """How long the collector may take to answer; then the same is sent again."""
