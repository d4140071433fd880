"""The dictionaries that ship are the ones that were released, and hold the simulator's people alone."""

import re
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


def test_nobody_who_lives_is_in_them():
    """A dictionary is made of pieces of what it was trained on: each ИИН in it has a century that is nobody's."""
    for each in SHIPPED.glob("*.zdict"):
        numbers = re.findall(rb"(?<!\d)\d{12}(?!\d)", each.read_bytes())
        persons = [number for number in numbers if number[4:5] not in b"456"]  # the others are of organisations
        assert len(persons) > 5
        assert {number[6:7] for number in persons} <= {b"1", b"2"}


@pytest.mark.proof
def test_the_script_makes_such(tmp_path):
    """Of the simulator as it is by now, whatever our version is; where it is another one, that is a new file."""
    subprocess.run([sys.executable, ROOT / "benchmarks" / "dictionary.py", tmp_path], check=True, cwd=ROOT)
    for number in (DOCUMENTS, REPLIES):
        made = (tmp_path / f"{number}.zdict").read_bytes()
        assert zstandard.ZstdCompressionDict(made).dict_id() == number
        assert len(made) == len((SHIPPED / f"{number}.zdict").read_bytes())
        assert set(re.findall(rb'"plugin_version":"([^"]*)"', made)) <= {b"0.2.0"}
