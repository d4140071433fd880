"""`appealbus serve` as a process of its own."""

import json
import signal
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
def test_it_takes_appeals_and_ends_cleanly(tmp_path: Path) -> None:
    """Beside a client that was added by a command; SIGTERM ends its streams with a last event, and it exits 0."""
    sqlite_journal(tmp_path / "journal.db")
    (tmp_path / "appealbus.toml").write_text(CONFIGURATION)
    token = run(tmp_path, "client", "add", "register", "--role", "registry").stdout.strip()
    with Program(tmp_path, "serve") as program:
        program.until(lambda: "api.started" in program.err, "it listens")
        started = next(json.loads(line) for line in program.err.splitlines() if '"api.started"' in line)
        client = httpx.Client(
            base_url=f"http://127.0.0.1:{started['port']}", headers={"Authorization": f"Bearer {token}"}
        )
        with client, client.stream("GET", "/v1/feed/stream") as answer:
            lines = answer.iter_lines()
            assert next(lines).startswith("retry")
            program.process.send_signal(signal.SIGTERM)
            assert '"draining"' in "".join(lines)
        assert program.ended().code == 0


def test_without_tls_it_is_for_this_machine_alone(tmp_path: Path) -> None:
    """An address that others reach is a wrong configuration, with the key and what to do."""
    (tmp_path / "appealbus.toml").write_text(CONFIGURATION.replace("127.0.0.1:0", "0.0.0.0:8470"))
    done = run(tmp_path, "serve")
    assert done.returncode == 2
    assert "tls_certificate" in done.stderr


@pytest.mark.system
@pytest.mark.proof
def test_a_page_that_holds_the_loop_is_named_and_the_server_ends(tmp_path: Path) -> None:
    """Nobody is answered meanwhile; so it is told within seconds, and the server ends, to be started again."""
    sqlite_journal(tmp_path / "journal.db")
    (tmp_path / "stuck.py").write_text(
        "import time\n\nfrom appealbus.core import Pages, hookimpl\n\n\n"
        "async def stuck(scope, receive, send):\n    time.sleep(3600)\n\n\n"
        '@hookimpl\ndef register_pages():\n    return [Pages("/stuck", lambda context: stuck)]\n'
    )
    (tmp_path / "appealbus.toml").write_text(CONFIGURATION.replace("[bus]", '[bus]\nplugins = ["./stuck.py"]'))
    with Program(tmp_path, "serve") as program:
        program.until(lambda: "api.started" in program.err, "it listens")
        started = next(json.loads(line) for line in program.err.splitlines() if '"api.started"' in line)
        with pytest.raises(httpx.HTTPError):
            httpx.get(f"http://127.0.0.1:{started['port']}/stuck/", timeout=60)
        assert program.ended().code == 5
        told = next(json.loads(line) for line in program.err.splitlines() if '"loop.stands_still"' in line)
        assert (told["plugin"], told["place"]) == ("stuck", "appealbus_inline_stuck:7")
