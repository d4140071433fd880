"""The first plugin: what the README shows is the file, and the commands that it shows work as they stand."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from appealbus.core.testing import appeal, ask_all, check_lookup

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples" / "first_plugin"
ANSWER = """<AkimResponse xmlns="urn:example:akims"><akim><kato>271010000</kato><name>Сынақов С. С.</name></akim>
</AkimResponse>"""


@pytest.fixture(scope="module")
def shown() -> dict[str, str]:
    """Return the code blocks of the README's section on the first plugin, by language."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    match = re.search(r"<!-- first-plugin -->\n(.*?)<!-- /first-plugin -->", readme, re.DOTALL)
    assert match, "README.md has no <!-- first-plugin --> … <!-- /first-plugin -->"
    return dict(re.findall(r"```(\w+)\n(.*?)```", match[1], re.DOTALL))


@pytest.mark.parametrize(("language", "file"), [("python", "my_plugin.py"), ("toml", "appealbus.toml")])
def test_the_readme_shows_the_files_as_they_are(shown: dict[str, str], language: str, file: str) -> None:
    """Not a letter differs."""
    assert shown[language] == (FOLDER / file).read_text(encoding="utf-8")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.system
def test_the_commands_of_the_readme_make_a_dossier(shown: dict[str, str], tmp_path: Path) -> None:
    """Line by line, in a copy of the folder; only the agency's port is another one."""
    shutil.copytree(FOLDER, tmp_path / "examples" / "first_plugin", ignore=shutil.ignore_patterns("appealbus.db*"))
    port = free_port()
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PORT": str(port),
        "APPEALBUS__SOURCES__AKIMS__URL": f"http://127.0.0.1:{port}/",
    }
    # The agency outlives the shell and holds its pipes; files do not wait for it.
    with (tmp_path / "out").open("w+") as out, (tmp_path / "err").open("w+") as err:
        shell = subprocess.Popen(
            ["sh", "-e"],
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=err,
            cwd=tmp_path,
            env=environment,
            start_new_session=True,
        )
        try:
            shell.communicate(shown["sh"].encode(), timeout=60)
        finally:
            os.killpg(shell.pid, signal.SIGKILL)
    told = (tmp_path / "out").read_text()
    assert shell.returncode == 0, (tmp_path / "err").read_text()
    assert "FIRST-1" in told
    assert "complete" in told
    assert "Сынақов С. С." in told


def test_the_agency_says_that_its_port_is_taken() -> None:
    """In one line, with what to do."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, FOLDER / "agency.py"],
            env={**os.environ, "PORT": str(port)},
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.startswith(f"cannot listen on 127.0.0.1:{port}: Address already in use; set PORT")
    assert done.stderr.count("\n") == 1


async def test_the_lookup_holds_to_what_the_bus_expects(monkeypatch: pytest.MonkeyPatch) -> None:
    """The example is a good one: it passes the check that authors are given."""
    monkeypatch.syspath_prepend(str(FOLDER))
    import my_plugin

    lookup = my_plugin.AkimOfPlace()
    about = appeal(place={"kato": "271010000"})
    assert await check_lookup(lookup, about, [ANSWER], contract=FOLDER / "agency.wsdl") == []
    (asked,) = await ask_all(lookup, appeal(place={"kato": "271010000"}), replies=[ANSWER])
    assert asked.outcome.record == my_plugin.Akim(kato="271010000", name="Сынақов С. С.")
    assert asked.access is not None
    assert (asked.access.subject, asked.access.purpose) == ("271010000", "find whom to forward the appeal to")
