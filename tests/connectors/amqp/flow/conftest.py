"""A whole bus with the plugin `amqp`, over the twin in memory and over RabbitMQ."""

from pathlib import Path
from typing import Any

import pytest

from tests.connectors.amqp.flow.flows import Run, running, table_of


@pytest.fixture(params=["memory", "rabbit"])
def table(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The table of the broker `main`."""
    if request.param == "memory":
        return {}
    return table_of(request.getfixturevalue("vhost"))


@pytest.fixture
def run(tmp_path: Path, table: dict[str, Any]) -> Run:
    """Return what runs a bus."""
    return lambda **tables: running(tmp_path, table, **tables)
