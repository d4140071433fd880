"""The console as people get it: a command prints a link, and servers that know nothing of each other take it once."""

import json
from pathlib import Path

import httpx
import pytest

from tests.services.commands import run
from tests.services.journals import sqlite_journal
from tests.system.program import Program

CONFIGURATION = """[bus]
journal = "sqlite:///journal.db"
grace = "2s"
[plugins.api]
listen = "127.0.0.1:0"
[log]
format = "json"
"""


@pytest.mark.system
def test_a_link_counts_once_over_all_servers(tmp_path: Path) -> None:
    """Of two servers that get it one takes it; the session counts on both; who is revoked is out on both at once."""
    sqlite_journal(tmp_path / "journal.db")
    (tmp_path / "appealbus.toml").write_text(CONFIGURATION)
    made = run(tmp_path, "console", "link", "--role", "ops", "--actor", "aigul", "--server", "https://bus.example.kz")
    start, _, link = made.stdout.strip().partition("?link=")
    assert start == "https://bus.example.kz/console/enter"
    with Program(tmp_path, "serve") as one, Program(tmp_path, "serve") as two:
        urls = [f"http://127.0.0.1:{port_of(each)}" for each in (one, two)]
        answers = [
            httpx.post(f"{url}/console/enter", data={"link": link}, headers={"Origin": url})
            for url in (urls[0], urls[1])
        ]
        assert [each.status_code for each in answers] == [303, 403]
        cookies = {"appealbus": answers[0].cookies["appealbus"]}
        for url in urls:
            assert httpx.get(f"{url}/console/appeals", cookies=cookies).status_code == 200
        assert run(tmp_path, "client", "revoke", "aigul").returncode == 0
        for url in urls:
            assert httpx.get(f"{url}/console/appeals", cookies=cookies).status_code == 303
        said = one.err + two.err
        assert link not in said
        assert "console/appeals" in said
    again = run(tmp_path, "console", "link", "--role", "ops", "--actor", "aigul")
    assert (again.returncode, "revoked" in again.stderr) == (1, True)


def port_of(program: Program) -> int:
    """Return where a server listens."""
    program.until(lambda: "api.started" in program.err, "it listens")
    return int(next(json.loads(line) for line in program.err.splitlines() if '"api.started"' in line)["port"])


def test_links_are_for_people(tmp_path: Path) -> None:
    """A channel is a system; a role that is none and a name that is another role's are said, and no link is made."""
    sqlite_journal(tmp_path / "journal.db")
    (tmp_path / "appealbus.toml").write_text(CONFIGURATION)
    assert run(tmp_path, "console", "link", "--role", "channel", "--actor", "x").returncode == 2
    assert "no such role" in run(tmp_path, "console", "link", "--role", "opps", "--actor", "x").stderr
    assert run(tmp_path, "console", "link", "--role", "ops", "--actor", "x").returncode == 0
    other = run(tmp_path, "console", "link", "--role", "auditor", "--actor", "x")
    assert (other.returncode, "x is a client with the role ops" in other.stderr, other.stdout) == (1, True, "")
