"""Signing in at a certified provider: npm's oidc-provider, which runs here, with PKCE required."""

import html
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from cryptography import fernet

from appealbus.core.domain.client import Client
from appealbus.core.journal import clients as journal_clients
from appealbus.core.journal.journal import Journal
from tests.plugins.console.browser import absent, cache
from tests.plugins.console.kit import csrf_of
from tests.plugins.console.world import World, world
from tests.services.processes import free_port

_PACKAGE = "oidc-provider@9.13.3"


@pytest.fixture(scope="module")
def provider() -> Iterator[tuple[str, int]]:
    """Its address, and the port that the console is registered with."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        absent("node with npm")
    folder, port = cache() / "oidc-provider-9.13.3-1", free_port()
    if not folder.exists():
        made = Path(tempfile.mkdtemp(dir=cache()))  # another worker may be about the same
        (made / "package.json").write_text("{}")
        command = [str(npm), "install", "--no-audit", "--no-fund", "--silent", "--ignore-scripts", _PACKAGE]
        with suppress(subprocess.TimeoutExpired):
            if subprocess.run(command, cwd=made, check=False, timeout=60).returncode == 0:
                with suppress(OSError):
                    made.rename(folder)
        shutil.rmtree(made, ignore_errors=True)
        if not folder.exists():
            absent("oidc-provider (npm's registry does not answer)")
    script = Path(__file__).with_name("provider.mjs")
    command = [str(node), str(script), str(folder), f"http://127.0.0.1:{port}/console/oidc/back"]
    quiet = {**os.environ, "NODE_NO_WARNINGS": "1"}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=quiet, text=True) as process:
        assert process.stdout is not None
        its = process.stdout.readline().strip()
        assert its.isdigit()
        yield f"http://127.0.0.1:{its}", port
        process.kill()


@pytest.fixture(scope="module")
def console(provider: tuple[str, int], tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A console that is registered at the provider."""
    issuer, port = provider
    folder = tmp_path_factory.mktemp("console")
    (folder / "secret").write_text("a secret of the tests, long enough\n")
    (folder / "secret").chmod(0o600)
    oidc = {
        "issuer": issuer,
        "client_id": "console",
        "client_secret": {"file": str(folder / "secret")},
        "url": f"http://127.0.0.1:{port}",
        "roles": {"bus-operators": "ops", "officials": "reviewer"},
    }
    with world(folder, port=port, oidc=oidc) as made:
        yield made


def come(console: World, login: str, to: str = "") -> tuple[httpx.Client, httpx.Response]:
    """Sign in at the provider as a person does; return the browser, and the answer of the console to what came back."""
    browser = console.browser()
    page = browser.get("/console/oidc", params={"to": to})
    for _ in range(6):
        if page.url.port == urlsplit(console.url).port:
            return browser, page
        form = re.search(r'<form[^>]*action="([^"]+)"', page.text)
        assert form is not None, page.text
        fields = dict(re.findall(r'<input[^>]*name="(\w+)"[^>]*value="([^"]*)"', page.text))
        fields |= dict(re.findall(r'<input[^>]*type="hidden"[^>]*name="(\w+)"[^>]*value="([^"]*)"', page.text))
        given = {**fields, "login": login, "password": "x"} if "password" in page.text else fields
        page = browser.post(
            html.unescape(form[1]), data=given, headers={"Origin": f"http://{page.url.netloc.decode()}"}
        )
    raise AssertionError("the provider goes on asking")


def test_a_person_signs_in_by_their_role(console: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the first group that has a role; they come to the page that they wanted, and are the same person next time.

    How long they took is told by the journal's clock: this machine's may jump, and another server's be another.
    """
    days = count()
    monkeypatch.setattr(fernet, "time", SimpleNamespace(time=lambda: time.time() + 86_400 * next(days)))
    browser, page = come(console, "aigul:bus-operators", to="/console/appeals?state=held")
    assert (page.status_code, page.url.path, page.url.query) == (200, "/console/appeals", b"state=held")
    assert "aigul" in page.text
    assert browser.cookies["appealbus"]
    assert "appealbus-oidc" not in browser.cookies
    come(console, "aigul:bus-operators")
    found = console.do(clients)
    assert [(each.name, each.role) for each in found] == [("aigul", "ops")]
    assert found[0].created_by.startswith("oidc:")


def test_who_has_no_role_stays_out(console: World) -> None:
    """And whoever has the name of somebody else, a name that cannot be one, or is revoked."""
    console.link("ops", "marat")
    for login, code in (
        ("guest:visitors", "oidc.no_role"),
        ("marat:bus-operators", "oidc.name_taken"),
        ("a b:officials", "oidc.name"),
    ):
        browser, page = come(console, login)
        assert (page.status_code, code in page.text, "appealbus" in browser.cookies) == (403, True, False), login
    come(console, "erlan:officials")
    console.do(lambda journal: journal.do(journal_clients.Revoking("erlan")))
    assert "oidc.revoked" in come(console, "erlan:officials")[1].text


def test_a_sign_in_ends_where_it_began(console: World) -> None:
    """A code of another browser, a state that was made up, and an error of the provider sign nobody in."""
    browser = console.browser()
    start = browser.get("/console/oidc", follow_redirects=False)
    asked = parse_qs(urlsplit(start.headers["location"]).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert {"state", "nonce", "code_challenge"} <= asked.keys()
    assert "HttpOnly" in start.headers["set-cookie"]
    state = asked["state"][0]
    for who, query in (
        (console.browser(), f"code=x&state={state}"),
        (browser, "code=x&state=made-up"),
        (browser, f"code=made-up&state={state}"),
        (browser, f"error=access_denied&state={state}"),
    ):
        page = who.get(f"/console/oidc/back?{query}")
        assert page.status_code == 403
        assert "appealbus" not in who.cookies


def test_signing_out_signs_out_at_the_provider(console: World) -> None:
    """By a page that leads there, since no form may; they come back, and the provider asks who they are again."""
    browser, page = come(console, "saule:bus-operators")
    assert browser.get("/console/oidc").url.path != "/console/oidc"  # it knows her, and asks nothing
    page = browser.post("/console/leave", data={"csrf": csrf_of(browser.get("/console/now"))})
    assert "You are signed out here." in page.text
    assert "appealbus" not in browser.cookies
    out = re.search(r'http-equiv="refresh" content="0; url=([^"]+)"', page.text)
    assert out is not None
    there = browser.get(html.unescape(out[1]))
    form = re.search(r'<form[^>]*action="([^"]+)"', there.text)
    secret = re.search(r'name="xsrf" value="([^"]+)"', there.text)
    assert form is not None
    assert secret is not None
    back = browser.post(html.unescape(form[1]), data={"xsrf": secret[1], "logout": "yes"})
    assert (back.status_code, back.url.path) == (200, "/console/enter")
    assert "password" in browser.get("/console/oidc").text

    by_link = console.signed_in("ops", "linked")
    left = by_link.post("/console/leave", data={"csrf": csrf_of(by_link.get("/console/now"))})
    assert left.url.path == "/console/enter"


async def clients(journal: Journal) -> list[Client]:
    return [client for client, _ in await journal.ask(journal_clients.all_clients)]
