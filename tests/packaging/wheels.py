"""The wheels, built from this checkout, and an environment that has only them."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "appealbus_vehicles"


def build(folder: Path, kind: str, into: Path) -> Path:
    """Build a wheel or an sdist of a project, with what is installed already, and return it."""
    before = set(into.glob("*"))
    command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(into)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    (made,) = set(into.glob("*")) - before
    return made


@dataclass(frozen=True)
class Environment:
    """A virtual environment into which the wheels were installed, and nothing else."""

    bin: Path

    def run(self, *command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run one of its programs."""
        # Without what this process was given: an editable checkout must not shine through.
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "APPEALBUS"))}
        return subprocess.run(
            [str(self.bin / command[0]), *command[1:]],
            cwd=cwd,
            env={**inherited, "COLUMNS": "200"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


def install(wheels: Path, folder: Path, *names: str) -> Environment:
    """Make a virtual environment in the folder, with these packages out of a folder of wheels.

    Nothing comes from the network. Their dependencies are lent from the environment of the tests, by a .pth file;
    the .pth files in there do not count then, and what is named after us is not lent, so that the checkout stays out.
    """
    environment = _install(wheels, folder, *names)
    (site,) = folder.glob("lib/python*/site-packages")
    lent = folder / "lent"
    lent.mkdir()
    for each in Path(sysconfig.get_paths()["purelib"]).iterdir():
        if not each.name.startswith("appealbus"):
            (lent / each.name).symlink_to(each)
    (site / "lent.pth").write_text(str(lent))
    return environment


def install_alone(wheels: Path, folder: Path, name: str, *needs: str) -> Environment:
    """Make one with a single package, and lend it what it says that it needs, and nothing else."""
    environment = _install(wheels, folder, name)
    (site,) = folder.glob("lib/python*/site-packages")
    waiting, lent = list(needs), set()
    while waiting:
        found = distribution(waiting.pop())
        if found.name in lent:
            continue
        lent.add(found.name)
        wanted = [Requirement(each) for each in found.requires or ()]
        waiting += [each.name for each in wanted if each.marker is None or each.marker.evaluate({"extra": ""})]
        for part in {file.parts[0] for file in found.files or () if file.parts[0] not in {"..", "__pycache__"}}:
            (site / part).symlink_to(Path(str(found.locate_file(part))))
    return environment


def _install(wheels: Path, folder: Path, *names: str) -> Environment:
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    command = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(python),
        "--quiet",
        "--disable-pip-version-check",
        "install",
    ]
    command += ["--no-index", "--no-deps", "--find-links", str(wheels), *names]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return Environment(folder / "bin")


def build_example(source: Path, into: Path) -> Path:
    """Build the wheel of the example plugin, from a copy."""
    copy = source / EXAMPLE.name
    shutil.copytree(EXAMPLE, copy, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    return build(copy, "wheel", into)
