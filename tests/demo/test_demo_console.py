"""`appealbus demo --console`: everything runs on, with a console that one signs in to by the link that is printed."""

import re
import signal
import socket
import time
from pathlib import Path

import httpx
import pytest

from appealbus.core.cli.exits import EXIT_CONFIG
from appealbus.demo import command
from tests.services.commands import run
from tests.services.processes import PATIENCE
from tests.system.program import Program

_LINK = re.compile(r"^  (\w+) +(http://127\.0\.0\.1:\d+)/console/enter\?link=(\S+)$", re.MULTILINE)
_GRACE = 60.0
"""Seconds for the end: two are what the demonstration gives to what is under way, and others use the machine, too."""


@pytest.mark.system
def test_one_signs_in_and_sees_appeals_flow(tmp_path: Path) -> None:
    """The printed links let each role in once; appeals come; another link is made beside; Ctrl-C ends it with 0."""
    with Program(tmp_path, "demo", "--console", "--keep", "kept") as demo:
        demo.until(lambda: "Ctrl-C" in demo.out, "links are printed")
        links = {role: (url, link) for role, url, link in _LINK.findall(demo.out)}
        assert list(links) == ["ops", "reviewer", "auditor"]
        url, link = links["ops"]
        with httpx.Client(base_url=url, headers={"Origin": url}, follow_redirects=True, timeout=PATIENCE) as ops:
            assert ops.post("/console/enter", data={"link": link}).status_code == 200
            demo.until(lambda: "<tbody>" in ops.get("/console/appeals").text, "appeals are listed")
            now = ops.get("/console/now", params={"lang": "en"}).text
            assert [each for each in ("portal", "egkn", "roads", "archive", "1 worker") if each not in now] == []
            workers = ops.get("/console/workers").text
            assert [each for each in ("intake.reception", "delivery.archive") if each not in workers] == []
            made = run(tmp_path, "--config", "kept/appealbus.toml", "console", "link", "--role", "auditor")
            assert made.stdout.startswith(f"{url}/console/enter?link=")
        assert httpx.post(f"{url}/console/enter", data={"link": link}, headers={"Origin": url}).status_code == 403
        told = time.monotonic()
        demo.process.send_signal(signal.SIGINT)
        ended = demo.ended()
    assert ended.code == 0
    assert "ended\n" in ended.out
    assert "crashed" not in ended.err
    assert time.monotonic() - told < _GRACE


def test_what_is_in_the_way_is_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A port that another has, and packages that are not there: what it is, what to do, and nothing is begun."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run(tmp_path, "demo", "--console", "--port", str(port), "--keep", "kept")
    assert done.returncode == EXIT_CONFIG
    assert f"cannot listen on 127.0.0.1:{port}: address already in use; name another --port, or none" in done.stderr
    assert list(tmp_path.iterdir()) == []
    assert run(tmp_path, "demo", "--port", str(port)).returncode == EXIT_CONFIG
    monkeypatch.setattr(command, "find_spec", lambda name: None)
    with pytest.raises(Exception, match=r"pip install '\.\[console\]'"), command.listening(0):
        pass
