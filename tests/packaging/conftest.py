"""Builds once what the tests of packages share."""

from pathlib import Path

import pytest

from tests.packaging.wheels import ROOT, Environment, build, build_example, install


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel of appealbus."""
    return build(ROOT, "wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel of the simulator and the demonstration."""
    return build(ROOT / "simulator", "wheel", tmp_path_factory.mktemp("simulator"))


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Install the wheels of appealbus, of the example plugin and of the client, and nothing else."""
    build_example(tmp_path_factory.mktemp("source"), wheel.parent)
    build(ROOT / "client", "wheel", wheel.parent)
    folder = tmp_path_factory.mktemp("installed")
    return install(wheel.parent, folder, "appealbus", "appealbus-vehicles", "appealbus-client")
