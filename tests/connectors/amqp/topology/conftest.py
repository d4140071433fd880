"""The commands, run in this process against a private broker."""

import re
import shlex
from pathlib import Path

import pytest
import typer
from structlog.testing import capture_logs
from typer.testing import CliRunner

from appealbus.connectors.amqp import AmqpSettings
from appealbus.connectors.amqp.command import add_to
from appealbus.core.cli.context import Cli
from tests.services.rabbitmq import Rabbit, Vhost


class Topology:
    """A configuration, and `appealbus topology` under it."""

    def __init__(self, folder: Path, vhost: Vhost, management: int) -> None:
        self.folder = folder
        self.vhost = vhost
        self.user = "guest"
        self.management: str | None = f"http://127.0.0.1:{management}"
        self.more = ""
        (folder / "password").write_text("guest\n")
        (folder / "password").chmod(0o600)

    def write(self) -> Path:
        file = self.folder / "appealbus.toml"
        management = f'management = "{self.management}"' if self.management else ""
        file.write_text(
            f"""
            [plugins.amqp.brokers.main]
            hosts = ["127.0.0.1:{self.vhost.port}"]
            virtual_host = "{self.vhost.name}"
            user = "{self.user}"
            password = {{ file = "password" }}
            {management}
            {self.more}
            """
        )
        return file

    def run(self, *arguments: str) -> tuple[int, list[str]]:
        """Run a command; return its exit code and lines."""
        cli = Cli(self.write())
        app = typer.Typer()
        add_to(app, cli.loaded.validate(AmqpSettings, "plugins", "amqp"))
        with capture_logs():
            done = CliRunner().invoke(app, list(arguments), obj=cli, catch_exceptions=False)
        return done.exit_code, done.output.splitlines()

    def policies(self) -> dict[str, dict[str, object]]:
        return {each["name"]: each["definition"] for each in self.vhost.api("GET", "policies")}

    def names(self, kind: str) -> set[str]:
        return {each["name"] for each in self.vhost.api("GET", kind) if each["name"].startswith("appealbus")}


def rights(*, declare: bool = True) -> list[str]:
    """Return the rights that the documentation gives the bus's user: configure, write, read."""
    page = (Path(__file__).parents[4] / "docs" / "operating.md").read_text(encoding="utf-8")
    command = next(
        line for line in page.splitlines() if line.startswith("rabbitmqctl set_permissions -p appealbus appealbus ")
    )
    configure, write, read = shlex.split(command)[5:]
    if not declare:
        (configure,) = re.findall(r"With `declare = false` the first is `'(.*)'`", page)
    return [configure, write, read]


@pytest.fixture
def topology(tmp_path: Path, rabbit: Rabbit, vhost: Vhost) -> Topology:
    return Topology(tmp_path, vhost, rabbit.management)
