"""What is in the packages."""

import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.packaging.wheels import ROOT, build

PARTS = ("schemas", "core", "connectors", "plugins")


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    """List the files of the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def in_the_checkout() -> set[str]:
    """List what the four source roots hold."""
    files = (file.relative_to(ROOT / part) for part in PARTS for file in (ROOT / part).rglob("*") if file.is_file())
    return {file.as_posix() for file in files if "__pycache__" not in file.parts}


def test_every_file_of_the_source_roots_is_in_the_wheel(names: set[str]) -> None:
    """Schemas, contracts, migrations and templates as much as code; and nothing else but the metadata."""
    assert {name for name in names if not name.partition("/")[0].endswith(".dist-info")} == in_the_checkout()
    for suffix in (".xsd", ".wsdl", ".json", ".txt", ".po", ".mo"):
        assert any(name.endswith(suffix) for name in names), suffix
    assert any("/migrations/versions/" in name for name in names)


def test_the_package_is_a_namespace() -> None:
    """An `appealbus/__init__.py`, wherever, would hide three of the four roots."""
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
