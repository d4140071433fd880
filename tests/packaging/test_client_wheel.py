"""The client's wheel: whole, typed, and at work without the bus and beside it."""

import tomllib
import zipfile
from pathlib import Path

import pytest

from appealbus.client import __version__ as version
from appealbus.core import __version__
from tests.packaging.wheels import ROOT, Environment, build, install_alone

CLIENT = ROOT / "client"
LOOK = "import appealbus.client as c, sys; print(c.__version__, c.__file__); print(*sys.modules)"


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel."""
    return build(CLIENT, "wheel", tmp_path_factory.mktemp("client"))


def test_every_file_is_in_the_wheel(wheels: Path) -> None:
    """What lies in the folder and nothing else; it is typed, has its licence, and no `__init__.py` of the namespace."""
    with zipfile.ZipFile(wheels) as archive:
        names = set(archive.namelist())
    files = {each.relative_to(CLIENT).as_posix() for each in (CLIENT / "appealbus").rglob("*") if each.is_file()}
    files = {name for name in files if "__pycache__" not in name}
    assert {name for name in names if ".dist-info/" not in name} == files
    assert {"appealbus/client/py.typed", "appealbus/client/sync.py"} <= names
    assert "appealbus/__init__.py" not in names
    assert any(name.endswith("licenses/LICENSE") for name in names)


@pytest.mark.system
def test_it_works_without_the_bus(wheels: Path, tmp_path: Path) -> None:
    """With httpx and what that needs; nothing else is there to be imported."""
    (tmp_path / "elsewhere").mkdir()
    alone = install_alone(wheels.parent, tmp_path / "venv", "appealbus-client", "httpx")
    done = alone.run("python", "-W", "error", "-c", LOOK, cwd=tmp_path / "elsewhere")
    assert done.returncode == 0, done.stderr
    told, modules = done.stdout.splitlines()
    assert told.startswith(f"{version} {tmp_path}")
    for name in ("pydantic", "sqlalchemy", "structlog", "appealbus.core"):
        assert name not in modules.split()
        assert alone.run("python", "-c", f"import {name}", cwd=tmp_path).returncode != 0


@pytest.mark.system
def test_it_works_beside_the_bus(installed: Environment, tmp_path: Path) -> None:
    """Both share the namespace, whichever was installed first."""
    done = installed.run("python", "-c", f"import appealbus.core.version; {LOOK}", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert str(installed.bin.parent) in done.stdout.splitlines()[0]


def test_its_version_is_the_bus_s() -> None:
    """They are released together, and it needs no more than it says."""
    project = tomllib.loads((CLIENT / "pyproject.toml").read_text())["project"]
    assert version == __version__
    assert [each.partition(">")[0] for each in project["dependencies"]] == ["httpx"]
    assert (CLIENT / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
