"""The wheels at work, in an environment of their own."""

import json
import shutil
from pathlib import Path

import pytest

from appealbus.core import __version__
from tests.packaging.wheels import EXAMPLE, Environment, install

pytestmark = pytest.mark.system


def test_the_wheel_is_what_runs(installed: Environment, tmp_path: Path) -> None:
    """The other tests of this file would prove nothing about it otherwise."""
    done = installed.run("python", "-c", "import appealbus.core as core; print(core.__file__)", cwd=tmp_path)
    assert done.stdout.startswith(str(installed.bin.parent)), done.stderr


def test_a_plugin_of_a_third_party_is_active(installed: Environment, tmp_path: Path) -> None:
    """It is listed beside those that ship, with its own version; all of them are active."""
    done = installed.run("appealbus", "plugins", "--json", cwd=tmp_path)
    plugins = {plugin["name"]: plugin for plugin in json.loads(done.stdout)}
    assert done.returncode == 0
    assert {plugin["state"] for plugin in plugins.values()} == {"active"}
    vehicles = plugins["vehicles"]
    assert (vehicles["version"], vehicles["origin"]) == ("1.2.0", "installed")
    assert vehicles["hooks"] == ["register_assessors", "register_lookups", "register_settings"]
    assert plugins["gbdfl"]["version"] == __version__


def test_its_lookup_stands_behind_the_one_whose_record_it_needs(installed: Environment, tmp_path: Path) -> None:
    """With both sources configured the plan has both; with its own alone the lookup is inactive, and says why."""
    source = '[sources.{}]\nconnector = "shep"\nurl = "http://127.0.0.1:9/"\nservice_id = "X"\nsender_id = "X"\n'
    config = tmp_path / "appealbus.toml"
    settings = '[plugins.vehicles]\nnot_found_codes = ["7"]\n'
    config.write_text(source.format("gbdfl") + source.format("vehicles") + settings)
    done = installed.run("appealbus", "check", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "gbdfl.person, gbdfl.mentioned_person, vehicles.owned" in done.stdout
    config.write_text(source.format("vehicles"))
    done = installed.run("appealbus", "check", cwd=tmp_path)
    assert "vehicles.owned: it takes an input from gbdfl.person, which is inactive" in done.stdout


def test_its_settings_are_checked_like_the_bus_s_own(installed: Environment, tmp_path: Path) -> None:
    """A misspelt key breaks the one plugin, with file, line and what to write."""
    (tmp_path / "appealbus.toml").write_text("[plugins.vehicles]\nformr = true\n")
    done = installed.run("appealbus", "plugins", "--json", cwd=tmp_path)
    broken = {plugin["name"]: plugin["reason"] for plugin in json.loads(done.stdout) if plugin["state"] == "broken"}
    assert done.returncode == 1
    assert set(broken) == {"vehicles"}
    assert "appealbus.toml:2: plugins.vehicles.formr: unknown key; did you mean former?" in broken["vehicles"]


def test_its_own_tests_pass_against_the_wheels(installed: Environment, tmp_path: Path) -> None:
    """The kit for authors of plugins is in the wheel, and is all that they need."""
    done = installed.run("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", str(EXAMPLE), cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_program_starts_in_an_empty_folder(installed: Environment, tmp_path: Path) -> None:
    """Nothing of the checkout is needed; of the simulator, which a bus in production does not have, it says so."""
    done = installed.run("appealbus", "check", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    for command in ("demo", "simulate"):
        done = installed.run("appealbus", command, cwd=tmp_path)
        told = f"{command} is not installed: pip install . ./simulator in a checkout of the bus"
        assert (done.returncode, done.stderr.strip()) == (2, told)
    assert list(tmp_path.iterdir()) == []


def test_with_the_simulator_s_wheel_it_demonstrates(wheel: Path, simulator: Path, tmp_path: Path) -> None:
    """From elsewhere, with all that the simulated agencies are made of."""
    shutil.copy(simulator, wheel.parent)
    (tmp_path / "elsewhere").mkdir()
    both = install(wheel.parent, tmp_path / "venv", "appealbus", "appealbus-simulator")
    done = both.run("appealbus", "demo", "--help", cwd=tmp_path / "elsewhere")
    assert done.returncode == 0, done.stderr
    assert "synthetic appeals" in done.stdout
    made = "from appealbus.simulator.server import Simulator; print(Simulator().population.persons.iin(1))"
    done = both.run("python", "-W", "error", "-c", made, cwd=tmp_path / "elsewhere")
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "elsewhere").iterdir()) == []
