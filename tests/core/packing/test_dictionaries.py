"""The dictionaries that ship are made of the simulator's population alone, and are the ones that were released."""

import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest
import zstandard

from appealbus.core import packing
from appealbus.core.packing import DOCUMENTS, REPLIES

ROOT = Path(__file__).parents[3]
SHIPPED = Path(packing.__file__).parent
DIGESTS = {
    33001: "5203ac1bbbff8335ff87ea793186d142f24abb13dd343bad907ab3e10c0944e3",
    33002: "8eb6c9ab11830cc7356c7255762bcde9edaf23ea0321d365dac9d638748fb11c",
}


def test_one_that_was_released_is_never_changed():
    """What it packed could not be read any more. A better one gets another number."""
    there = {int(each.stem): sha256(each.read_bytes()).hexdigest() for each in SHIPPED.glob("*.zdict")}
    assert there == DIGESTS


def test_the_script_yields_them(tmp_path):
    """Byte for byte: so nothing is in them that the simulator has not made.

    Where the simulator has changed since, name here the commit of which it yields these.
    """
    if zstandard.ZSTD_VERSION != (1, 5, 7):
        pytest.skip("another zstd makes others of the same")
    subprocess.run([sys.executable, ROOT / "benchmarks" / "dictionary.py", tmp_path], check=True, cwd=ROOT)
    for number in (DOCUMENTS, REPLIES):
        assert (tmp_path / f"{number}.zdict").read_bytes() == (SHIPPED / f"{number}.zdict").read_bytes()
