"""What commands import when they start: no more than they need, for most of the time of a short one goes into that."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = str(Path(sys.executable).with_name("appealbus"))
WIRES = {"aiohttp", "pika", "prometheus_client", "psycopg", "requests", "xmlsec", "zeep"}
PLUGINS = {"appealbus.connectors", "appealbus.plugins", "appealbus.core.loading.host", "appealbus.core.public"}
BUS = {"appealbus.core.bus.bus", "appealbus.core.guards.guard"}
JOURNAL = {"appealbus.core.journal.journal", "sqlalchemy"}
ENVIRONMENT = {key: value for key, value in os.environ.items() if not key.startswith("APPEALBUS")}


def imported(folder: Path, *arguments: str) -> set[str]:
    """Return what a process of Python has imported, from its start to its end."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments],
        cwd=folder,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return set(re.findall(r"^import time:.*\| +(\S+)$", done.stderr, re.MULTILINE))


@pytest.mark.proof
@pytest.mark.parametrize(
    ("arguments", "unwanted"),
    [
        (("--version",), WIRES | PLUGINS | BUS | JOURNAL | {"alembic", "babel"}),
        (("appeals",), WIRES | PLUGINS | BUS | {"alembic", "babel", "appealbus.core.cli.status"}),
        (("run", "--help"), WIRES | {"appealbus.connectors", "appealbus.plugins", "alembic"}),
        (("plugins",), BUS | {"alembic", "pika", "psycopg", "xmlsec", "zeep"}),
    ],
)
def test_a_command_imports_what_it_needs(tmp_path: Path, arguments: tuple[str, ...], unwanted: set[str]) -> None:
    """One that only reads the journal knows neither wires nor plugins; none imports the module of another one."""
    found = imported(tmp_path, PROGRAM, *arguments)
    assert "appealbus.core.cli.main" in found
    assert found & unwanted == set()


def test_the_supervisor_imports_nothing_of_the_bus(tmp_path: Path) -> None:
    """It lives as long as the workers, and takes its memory for as long."""
    orders = ("1", "1.0", "1", "info", "json", sys.executable, "-c", "pass")
    found = imported(tmp_path, "-m", "appealbus.core.cli.supervisor", *orders)
    assert "asyncio.subprocess" in found
    assert found & (WIRES | PLUGINS | BUS | JOURNAL | {"pydantic", "typer", "lxml"}) == set()
    assert [name for name in found if name.startswith(("appealbus.schemas", "appealbus.core.config"))] == []
