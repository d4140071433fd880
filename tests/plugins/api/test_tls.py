"""The API over TLS, with real certificates."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import httpx
import pytest

from appealbus.core import ConfigError
from appealbus.core.domain.client import Client, Credential, Role
from appealbus.core.journal import clients
from appealbus.plugins.api.security import context
from appealbus.plugins.api.settings import ApiSettings
from tests.plugins.api.serving import Served, kind_of, served
from tests.services.certificates import Certificates, make
from tests.services.commands import run
from tests.services.journals import sqlite_journal


@pytest.fixture
def made(tmp_path: Path) -> Certificates:
    """Certificates of a test."""
    return make(tmp_path / "pki")


@pytest.fixture
async def secured(tmp_path: Path, made: Certificates) -> AsyncIterator[Served]:
    """A server that takes certificates of the authority as well as tokens."""
    tls = {"tls_certificate": made.server, "tls_key": made.server_key, "client_authorities": made.authority}
    async with served(sqlite_journal(tmp_path / "journal.db"), tmp_path, patience=1, **tls) as server:
        yield server


def showing(made: Certificates, certificate: Path | None = None) -> ssl.SSLContext:
    """Return what trusts the authority, and shows a certificate."""
    found = ssl.create_default_context(cafile=made.authority)
    if certificate is not None:
        found.load_cert_chain(certificate, certificate.with_suffix(".key"))
    return found


def fingerprint_of(certificate: Path) -> bytes:
    """Return the SHA-256 of a certificate."""
    return sha256(ssl.PEM_cert_to_DER_cert(certificate.read_text())).digest()


async def add(server: Served, certificate: Path, name: str, *, lasts: timedelta = timedelta(days=1)) -> None:
    """Add a client that shows a certificate."""
    digest = await asyncio.to_thread(fingerprint_of, certificate)
    now = server.journal.now()
    client = Client(name, Role.OPS, "", (), (), None, now, "person:test")
    await server.journal.do(
        clients.NewClient(client, Credential(digest.hex(), "certificate", now, now + lasts), digest)
    )


async def test_a_certificate_is_as_good_as_a_token(secured: Served, made: Certificates) -> None:
    """Of a client that was added with it; a token counts over the same port, and goes before the certificate."""
    await add(secured, made.client, "watcher")
    token = await secured.token(Role.AUDITOR)
    seen = [
        (await secured.speaking(shown, showing(made, certificate)).get("/v1/me")).json()["name"]
        for shown, certificate in ((None, made.client), (token, None), (token, made.client))
    ]
    assert seen == ["watcher", "auditor", "auditor"]


async def test_a_certificate_of_nobody_counts_for_nothing(secured: Served, made: Certificates) -> None:
    """One that the authority signed and nobody was added with is 401, as none is; one whose time is over here too."""
    answers = [await secured.speaking(None, showing(made, each)).get("/v1/me") for each in (None, made.client)]
    await add(secured, made.server, "late", lasts=timedelta(seconds=-1))
    answers.append(await secured.speaking(None, showing(made, made.server)).get("/v1/me"))
    assert [(each.status_code, kind_of(each)) for each in answers] == [(401, "unauthenticated")] * 3


@pytest.mark.parametrize("name", ["stranger", "expired"])
async def test_a_wrong_certificate_ends_the_connection(secured: Served, made: Certificates, name: str) -> None:
    """One of another authority, or over its own time, whatever client was added with it; others are served on."""
    certificate: Path = getattr(made, name)
    await add(secured, certificate, name)
    with pytest.raises((httpx.TransportError, ssl.SSLError)):
        await secured.speaking(None, showing(made, certificate)).get("/v1/me")
    assert (await secured.speaking(None, showing(made)).get("/healthz")).status_code == 200
    assert secured.connections <= 1


async def test_a_client_knows_the_server(secured: Served, made: Certificates) -> None:
    """Who does not trust its authority does not speak to it; who speaks without TLS gets nothing."""
    with pytest.raises(httpx.ConnectError):
        await secured.speaking().get("/healthz")
    assert await secured.raw(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n") == b""


async def test_old_tls_is_refused(secured: Served, made: Certificates) -> None:
    """Nothing under TLS 1.2."""
    old = showing(made)
    old.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(httpx.ConnectError):
        await secured.speaking(None, old).get("/healthz")


def test_what_cannot_be_used_is_a_wrong_configuration(made: Certificates) -> None:
    """A key of another certificate, authorities that are none: said with the key of the setting."""
    with pytest.raises(ConfigError, match="tls_certificate and tls_key"):
        context(ApiSettings(tls_certificate=made.server, tls_key=made.client_key))
    pair = {"tls_certificate": made.server, "tls_key": made.server_key}
    with pytest.raises(ConfigError, match="client_authorities"):
        context(ApiSettings(**pair, client_authorities=made.server_key))


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ('listen = "0.0.0.0:8470"', "listen: "),
        ('listen = "[::]:8470"', "listen: "),
        ('tls_certificate = "pki/server.pem"', "tls_key: "),
        ('tls_key = "pki/server.key"', "tls_key: "),
        ('client_authorities = "pki/authority.pem"', "client_authorities: "),
        ('tls_certificate = "pki/server.pem"\ntls_key = "pki/none.key"', "plugins.api.tls_key: "),
    ],
)
@pytest.mark.parametrize("command", ["check", "serve"])
def test_what_does_not_fit_together_is_told(
    tmp_path: Path, made: Certificates, settings: str, told: str, command: str
) -> None:
    """By `check` and by `serve`, with the key and what to do: not that there is no such command."""
    sqlite_journal(tmp_path / "journal.db")
    (tmp_path / "appealbus.toml").write_text(f'[bus]\njournal = "sqlite:///journal.db"\n[plugins.api]\n{settings}\n')
    done = run(tmp_path, command)
    assert done.returncode == (1 if command == "check" else 2)
    assert told in done.stderr
    assert "appealbus.toml:" in done.stderr
    assert "No such command" not in done.stderr
