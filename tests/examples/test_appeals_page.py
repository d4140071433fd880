"""The page of `examples/appeals_page`: a third party's code in the real server, and who sees what on it."""

import asyncio
import json
import re
import shutil
from pathlib import Path
from typing import Any

import httpx
import pytest

from appealbus.core.domain.access import AuditFilter
from appealbus.core.journal import access
from appealbus.core.journal.journal import Journal
from tests.services.commands import run
from tests.services.journals import sqlite_journal
from tests.system.program import Program

EXAMPLE = Path(__file__).parents[2] / "examples" / "appeals_page" / "appeals_page.py"
CONFIGURATION = """[bus]
journal = "sqlite:///journal.db"
grace = "2s"
plugins = ["./appeals_page.py"]
policy = "policy.toml"
[plugins.api]
listen = "127.0.0.1:0"
[log]
format = "json"
"""
POLICY = """[masks.desk]
hides = ["appeal.kind", "appeal.applicant.*", "appeal.text"]
identifiers = ["iin"]
[clients.desk]
mask = "desk"
"""
IIN = "750301100019"


def letter(at: int, kato: str) -> bytes:
    given = {"message_id": f"m-{at}", "kind": "complaint", "text": f"ИИН {IIN} <b>", "place": {"kato": kato}}
    return json.dumps(given | {"applicant": {"type": "person", "iin": IIN}}).encode()


def client_of(folder: Path, url: str, name: str, *more: str) -> httpx.Client:
    added = run(folder, "client", "add", name, *more)
    assert added.returncode == 0, added.stderr
    token = added.stdout.strip()
    # Without TLS it needs no authorities, which take as long to read as three answers.
    headers = {"Authorization": f"Bearer {token}", "Connection": "close"}
    return httpx.Client(base_url=url, headers=headers, timeout=60, verify=False)


async def looks_in(url: str) -> list[tuple[str, dict[str, Any]]]:
    """Return who looked, and at what, in order."""
    async with await Journal.open(url) as journal:
        page = await journal.ask(access.deeds, AuditFilter(looks=True), None, 100)
        return [(each.actor, dict(each.detail)) for each in reversed(page.entries)]


def listed(page: httpx.Response) -> list[str]:
    """Return the ids of the appeals on a page."""
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    return re.findall(r'href="\?id=([0-9a-f-]{36})"', page.text)


@pytest.mark.system
def test_two_clients_see_what_each_may_and_both_are_in_the_log(tmp_path: Path) -> None:
    """Over HTTP: one sees all and opens a dossier, one the appeals of its place, masked; nobody else sees any."""
    sqlite_journal(tmp_path / "journal.db")
    shutil.copy(EXAMPLE, tmp_path)
    (tmp_path / "appealbus.toml").write_text(CONFIGURATION)
    (tmp_path / "policy.toml").write_text(POLICY)
    assert "appeals_page" in run(tmp_path, "plugins").stdout
    with Program(tmp_path, "serve") as program:
        program.until(lambda: "api.started" in program.err, "it listens")
        started = next(json.loads(line) for line in program.err.splitlines() if '"api.started"' in line)
        url = f"http://127.0.0.1:{started['port']}"
        portal = client_of(tmp_path, url, "portal", "--role", "channel", "--channel", "portal")
        for at, kato in enumerate(("271010000", "271010000", "751010000")):
            sent = portal.post("/v1/appeals", content=letter(at, kato), headers={"Content-Type": "application/json"})
            assert sent.status_code == 201, sent.text
        run(tmp_path, "run", "--until-idle")
        wide = client_of(tmp_path, url, "register", "--role", "registry")
        narrow = client_of(tmp_path, url, "desk", "--role", "registry", "--place", "750000000")
        pages = {who: each.get("/list/") for who, each in (("wide", wide), ("narrow", narrow))}
        assert len(listed(pages["wide"])) == 3
        assert listed(pages["narrow"]) == listed(pages["wide"])[2:]
        assert ("complaint" in pages["wide"].text, "complaint" in pages["narrow"].text) == (True, False)
        (own,), other = listed(pages["narrow"]), listed(pages["wide"])[0]
        assert IIN in wide.get("/list/", params={"id": own}).text
        seen = narrow.get("/list/", params={"id": own})
        assert (seen.status_code, IIN in seen.text, "<b>" in seen.text) == (200, False, False)
        assert narrow.get("/list/", params={"id": other}).status_code == 404
        refused = httpx.get(f"{url}/list/")
        assert (refused.status_code, refused.json()["type"]) == (401, "/problems/unauthenticated")
        ops = client_of(tmp_path, url, "ops", "--role", "ops")
        for do, state in (("hold", "held"), ("release", "ready")):
            asks = {"id": own, "do": do, "reason": "the court asked"}
            assert wide.post("/list/", params=asks).status_code == 403
            assert f"<p>{state}" in ops.post("/list/", params=asks).text
        assert "default-src 'none'" in pages["wide"].headers["content-security-policy"]
        assert run(tmp_path, "client", "revoke", "desk").returncode == 0
        program.until(lambda: narrow.get("/list/").status_code == 401, "it is out")
        assert IIN not in program.err
    looks = asyncio.run(looks_in(f"sqlite:///{tmp_path / 'journal.db'}"))
    assert looks[:2] == [("api:register", {"as": "appeals", "found": 3}), ("api:desk", {"as": "appeals", "found": 1})]
    assert [(who, it["as"]) for who, it in looks[2:4]] == [("api:register", "dossier"), ("api:desk", "dossier")]
    assert {(who, it["as"]) for who, it in looks[4:]} <= {("api:desk", "appeals")}  # until it was out
