"""An installation on a primary of PostgreSQL with a standby, which it reaches by one address."""

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.services.postgres import Postgres
from tests.services.proxy import FaultProxy
from tests.system.installation import HURRY, SENDER, Agencies, Installation


class Cluster(Installation):
    """A primary with a standby; the bus reaches whichever is the primary by one address."""

    def __init__(
        self, folder: Path, agencies: Agencies, stack: ExitStack, environment: Mapping[str, str] | None = None
    ) -> None:
        self.primary = stack.enter_context(Postgres(environment=environment))
        self.primary.execute("CREATE DATABASE bus")
        self.front = stack.enter_context(FaultProxy(self.primary.port))
        self.stream = stack.enter_context(FaultProxy(self.primary.port))
        self.standby = stack.enter_context(Postgres(follows=self.stream.port, environment=environment))
        self.journal = self.standby.url_at(self.front.port, "bus")
        super().__init__(folder, agencies)

    def configure(self, **tables: dict[str, Any]) -> None:
        """Write the configuration."""
        bus = {"journal": self.journal, "checkpoint": "appealbus.checkpoint", "plugins": [SENDER, *HURRY]}
        super().configure(**tables | {"bus": bus | tables.get("bus", {})})

    def wait_for_the_standby(self) -> None:
        """Have the primary commit nothing from now on that the standby lacks."""
        self.primary.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
        self.primary.execute("SELECT pg_reload_conf()")

    def go_on_alone(self) -> None:
        """Let the promoted standby commit without one of its own."""
        self.standby.execute("ALTER SYSTEM RESET synchronous_standby_names")
        self.standby.execute("SELECT pg_reload_conf()")

    def fail_over(self) -> None:
        """End the primary as a power cut does, and have the standby take its place at its address."""
        self.front.refuse()
        self.primary.kill()
        self.standby.promote()
        self.front.target = self.standby.port
        self.front.heal()
