"""Signing: what goes out, and what the settings must say."""

import base64
import hashlib
import subprocess
import sys

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree
from pydantic import ValidationError

from appealbus.connectors.signing import SignatureSettings
from appealbus.connectors.wssec import Unsigned, load_signer, load_verifier
from appealbus.connectors.xmldsig import load_data_signer
from appealbus.core import ConfigError
from appealbus.schemas.safexml import parse
from tests.connectors.signing.gost.kit import each

NS = {
    "s": "http://schemas.xmlsoap.org/soap/envelope/",
    "ds": "http://www.w3.org/2000/09/xmldsig#",
    "wsse": "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd",
}
WSU_ID = "{http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd}Id"
MESSAGE = (
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header/><s:Body><q xmlns="urn:q">'
    '<a b="&#9;&#10;">Қазақ&#13; тілі</a><c><![CDATA[<x>]]]]><![CDATA[></x>]]></c>\n</q></s:Body></s:Envelope>'
).encode()


def settings(identity, **more) -> SignatureSettings:
    return SignatureSettings(
        sign="rsa-sha256",
        key=identity.key,
        certificate=identity.certificate,
        trusted=[identity.certificate],
        **more,
    )


def canonical(element: etree._Element) -> bytes:
    return etree.tostring(element, method="c14n", exclusive=True)


async def test_signature_by_hand(peer):
    """The digest and the signature are right when computed without xmlsec, from the very bytes that go out."""
    signed = parse(await load_signer(settings(peer), "s").sign(MESSAGE))
    body = signed.find("s:Body", NS)
    info = signed.find(".//ds:SignedInfo", NS)
    digest = base64.b64decode(info.findtext(".//ds:DigestValue", "", NS))
    value = base64.b64decode(signed.findtext(".//ds:SignatureValue", "", NS))
    certificate = x509.load_pem_x509_certificate(peer.certificate.read_bytes())

    assert hashlib.sha256(canonical(body)).digest() == digest
    certificate.public_key().verify(value, canonical(info), PKCS1v15(), SHA256())
    assert info.find("ds:Reference", NS).get("URI") == f"#{body.get(WSU_ID)}"


async def test_content_is_left_alone(peer):
    """Signing adds a header and an id; the body's own bytes stay what they were, CDATA and character references too."""
    signed = await load_signer(settings(peer), "s").sign(MESSAGE)
    content = MESSAGE[MESSAGE.index(b"<q ") : MESSAGE.index(b"</s:Body>")]

    assert content in signed
    assert signed.count(b"<s:Header") == 1


async def test_shows_whole_certificate(peer):
    """The security header must be understood, and its KeyIdentifier holds the whole certificate."""
    signed = parse(await load_signer(settings(peer), "s").sign(MESSAGE))
    security = signed.find("s:Header/wsse:Security", NS)
    certificate = x509.load_pem_x509_certificate(peer.certificate.read_bytes())
    path = "ds:Signature/ds:KeyInfo/wsse:SecurityTokenReference/wsse:KeyIdentifier"
    shown = security.find(path, NS)

    assert security.get(f"{{{NS['s']}}}mustUnderstand") == "1"
    assert base64.b64decode(shown.text) == certificate.public_bytes(Encoding.DER)
    assert shown.get("ValueType").endswith("x509-token-profile-1.0#X509v3")
    assert shown.get("EncodingType").endswith("soap-message-security-1.0#Base64Binary")


async def test_message_without_header(peer):
    """A message without a header gets one, before the body."""
    signed = parse(await load_signer(settings(peer), "s").sign(MESSAGE.replace(b"<s:Header/>", b"")))

    assert [part.tag.rpartition("}")[2] for part in signed] == ["Header", "Body"]


async def test_none_sends_what_it_got():
    """Without signing the message is the same object."""
    signer = load_signer(SignatureSettings(), "s")

    assert isinstance(signer, Unsigned)
    assert await signer.sign(MESSAGE) is MESSAGE
    assert load_verifier(SignatureSettings(), "s") is None


def test_password_of_key(make_identity, monkeypatch):
    """A locked key opens with its password; a wrong one is an error that names the key and not the password."""
    identity = make_identity("locked", password=b"open sesame")
    monkeypatch.setenv("KEY_PASSWORD", "open sesame")
    load_signer(settings(identity, key_password={"env": "KEY_PASSWORD"}), "s")
    monkeypatch.setenv("KEY_PASSWORD", "wrong word")

    with pytest.raises(ConfigError, match="key_password") as caught:
        load_signer(settings(identity, key_password={"env": "KEY_PASSWORD"}), "sources.x.signature")
    assert "sources.x.signature" in str(caught.value)
    assert "wrong word" not in str(caught.value)


def test_files_that_do_not_fit(peer, stranger, make_identity, tmp_path):
    """A key of another certificate, a file that is none, a missing one and a short key are configuration errors."""
    broken = tmp_path / "broken.pem"
    broken.write_text("-----BEGIN NOTHING-----")
    short = make_identity("short", key=rsa.generate_private_key(public_exponent=65537, key_size=1024))
    for change, words in (
        ({"key": stranger.key}, "is not the key of"),
        ({"key": broken}, "not a PEM private key"),
        ({"key": tmp_path / "absent"}, "cannot be read"),
        ({"certificate": broken}, "not a certificate"),
        ({"key": short.key, "certificate": short.certificate}, "2048 bits"),
    ):
        with pytest.raises(ConfigError, match=words):
            load_signer(settings(peer).model_copy(update=change), "s")
    with pytest.raises(ConfigError, match="not a certificate"):
        load_verifier(settings(peer).model_copy(update={"trusted": [broken]}), "s")


def test_der_certificate(peer, tmp_path):
    """A certificate may come as DER."""
    der = tmp_path / "peer.cer"
    der.write_bytes(x509.load_pem_x509_certificate(peer.certificate.read_bytes()).public_bytes(Encoding.DER))

    load_signer(settings(peer).model_copy(update={"certificate": der}), "s")


def test_settings_fail_closed(peer):
    """Signing without a trusted peer is refused unless verification is switched off by name."""
    ours = {"sign": "rsa-sha256", "key": peer.key, "certificate": peer.certificate}
    with pytest.raises(ValidationError, match="trusted"):
        SignatureSettings(**ours)
    with pytest.raises(ValidationError, match="certificate"):
        SignatureSettings(sign="rsa-sha256", trusted=[peer.certificate])

    assert load_verifier(SignatureSettings(**ours, verify=False), "s") is None
    assert load_verifier(SignatureSettings(trusted=[peer.certificate]), "s") is not None


@each
@pytest.mark.parametrize("part", ["key", "certificate"])
def test_files_of_ours_that_others_may_write(peer, tmp_path, part):
    """Whoever can put another key there signs in our name: refused as configuration and secrets are."""
    files = {name: tmp_path / name for name in ("key", "certificate")}
    for name, file in files.items():
        file.write_bytes(getattr(peer, name).read_bytes())
        file.chmod(0o602 if name == part else 0o600)
    method = f"gost-{peer.bits}" if peer.bits else "rsa-sha256"
    for load in (load_signer, load_data_signer):
        with pytest.raises(ConfigError, match=rf"sources\.x\.s: {files[part]} may be written by others \(mode 0602"):
            load(SignatureSettings(sign=method, verify=False, **files), "sources.x.s")


@pytest.mark.proof
def test_extra_not_installed(peer):
    """Without the extra the bus imports and says what to install only when signatures are asked for."""
    program = f"""
import sys
sys.modules["cryptography"] = None
from appealbus.connectors.shep import ShepWire
from appealbus.connectors.signing import SignatureSettings
from appealbus.connectors.wssec import load_signer, load_verifier
from appealbus.core import ConfigError
settings = SignatureSettings(sign="rsa-sha256", key={str(peer.key)!r}, certificate={str(peer.certificate)!r},
                             trusted=[{str(peer.certificate)!r}])
load_signer(SignatureSettings(), "s")
for load in (load_signer, load_verifier):
    try:
        load(settings, "sources.x.signature")
    except ConfigError as error:
        print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)

    assert (
        done.stdout.splitlines()
        == ["sources.x.signature: signatures need more packages: pip install '.[wssec]' in a checkout of the bus"] * 2
    )
