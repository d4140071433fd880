"""What the tests of the real program share: the agencies, and an installation that asks them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.installation import Agencies, Installation
from tests.system.program import Program


@pytest.fixture(scope="session")
def _agencies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agencies]:
    with Program(tmp_path_factory.mktemp("agencies"), "simulate", "--port", "0") as program:
        yield Agencies(program)


@pytest.fixture
def agencies(_agencies: Agencies) -> Iterator[Agencies]:
    """Simulated agencies that behave well, until a test tells them otherwise."""
    _agencies.misbehave()
    yield _agencies
    _agencies.misbehave()


@pytest.fixture
def here(tmp_path: Path, agencies: Agencies) -> Installation:
    """An installation in a folder of its own."""
    return Installation(tmp_path, agencies)
