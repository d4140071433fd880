"""What is in the packages."""

import re
import tarfile
import zipfile
from pathlib import Path

import pytest

from appealbus.core import __version__
from tests.packaging.wheels import ROOT, build

PARTS = ("schemas", "core", "connectors", "plugins")


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    """List the files of the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def in_the_checkout(*parts: str) -> set[str]:
    """List what source roots hold in the package."""
    roots = [ROOT / part for part in parts]
    files = (file.relative_to(root) for root in roots for file in (root / "appealbus").rglob("*") if file.is_file())
    return {file.as_posix() for file in files if "__pycache__" not in file.parts}


def test_every_file_of_the_source_roots_is_in_the_wheel(names: set[str]) -> None:
    """Schemas, contracts, migrations and templates as much as code; and nothing else but the metadata."""
    assert {name for name in names if not name.partition("/")[0].endswith(".dist-info")} == in_the_checkout(*PARTS)
    for suffix in (".xsd", ".wsdl", ".json", ".txt", ".po", ".mo"):
        assert any(name.endswith(suffix) for name in names), suffix
    assert any("/migrations/versions/" in name for name in names)


def test_the_simulator_and_the_demonstration_have_a_wheel_of_their_own(names: set[str], simulator: Path) -> None:
    """With each file of theirs, for the bus of the same version, whose wheel has nothing of it."""
    with zipfile.ZipFile(simulator) as archive:
        (about,) = {name.partition("/")[0] for name in archive.namelist() if ".dist-info/" in name}
        metadata, plugins = (archive.read(f"{about}/{each}").decode() for each in ("METADATA", "entry_points.txt"))
        assert {name for name in archive.namelist() if not name.startswith(about)} == in_the_checkout("simulator")
    assert {"appealbus/simulator/py.typed", "appealbus/demo/py.typed"} <= in_the_checkout("simulator") - names
    assert re.findall("^Requires-Dist: (.*)$", metadata, re.MULTILINE) == [f"appealbus=={__version__}"]
    assert plugins == "[appealbus]\ndemo = appealbus.demo\nsimulator = appealbus.simulator\n"
    assert not names & in_the_checkout("simulator")
    assert (ROOT / "simulator" / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


def test_the_package_is_a_namespace() -> None:
    """An `appealbus/__init__.py`, wherever, would hide all but one of the roots."""
    assert list(ROOT.glob("*/appealbus/__init__.py")) == []


def test_each_part_says_that_it_is_typed(names: set[str]) -> None:
    """A py.typed in each of the four."""
    assert {name for name in names if name.endswith("py.typed")} == {f"appealbus/{part}/py.typed" for part in PARTS}


def test_the_licence_and_the_program_are_in_the_metadata(wheel: Path, names: set[str]) -> None:
    """The wheel brings `appealbus` and the plugins that ship."""
    (entry_points,) = (name for name in names if name.endswith("entry_points.txt"))
    assert any(name.endswith("licenses/LICENSE") for name in names)
    with zipfile.ZipFile(wheel) as archive:
        text = archive.read(entry_points).decode()
    assert "appealbus = appealbus.core.cli.main:main" in text
    assert "[appealbus]" in text


def test_the_sdist_makes_the_same_wheel(names: set[str], tmp_path: Path) -> None:
    """Whoever builds from the source archive gets what we built."""
    sdist = build(ROOT, "sdist", tmp_path)
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path / "source", filter="data")
    (source,) = (tmp_path / "source").iterdir()
    (tmp_path / "wheel").mkdir()
    with zipfile.ZipFile(build(source, "wheel", tmp_path / "wheel")) as archive:
        assert set(archive.namelist()) == names
