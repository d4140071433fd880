"""TLS: whom we trust, and who we say we are."""

import asyncio
import datetime
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from ipaddress import ip_address
from pathlib import Path

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import ValidationError

from appealbus.connectors.http import HttpClient, TlsSettings, tls_context
from appealbus.core.config.types import Secret
from appealbus.core.errors import ConfigError
from appealbus.core.interfaces.wire import CallFailed
from appealbus.schemas.outcome import OutcomeKind
from tests.services.processes import PATIENCE


class Authority:
    """A certificate authority of the test's own, without a key identifier, as many a state's are."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = self._sign(self.name, self.key, x509.BasicConstraints(ca=True, path_length=None))
        self.path = folder / f"{name}.pem"
        self.path.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, name: str, password: bytes | None = None) -> tuple[Path, Path]:
        """Return the files of a certificate for 127.0.0.1 and of its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = self._sign(subject, key, x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]))
        paths = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        kept = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
        pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        paths[1].write_bytes(key.private_bytes(pem, pkcs8, kept))
        return paths

    def _sign(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, extension: x509.ExtensionType
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(key.public_key())
        builder = builder.serial_number(x509.random_serial_number()).add_extension(extension, critical=False)
        builder = builder.not_valid_before(now - datetime.timedelta(days=1))
        return builder.not_valid_after(now + datetime.timedelta(days=1)).sign(self.key, hashes.SHA256())


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Return an authority."""
    return Authority(tmp_path, "authority")


@asynccontextmanager
async def serving(authority: Authority, *, ask_client: bool = False) -> AsyncIterator[str]:
    """Yield the URL of a TLS server."""

    async def handle(request: web.Request) -> web.Response:
        return web.Response(body=b"ok")

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("server"))
    if ask_client:
        context.load_verify_locations(authority.path)
        context.verify_mode = ssl.CERT_REQUIRED
    app = web.Application()
    app.router.add_post("/", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    try:
        yield f"https://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


async def test_authority_of_our_own(http: HttpClient, authority: Authority) -> None:
    """A server whose authority we name is trusted."""
    tls = tls_context(TlsSettings(ca_bundle=authority.path), "tls")
    async with serving(authority) as url:
        assert (await http.post(url, b"", {}, timeout=PATIENCE, tls=tls)).body == b"ok"


@pytest.mark.parametrize("other", [True, False])
async def test_unknown_authority(http: HttpClient, authority: Authority, tmp_path: Path, other: bool) -> None:
    """A server of an authority that we do not name is `unavailable`, and gets nothing."""
    bundle = Authority(tmp_path, "other").path if other else None
    tls = tls_context(TlsSettings(ca_bundle=bundle), "tls")
    async with serving(authority) as url:
        with pytest.raises(CallFailed) as caught:
            await http.post(url, b"", {}, timeout=PATIENCE, tls=tls)
    assert (caught.value.kind, caught.value.code) == (OutcomeKind.UNAVAILABLE, "http.tls")


async def test_plain_server_behind_https(http: HttpClient, authority: Authority) -> None:
    """A server that does not speak TLS is `unavailable`."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 No\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    with pytest.raises(CallFailed) as caught:
        await http.post(url, b"", {}, timeout=PATIENCE, tls=tls_context(TlsSettings(ca_bundle=authority.path), "tls"))
    assert (caught.value.kind, caught.value.code) == (OutcomeKind.UNAVAILABLE, "http.tls")
    server.close()


async def test_client_certificate(http: HttpClient, authority: Authority) -> None:
    """A server that asks who we are gets our certificate; without one it does not answer."""
    certificate, key = authority.issue("client", b"open sesame")
    settings = TlsSettings(
        ca_bundle=authority.path,
        client_cert=certificate,
        client_key=key,
        client_key_password=Secret(env="PASSWORD", environ={"PASSWORD": "open sesame"}),
    )
    async with serving(authority, ask_client=True) as url:
        reply = await http.post(url, b"", {}, timeout=PATIENCE, tls=tls_context(settings, "tls"))
        assert reply.body == b"ok"
        with pytest.raises(CallFailed) as caught:
            await http.post(
                url, b"", {}, timeout=PATIENCE, tls=tls_context(TlsSettings(ca_bundle=authority.path), "tls")
            )
    assert caught.value.kind is OutcomeKind.UNAVAILABLE


@pytest.mark.parametrize(
    ("make", "key"),
    [
        (lambda a, t: TlsSettings(ca_bundle=a.issue("c")[1]), "sources.x.tls.ca_bundle: "),
        (lambda a, t: TlsSettings(client_cert=a.path, client_key=a.issue("c")[1]), "sources.x.tls.client_cert: "),
        (
            lambda a, t: TlsSettings(client_cert=a.issue("c", b"x")[0], client_key=t / "c.key"),
            "sources.x.tls.client_cert: ",
        ),
    ],
)
def test_bad_files(
    authority: Authority, tmp_path: Path, make: Callable[[Authority, Path], TlsSettings], key: str
) -> None:
    """A file that is not what it should be is an error that names the key, and asks nobody a password."""
    with pytest.raises(ConfigError, match=key):
        tls_context(make(authority, tmp_path), "sources.x.tls")


def test_a_file_that_others_may_write(authority: Authority) -> None:
    """Whoever may write there whom we trust, or who we are, is trusted by nobody."""
    authority.path.chmod(0o666)
    with pytest.raises(ConfigError, match=r"sources\.x\.tls\.ca_bundle: .* chmod go-w it"):
        tls_context(TlsSettings(ca_bundle=authority.path), "sources.x.tls")


@pytest.mark.parametrize("name", ["ca_bundle", "client_cert", "client_key"])
def test_missing_files(tmp_path: Path, name: str) -> None:
    """A file that is not there is an error of the settings, at its key."""
    with pytest.raises(ValidationError, match=rf"{name}\n.*absent\.pem does not exist"):
        TlsSettings.model_validate({name: tmp_path / "absent.pem"})


def test_key_without_certificate(authority: Authority) -> None:
    """A key alone is an error of the settings."""
    with pytest.raises(ValidationError, match="need client_cert"):
        TlsSettings(client_key=authority.path)


async def test_stray_answers_under_tls(authority: Authority) -> None:
    """Under TLS connections are used again as well, its own messages raise no doubt, and a stray answer does."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("server"))
    connections = 0
    reply = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        for number in range(3):
            await reader.readuntil(b"<x/>")
            writer.write(reply + b"right")
            if connections == 1 and number == 2:
                await asyncio.sleep(0.05)
                writer.write(reply + b"stray")
        with suppress(ssl.SSLError, OSError):
            await reader.read()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=context)
    url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    http = HttpClient()
    http.open()
    tls = tls_context(TlsSettings(ca_bundle=authority.path), "sources.x.tls")

    async def ask() -> bytes:
        return (await http.post(url, b"<x/>", {}, timeout=PATIENCE, tls=tls, source="x")).body

    try:
        assert [await ask() for _ in range(3)] == [b"right"] * 3
        assert (connections, http.links("x", url)) == (1, ())
        async with asyncio.timeout(PATIENCE):
            while not http.links("x", url):
                await asyncio.sleep(0.01)
        assert await ask() == b"right"
        assert connections == 2
    finally:
        await http.close()
        server.close()


async def test_a_stray_answer_that_nobody_has_read_yet(authority: Authority) -> None:
    """What lies in a TLS socket while the loop is busy is no answer to the question that is put next."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("server"))
    reply = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
    speaks, spoken = threading.Event(), threading.Event()

    def serve(listener: socket.socket) -> None:
        with suppress(OSError), context.wrap_socket(listener.accept()[0], server_side=True) as connection:
            connection.recv(65536)
            connection.sendall(reply + b"right")
            speaks.wait(PATIENCE)
            connection.sendall(reply + b"stray")
            spoken.set()
        with suppress(OSError), context.wrap_socket(listener.accept()[0], server_side=True) as connection:
            connection.recv(65536)
            connection.sendall(reply + b"right")

    http = HttpClient()
    http.open()
    tls = tls_context(TlsSettings(ca_bundle=authority.path), "sources.x.tls")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/"
        try:
            for _ in range(2):
                answer = await http.post(url, b"<x/>", {}, timeout=PATIENCE, tls=tls, source="x")
                assert answer.body == b"right"
                speaks.set()
                spoken.wait(PATIENCE)  # blocks the loop, as a long calculation would
            assert [link.counts for link in http.links("x", url)] == [{"unasked": 1}]
        finally:
            await http.close()
    await asyncio.to_thread(thread.join, PATIENCE)
