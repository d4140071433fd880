"""`appealbus client`: who may use the HTTP API, as a person adds, rotates and revokes it."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
import typer

from appealbus.core.cli.client import span_of
from appealbus.core.journal import clients
from appealbus.core.rights.credentials import certificate_in, fingerprint, same, split
from tests.services import certificates


@pytest.mark.proof
async def test_a_client_comes_and_goes(program, journal):
    """Its token is on standard output alone and counts; rotation keeps the old one for a while; revoked is revoked."""
    scope = ("--place", "71 00 00 000", "--kind", "complaint", "--per-minute", "60", "--days", "30")
    done = program("client", "add", "akimat", "--role", "registry", *scope)
    token = done.stdout.strip()
    assert (done.returncode, token in done.stderr) == (0, False), done.stderr
    client, credential, digest = await journal.ask(clients.credential, "token", split(token))
    assert (client.name, client.role, client.places, client.kinds, client.per_minute) == (
        *("akimat", "registry", ("710000000",), ("complaint",)),
        60,
    )
    assert same(token, digest)
    assert credential.expires_at - credential.created_at == timedelta(days=30)
    rotated = program("client", "rotate", "akimat", "--keep-old", "0")
    assert same(
        rotated.stdout.strip(), (await journal.ask(clients.credential, "token", split(rotated.stdout.strip())))[2]
    )
    assert (await journal.ask(clients.credential, "token", split(token)))[1].expires_at <= journal.now()
    listed = program("client", "list").stdout
    assert split(token) in listed
    assert not [secret for secret in (token, rotated.stdout.strip()) if secret[20:] in listed]
    (told,) = json.loads(program("client", "list", "--json").stdout)
    assert (told["name"], len(told["credentials"]), told["revoked_at"]) == ("akimat", 2, None)
    assert program("client", "revoke", "akimat", "--credential", split(token)).returncode == 0
    assert program("client", "revoke", "akimat", "--credential", split(token)).returncode == 1
    assert program("client", "revoke", "akimat").returncode == 0
    assert program("client", "revoke", "akimat").returncode == 1
    assert program("client", "rotate", "akimat").returncode == 1
    again = program("client", "add", "akimat", "--role", "ops")
    assert (again.returncode, again.stdout) == (1, "")
    assert "there was one" in again.stderr


@pytest.mark.parametrize(
    ("given", "code", "told"),
    [
        (("add", "a", "--role", "registy"), 2, "did you mean registry?"),
        (("add", "a", "--role", "registry", "--kind", "complant"), 2, "did you mean complaint?"),
        (("add", "a", "--role", "registry", "--place", "71"), 2, "nine digits"),
        (("add", "a", "--role", "channel"), 2, "--channel"),
        (("add", "a", "--role", "ops", "--channel", "mail"), 2, "--channel"),
        (("add", "1a", "--role", "ops"), 2, "Latin letters"),
        (("add", "a", "--role", "ops", "--days", "0"), 2, "--days"),
        (("add", "a", "--role", "ops", "--certificate", "none.pem"), 2, "No such file"),
        (("add", "a"), 2, "--role"),
        (("rotate", "a", "--keep-old", "long"), 2, "24h"),
        (("rotate", "a"), 3, "there are none yet"),
        (("revoke", "a"), 3, "there are none yet"),
    ],
)
def test_what_is_wrong_is_said(program, journal, given, code, told):
    """Nothing is added, no token is shown, and the text says what to write."""
    done = program("client", *given)
    assert (done.returncode, done.stdout) == (code, "")
    assert told in " ".join(done.stderr.replace("│", " ").split())


async def test_a_client_may_show_a_certificate(program, journal, tmp_path: Path):
    """Its fingerprint is its id; the same one is nobody else's, and a file that holds more is refused."""
    certificate = certificates.make(tmp_path).client.read_bytes()
    (tmp_path / "its.pem").write_bytes(certificate)
    given = ("--role", "registry", "--certificate", "its.pem")
    done = program("client", "add", "desk", *given)
    id_, digest = fingerprint(certificate_in(certificate))
    assert (done.returncode, done.stdout.strip()) == (0, id_), done.stderr
    found, _, kept = await journal.ask(clients.credential, "certificate", id_)
    assert (found.name, kept) == ("desk", digest)
    assert program("client", "add", "other", *given).returncode == 1
    for wrong in (b"", b"\xff\xfe", certificate * 2, certificate + b"-----BEGIN PRIVATE KEY-----", certificate[:300]):
        with pytest.raises(ValueError, match="certificate"):
            certificate_in(wrong)
    broken = certificate.splitlines()
    with pytest.raises(ValueError, match="cannot be read"):
        certificate_in(b"\n".join([broken[0], b"AAAA", broken[-1]]))


@pytest.mark.parametrize(
    ("text", "seconds"), [("0", 0), ("30m", 1800), ("24h", 86400), ("7d", 604800), ("90s", 90), ("0h", 0)]
)
def test_spans_of_time(text, seconds):
    """As people write them."""
    assert span_of(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "1", "-1h", "1.5h", "367d", "99999d", "1w", "h", "1h ", "٣h"])
def test_what_is_no_span(text):
    """Is refused."""
    with pytest.raises(typer.BadParameter):
        span_of(text)
