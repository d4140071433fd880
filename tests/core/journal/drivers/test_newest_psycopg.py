"""The package rests on what psycopg does beneath its public face, so it is tried with the newest release, too."""

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]
_OFFLINE = ("No matching distribution found", "Could not fetch", "Connection", "Temporary failure", "Network")


@pytest.mark.proof
def test_with_the_newest_psycopg(tmp_path: Path) -> None:
    """All tests of this folder pass in an environment that has it; all else is lent from this one."""
    python = _environment(tmp_path / "venv")
    version = _run([python, "-c", "import psycopg; print(psycopg.__version__, psycopg.__file__)"]).stdout
    assert str(tmp_path) in version
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST", "COV"))}
    command = [
        python,
        "-m",
        "pytest",
        "-q",
        "-x",
        "-m",
        "not proof",
        "-p",
        "no:cacheprovider",
        str(Path(__file__).parent),
    ]
    done = subprocess.run(command, cwd=ROOT, env=inherited, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, version + done.stdout + done.stderr


def _environment(folder: Path) -> str:
    """Make it; skip where nothing can be downloaded."""
    venv.create(folder, symlinks=True)
    python = str(folder / "bin" / "python")
    pip = [sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check", "--retries", "1"]
    done = _run([*pip, "install", "--upgrade", "--quiet", "--timeout", "20", "psycopg[binary]"])
    if done.returncode and any(word in done.stderr for word in _OFFLINE):
        pytest.skip("psycopg's newest release cannot be downloaded: there is no way to the package index")
    assert done.returncode == 0, done.stderr
    (site,) = folder.glob("lib/python*/site-packages")
    # Behind the folder's own packages, with what .pth files in there add, as the checkout.
    (site / "lent.pth").write_text(f"import site; site.addsitedir({sysconfig.get_paths()['purelib']!r})\n")
    return python


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
