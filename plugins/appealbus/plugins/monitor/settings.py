"""Settings of the monitor."""

import re
from typing import Annotated, NamedTuple, Self

from pydantic import AfterValidator, Field

from appealbus.core import Settings
from appealbus.core.config.types import Seconds

_LISTEN = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.%\w]+)\]|(?P<host>[\w.-]+)):(?P<port>\d{1,5})", re.ASCII)


class ListenAddress(NamedTuple):
    """Where to listen."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `host:port` or `[address]:port`; raise ValueError for anything else."""
        match = _LISTEN.fullmatch(text.strip())
        if match is None or int(match["port"]) > 65535:
            raise ValueError('write an address and a port, such as "127.0.0.1:9464" or "[::1]:9464"')
        return cls(match["six"] or match["host"], int(match["port"]))

    def of_worker(self, number: int) -> "ListenAddress":
        """Return the address of one of several workers: the port and the worker's number. Port 0 stays."""
        return self._replace(port=self.port + number) if self.port else self

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


Listen = Annotated[str, AfterValidator(lambda value: str(ListenAddress.parse(value)))]


class MonitorSettings(Settings):
    """The table `[plugins.monitor]`."""

    listen: Listen | None = None
    """Address and port to listen on, such as `"127.0.0.1:9464"`; none: the monitor is off. Worker k adds k to it."""
    max_loop_lag: Seconds = Field(default=5.0, gt=0)
    """How long the event loop may stand still before `/healthz` says that the process is ill."""
