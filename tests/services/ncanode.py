"""A signing service with the API of NCANode 3, for RSA keys, by xmlsec. Strict in what it takes; hostile on demand."""

import asyncio
import base64
import binascii
import copy
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import xmlsec
from aiohttp import web
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12, serialize_key_and_certificates
from cryptography.x509 import load_pem_x509_certificate
from lxml import etree

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
_OASIS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-"
WSSE, WSU = f"{_OASIS}wssecurity-secext-1.0.xsd", f"{_OASIS}wssecurity-utility-1.0.xsd"
DS = "http://www.w3.org/2000/09/xmldsig#"

Spoil = Callable[[str], str]


def store(key: Path, certificate: Path, password: str, alias: str = "alias") -> bytes:
    """Return a PKCS #12 file with the key and its certificate, which takes no time to open."""
    encryption = PrivateFormat.PKCS12.encryption_builder().kdf_rounds(1).build(password.encode())
    return serialize_key_and_certificates(
        alias.encode(),
        load_pem_private_key(key.read_bytes(), None),  # type: ignore[arg-type]
        load_pem_x509_certificate(certificate.read_bytes()),
        None,
        encryption,
    )


class _Refused(Exception):
    """The request is not one that the service takes."""


@dataclass
class SigningService:
    """What it does wrong is `spoil`, over the signed text, or `answer`, instead of any work."""

    url: str = ""
    spoil: Spoil = str
    answer: Callable[[web.Request], Any] | None = None
    paths: list[str] = field(default_factory=list)

    async def handle(self, http: web.Request) -> web.StreamResponse:
        """Serve one call."""
        self.paths.append(http.path)
        if self.answer is not None:
            return await self.answer(http)  # type: ignore[no-any-return]
        try:
            asked = await http.json()
            signed = _sign_message(asked) if http.path == "/wsse/sign" else _sign_document(asked)
        except (_Refused, ValueError) as error:
            return web.json_response({"status": 400, "message": str(error)}, status=400)
        except etree.XMLSyntaxError:
            return web.json_response({"status": 500, "message": "Internal Server Error"}, status=500)
        return web.json_response({"status": 200, "message": "OK", "xml": self.spoil(signed)})


@asynccontextmanager
async def serving(*, socket: Path | None = None) -> AsyncIterator[SigningService]:
    """Run a service on a free port of 127.0.0.1, or on a socket."""
    service = SigningService()
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_post("/wsse/sign", service.handle)
    app.router.add_post("/xml/sign", service.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    if socket is not None:
        await web.UnixSite(runner, str(socket)).start()
        service.url = f"unix:{socket}"
    else:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        service.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield service
    finally:
        await runner.cleanup()


async def silent(_http: web.Request) -> web.Response:
    """Never answer."""
    await asyncio.sleep(3600)
    raise AssertionError


def _sign_message(asked: dict[str, Any]) -> str:
    _check(asked, {"xml", "key", "password"}, {"keyAlias", "trimXml"})
    key, certificate = _key(asked)
    root = etree.fromstring(asked["xml"].encode())
    header, body = root.find(f"{{{SOAP}}}Header"), root.find(f"{{{SOAP}}}Body")
    if body is None:
        raise _Refused("not a SOAP message")
    if header is None:
        header = etree.Element(f"{{{SOAP}}}Header")
        root.insert(0, header)
    # The service takes the header's first child node for the one that it has just added.
    if len(header) or header.text:
        raise etree.XMLSyntaxError("the header is not empty", 0, 0, 0)
    security = etree.SubElement(header, f"{{{WSSE}}}Security", nsmap={"wsse": WSSE, "wsu": WSU})
    security.set(f"{{{SOAP}}}mustUnderstand", "1")
    name = f"id-{uuid4()}"
    body.set(f"{{{WSU}}}Id", name)
    constants, template = xmlsec.constants, xmlsec.template
    signature = template.create(security, constants.TransformExclC14N, constants.TransformRsaSha256, ns="ds")
    reference = template.add_reference(signature, constants.TransformSha256, uri=f"#{name}")
    template.add_transform(reference, constants.TransformExclC14N)
    security.append(signature)
    context = xmlsec.SignatureContext()
    context.key = key
    context.register_id(body, "Id", WSU)
    context.sign(signature)
    info = etree.SubElement(signature, f"{{{DS}}}KeyInfo")
    token = etree.SubElement(info, f"{{{WSSE}}}SecurityTokenReference")
    etree.SubElement(token, f"{{{WSSE}}}KeyIdentifier").text = certificate
    return _text(root)


def _sign_document(asked: dict[str, Any]) -> str:
    _check(asked, {"xml", "signers"}, {"clearSignatures", "trimXml"})
    if not isinstance(asked["signers"], list) or len(asked["signers"]) != 1:
        raise _Refused("signers")
    _check(asked["signers"][0], {"key", "password"}, {"keyAlias", "referenceUri"})
    key, certificate = _key(asked["signers"][0])
    return sign_enveloped(asked["xml"], key, certificate)


def sign_enveloped(xml: str, key: xmlsec.Key, certificate: str) -> str:
    """Return the document with an enveloped signature, as the service makes it."""
    root = etree.fromstring(xml.encode())
    constants, template = xmlsec.constants, xmlsec.template
    signature = template.create(root, constants.TransformInclC14N, constants.TransformRsaSha256, ns="ds")
    root.append(signature)
    reference = template.add_reference(signature, constants.TransformSha256, uri="")
    template.add_transform(reference, constants.TransformEnveloped)
    template.add_transform(reference, constants.TransformInclC14NWithComments)
    context = xmlsec.SignatureContext()
    context.key = key
    context.sign(signature)
    data = etree.SubElement(etree.SubElement(signature, f"{{{DS}}}KeyInfo"), f"{{{DS}}}X509Data")
    etree.SubElement(data, f"{{{DS}}}X509Certificate").text = certificate
    return _text(root)


def _check(asked: object, required: set[str], more: set[str]) -> None:
    if not isinstance(asked, dict) or not required <= asked.keys() <= required | more:
        raise _Refused("unknown or missing fields")


def _key(asked: dict[str, Any]) -> tuple[xmlsec.Key, str]:
    try:
        key, certificate, name = _opened(asked["key"], asked["password"])
    except (ValueError, binascii.Error):
        raise _Refused("key or password") from None
    if asked.get("keyAlias", name) != name:
        raise _Refused("no such alias")
    return key, certificate


@cache
def _opened(key: str, password: str) -> tuple[xmlsec.Key, str, str]:
    held = load_pkcs12(base64.b64decode(key, validate=True), password.encode())
    if held.key is None or held.cert is None:
        raise _Refused("no key")
    pem = held.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    der = held.cert.certificate.public_bytes(Encoding.DER)
    opened = xmlsec.Key.from_memory(pem, xmlsec.constants.KeyDataFormatPem)
    return opened, base64.b64encode(der).decode(), (held.cert.friendly_name or b"").decode()


def _text(root: etree._Element) -> str:
    return '<?xml version="1.0" encoding="UTF-8" standalone="no"?>' + etree.tostring(root, encoding="unicode")


def changed(edit: Callable[[etree._Element], None]) -> Spoil:
    """Return what spoils a signed text as `edit` does its tree."""

    def spoil(signed: str) -> str:
        root = copy.deepcopy(etree.fromstring(signed.encode()))
        edit(root)
        return _text(root)

    return spoil
