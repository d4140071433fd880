"""Whom a message may be signed by: pinned certificates, those of an authority, and those that were revoked."""

import base64
import contextlib
import os
import random
import re
from datetime import UTC, datetime, timedelta

import pytest
from asn1crypto import core, pem
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree
from pydantic import ValidationError
from structlog.testing import capture_logs

from appealbus.connectors.signing import SignatureSettings, revocation
from appealbus.connectors.signing import trust as trust_module
from appealbus.connectors.signing.signature import (
    GOST_DIGEST,
    GOST_SIGNATURE,
    KEY_IDENTIFIER,
    THUMBPRINT,
    WSSE,
    WSU_ID,
    KeyInfo,
)
from appealbus.connectors.signing.signing_key import GostSigningKey
from appealbus.connectors.signing.trust import load_trust, load_trusted
from appealbus.connectors.wssec import load_verifier
from appealbus.connectors.wssec.local import X509V3, KeySigner
from appealbus.connectors.wssec.verify import verify
from appealbus.core import CallFailed, ConfigError, OutcomeKind
from appealbus.schemas.namespaces import DS
from appealbus.schemas.safexml import parse
from tests.connectors.signing.gost.kit import KINDS, Authority, named, needs_libgcrypt, seq

KIND = KINDS["kz-512"]
STATE = Authority(named("State"), KIND, 0x57A7E)
SUBJECT = {"2.5.4.11": "BIN160000000007"}
GATEWAY = named("Gateway", "BIN160000000007")
SECRET = 0x6A7E
HIGHER = STATE.name, KIND, STATE.secret
METHODS = GOST_SIGNATURE[512], GOST_DIGEST[512]


def sign(message: bytes, certificate: bytes, secret: int = SECRET) -> etree._Element:
    return parse(KeySigner(GostSigningKey(KIND.curve, secret), certificate).signed(message))


def code_of(root: etree._Element, trust, **more) -> str:
    with pytest.raises(CallFailed) as caught:
        verify(root, trust, **more)
    return caught.value.code


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """Return a folder with the authority's certificate."""
    folder = tmp_path_factory.mktemp("state")
    (folder / "state.crt").write_bytes(STATE.certificate(STATE.name, KIND, STATE.secret, authority=True))
    return folder


@pytest.fixture(scope="session")
def authority(folder):
    """Return the trust in what the authority issues to the gateway."""
    return load_trust([], [folder / "state.crt"], SUBJECT, [])


# How a message names its certificate.


def name_it(root: etree._Element, inside: str) -> etree._Element:
    info = root.find(f".//{{{DS}}}KeyInfo")
    reference = (
        f'<ds:KeyInfo xmlns:ds="{DS}" xmlns:w="{WSSE}"><w:SecurityTokenReference>{inside}</w:SecurityTokenReference>'
        "</ds:KeyInfo>"
    )
    info.getparent().replace(info, etree.fromstring(reference))
    return parse(etree.tostring(root))


def by_serial(number: object) -> str:
    return (
        "<ds:X509Data><ds:X509IssuerSerial><ds:X509IssuerName>C=KZ,CN=State</ds:X509IssuerName>"
        f"<ds:X509SerialNumber>{number}</ds:X509SerialNumber></ds:X509IssuerSerial></ds:X509Data>"
    )


def by_identifier(kind: str, octets: bytes) -> str:
    return f'<w:KeyIdentifier ValueType="{kind}">{base64.b64encode(octets).decode()}</w:KeyIdentifier>'


@needs_libgcrypt
def test_names_of_a_certificate(message, tmp_path):
    """By serial number, key identifier, thumbprint, or whole in or beside the signature: the pinned one is found."""
    der = STATE.certificate(GATEWAY, KIND, SECRET, serial=4711, key_identifier=b"\1\2\3")
    (tmp_path / "gateway.crt").write_bytes(der)
    trust = load_trusted([tmp_path / "gateway.crt"])
    thumbprint = x509.load_der_x509_certificate(der).fingerprint(hashes.SHA1())
    for right, wrong in (
        (by_serial(4711), by_serial(4712)),
        (by_identifier(KEY_IDENTIFIER, b"\1\2\3"), by_identifier(KEY_IDENTIFIER, b"\1\2\4")),
        (by_identifier(THUMBPRINT, thumbprint), by_identifier(THUMBPRINT, b"\0" * 20)),
        (by_identifier(X509V3, der), by_identifier(X509V3, der[:-1])),
    ):
        verify(name_it(sign(message, der), right), trust)
        assert code_of(name_it(sign(message, der), wrong), trust) == "wssec.untrusted"
    for broken in (by_serial("9" * 5000), by_serial("-1"), by_serial("٣"), by_serial("")):
        assert code_of(name_it(sign(message, der), broken), trust) == "wssec.structure"


@needs_libgcrypt
def test_certificate_beside_its_number(message, authority, tmp_path):
    """A message may name its certificate by number and bring it along, in this order, too."""
    der = STATE.certificate(GATEWAY, KIND, SECRET, serial=4711)
    whole = f"<ds:X509Certificate>{base64.b64encode(der).decode()}</ds:X509Certificate></ds:X509Data>"
    verify(name_it(sign(message, der), by_serial(4711).replace("</ds:X509Data>", whole)), authority)

    # The number is enough where the certificate is pinned, whichever of its chain stands beside it.
    (tmp_path / "gateway.crt").write_bytes(der)
    other = whole.replace(base64.b64encode(der).decode(), base64.b64encode(STATE.certificate(*HIGHER)).decode())
    beside = by_serial(4711).replace("</ds:X509Data>", other)
    verify(name_it(sign(message, der), beside), load_trusted([tmp_path / "gateway.crt"]))
    assert code_of(name_it(sign(message, der), beside.replace("4711", "-1")), authority) == "wssec.untrusted"


def chain(*certificates: bytes) -> str:
    shown = (f"<ds:X509Certificate>{base64.b64encode(each).decode()}</ds:X509Certificate>" for each in certificates)
    return f"<ds:X509Data>{''.join(shown)}</ds:X509Data>"


@needs_libgcrypt
def test_chain_in_any_order(message, authority, tmp_path):
    """A message may bring those above its certificate, too: the pinned or issued one is found wherever it stands."""
    der, higher = STATE.certificate(GATEWAY, KIND, SECRET), STATE.certificate(*HIGHER, authority=True)
    (tmp_path / "gateway.crt").write_bytes(der)
    for trust in (authority, load_trusted([tmp_path / "gateway.crt"])):
        for order in ((der, higher), (higher, der), (higher, b"nonsense", higher, der)):
            verify(name_it(sign(message, der), chain(*order)), trust)
        assert code_of(name_it(sign(message, der), chain(*[higher] * 8, der)), trust) == "wssec.untrusted"
        assert code_of(name_it(sign(message, der), chain(higher, b"")), trust) == "wssec.untrusted"
        # Whoever brings somebody else's certificate along has not signed with it.
        assert code_of(name_it(sign(message, higher, 99), chain(higher, der)), trust) == "wssec.signature"


@needs_libgcrypt
def test_certificate_of_many_names(message, authority):
    """To read the names in one of ten megabytes takes seconds, so none is looked into that no authority would issue."""
    for more in (10, 5000):
        name = seq(*[named("x", "BIN160000000007")[2:]] * more)
        signed = sign(message, STATE.certificate(name, KIND, SECRET))
        assert code_of(signed, authority) == "wssec.untrusted" if more > 10 else verify(signed, authority) is not None


@needs_libgcrypt
def test_binary_security_token(message, authority):
    """A token beside the signature is the certificate, where the signature refers to it; one that is absent is told."""
    der = STATE.certificate(GATEWAY, KIND, SECRET)
    token = f'<w:BinarySecurityToken xmlns:w="{WSSE}">{base64.b64encode(der).decode()}</w:BinarySecurityToken>'
    root = sign(message, der)
    root[0][0].insert(0, etree.fromstring(token))
    root[0][0][0].set(WSU_ID, "X509-1")
    root = name_it(root, '<w:Reference URI="#X509-1"/>')

    verify(root, authority)
    root[0][0].remove(root[0][0][0])
    assert code_of(root, authority) == "wssec.structure"


# Authorities.


@needs_libgcrypt
def test_authority_issues_to_whom_is_meant(message, authority):
    """A certificate that the authority issued to the subject counts without being pinned."""
    verify(sign(message, STATE.certificate(GATEWAY, KIND, SECRET, usage=0x80)), authority)


@needs_libgcrypt
@pytest.mark.parametrize(
    "certificate",
    [
        lambda: STATE.certificate(named("Somebody", "BIN160000000008"), KIND, SECRET),
        lambda: STATE.certificate(named("BIN160000000007"), KIND, SECRET),
        lambda: Authority(STATE.name, KIND, 0xBAD).certificate(GATEWAY, KIND, SECRET),
        lambda: Authority(named("Other"), KIND, STATE.secret).certificate(GATEWAY, KIND, SECRET),
        lambda: Authority(GATEWAY, KIND, SECRET).certificate(GATEWAY, KIND, SECRET),
        lambda: STATE.certificate(GATEWAY, KIND, SECRET, authority=True),
        lambda: STATE.certificate(GATEWAY, KIND, SECRET, usage=0x20),
        lambda: b"\x30\x03\x02\x01\x00",
        lambda: b"",
    ],
    ids=["subject", "attribute", "forged", "issuer", "itself", "authority", "usage", "asn1", "empty"],
)
def test_what_the_authority_did_not_issue(message, authority, certificate):
    """Another subject, another issuer, a forged signature, an authority's or a broken certificate does not count."""
    assert code_of(sign(message, certificate()), authority) == "wssec.untrusted"


@needs_libgcrypt
def test_key_of_a_certificate_that_nobody_issued(message, authority, monkeypatch):
    """It is not looked at: a key whose identifier has a million bytes would take minutes."""
    monkeypatch.setattr(trust_module, "public_key", lambda *_: pytest.fail("the key was read"))
    forged = Authority(STATE.name, KIND, 0xBAD).certificate(GATEWAY, KIND, SECRET)
    assert code_of(sign(message, forged), authority) == "wssec.untrusted"


@needs_libgcrypt
def test_issued_certificate_has_its_time(message, authority):
    """A certificate of the authority counts within its time alone, and its own key must have signed."""
    assert code_of(sign(message, STATE.certificate(GATEWAY, KIND, SECRET, days=-1)), authority) == "wssec.expired"
    assert code_of(sign(message, STATE.certificate(GATEWAY, KIND, 99)), authority) == "wssec.signature"
    lasting, later = STATE.certificate(GATEWAY, KIND, SECRET, days=50), datetime.now(UTC) + timedelta(days=40)
    assert code_of(sign(message, lasting), authority, now=later) == "wssec.expired"  # the authority's has ended


@needs_libgcrypt
def test_authority_that_is_none(tmp_path, peer):
    """A certificate without the right to issue is no authority."""
    (tmp_path / "gateway.crt").write_bytes(STATE.certificate(GATEWAY, KIND, SECRET))
    for file in (tmp_path / "gateway.crt", peer.certificate):
        with pytest.raises(ConfigError, match="not the certificate of an authority"):
            load_trust([], [file], SUBJECT, [])


def test_settings_of_authorities(peer):
    """An authority without a subject would let everybody sign; lists need who signs them."""
    for settings, words in (
        ({"trusted_ca": [peer.certificate]}, "trusted_subject"),
        ({"trusted_ca": [peer.certificate], "trusted_subject": {"OX": "a"}}, "trusted_subject"),
        ({"trusted": [peer.certificate], "crl": [peer.certificate]}, "trusted_ca"),
        ({"trusted_subject": {"OU": "a"}}, "trusted_ca"),
    ):
        with pytest.raises(ValidationError, match=words):
            SignatureSettings(**settings)


# Lists of revoked certificates.


@pytest.fixture
def gateway(tmp_path):
    """Return the gateway's certificate, which the authority issued."""
    der = STATE.certificate(GATEWAY, KIND, SECRET, serial=4711)
    (tmp_path / "gateway.crt").write_bytes(der)
    return der


@pytest.fixture
def listed(folder, gateway, tmp_path):
    """Return the trust in the pinned gateway by a list."""

    def trust(crl: bytes):
        (tmp_path / "state.crl").write_bytes(crl)
        return load_trust([tmp_path / "gateway.crt"], [folder / "state.crt"], {}, [tmp_path / "state.crl"])

    return trust


@needs_libgcrypt
def test_revoked(message, gateway, listed):
    """A pinned certificate on the authority's list is refused; one that is not is taken."""
    verify(sign(message, gateway), listed(STATE.revoked(1, 4712)))
    assert code_of(sign(message, gateway), listed(STATE.revoked(1, 4711, 4712))) == "wssec.revoked"
    verify(sign(message, gateway), listed(pem.armor("X509 CRL", STATE.revoked())))


@needs_libgcrypt
@pytest.mark.parametrize("when", [timedelta(days=3), timedelta(days=-3)])
def test_list_of_another_time(message, gateway, listed, when):
    """After the next list was due nobody knows: the answer is not taken, and the question is asked again."""
    with pytest.raises(CallFailed, match=r"wssec\.crl_outdated") as caught:
        verify(sign(message, gateway), listed(STATE.revoked(1)), now=datetime.now(UTC) + when)
    assert caught.value.kind is OutcomeKind.UNAVAILABLE


def _extension(oid: str, value: bytes) -> bytes:
    octets = core.OctetString(value).dump()
    return seq(core.ObjectIdentifier(oid).dump(), core.Boolean(value=True).dump(), octets)


def _scope(part: bytes) -> bytes:
    """Return which certificates a list is about, not marked as critical."""
    return seq(core.ObjectIdentifier("2.5.29.28").dump(), core.OctetString(seq(part)).dump())


@needs_libgcrypt
@pytest.mark.parametrize(
    ("crl", "words"),
    [
        (lambda: b"nonsense", "not a list"),
        (lambda: b"", "not a list"),
        (lambda: STATE.revoked(1)[:-1] + b"\0", "no certificate of trusted_ca"),
        (lambda: Authority(STATE.name, KIND, 0xBAD).revoked(), "no certificate of trusted_ca"),
        (lambda: Authority(named("Other"), KIND, STATE.secret).revoked(), "no certificate of trusted_ca"),
        (lambda: STATE.revoked(extensions=(_extension("2.5.29.27", b"\x02\x01\x01"),)), "not a whole list"),
        (lambda: STATE.revoked(extensions=(_extension("2.5.29.28", b"\x30\x03\x81\x01\xff"),)), "not a whole list"),
        (lambda: STATE.revoked(extensions=(_scope(b"\x82\x01\xff"),)), "not a whole list"),
        (lambda: STATE.revoked(extensions=(_scope(b"\x83\x02\x01\x40"),)), "not a whole list"),
    ],
    ids=["text", "empty", "changed", "forged", "issuer", "delta", "partial", "authorities", "reasons"],
)
def test_lists_that_are_not_taken(listed, crl, words):
    """A list that is broken, somebody else's or a part is a configuration error."""
    with pytest.raises(ConfigError, match=words):
        listed(crl())


@needs_libgcrypt
def test_every_issuer_has_its_list(message, folder, gateway, listed, tmp_path):
    """Where lists are looked at, a certificate of which none tells is told at load, or its answer is not taken."""
    other = Authority(named("Other"), KIND, 0x07E)
    (tmp_path / "other.crt").write_bytes(other.certificate(other.name, KIND, other.secret, authority=True))
    (tmp_path / "other.crl").write_bytes(other.revoked())
    both = [folder / "state.crt", tmp_path / "other.crt"]
    with pytest.raises(ConfigError, match=r"gateway\.crt: no list of crl"):
        load_trust([tmp_path / "gateway.crt"], both, {}, [tmp_path / "other.crl"])
    trust = load_trust([tmp_path / "other.crt"], both, SUBJECT, [tmp_path / "other.crl"])
    with pytest.raises(CallFailed, match=r"wssec\.crl_missing") as caught:
        verify(sign(message, gateway), trust)
    assert caught.value.kind is OutcomeKind.UNAVAILABLE


@needs_libgcrypt
def test_broken_certificates_in_messages(authority):
    """Whatever bytes a message brings as its certificate, also signed by the authority, it is taken or not trusted."""
    der = STATE.certificate(GATEWAY, KIND, SECRET, usage=0x80, key_identifier=b"abc")
    inside = x509.load_der_x509_certificate(der).tbs_certificate_bytes
    dice = random.Random(7)
    for turn in range(160):
        octets = bytearray(inside if turn % 8 == 0 else der)
        for _ in range(dice.choice((1, 2, 4))):
            octets[dice.randrange(len(octets))] = dice.choice((0, 0x80, 0xFF, dice.randrange(256)))
        with contextlib.suppress(CallFailed):
            whole = STATE.signed(bytes(octets)) if turn % 8 == 0 else bytes(octets)
            authority.candidates(KeyInfo((whole,)), METHODS)


@needs_libgcrypt
def test_list_that_is_renewed(message, gateway, listed, tmp_path, monkeypatch):
    """A list that is replaced while the bus runs counts; one that is broken leaves what was."""
    monkeypatch.setattr(revocation, "_LOOK", 0.0)
    trust, file = listed(STATE.revoked(1)), tmp_path / "state.crl"
    verify(sign(message, gateway), trust)
    new = tmp_path / "new"
    new.write_bytes(STATE.revoked(4711))
    new.replace(file)
    assert code_of(sign(message, gateway), trust) == "wssec.revoked"
    for broken in (b"nonsense", None):
        file.write_bytes(broken) if broken else os.unlink(file)
        assert code_of(sign(message, gateway), trust) == "wssec.revoked"


@needs_libgcrypt
def test_list_that_is_replaced_by_a_broken_one_is_told(message, gateway, listed, tmp_path, monkeypatch):
    """Once for each way in which it is broken; when the list before it has ended, answers say why."""
    monkeypatch.setattr(revocation, "_LOOK", 0.0)
    whole, file, later = STATE.revoked(1), tmp_path / "state.crl", datetime.now(UTC) + timedelta(days=3)
    trust = listed(whole)
    with capture_logs() as logs:
        for content, mode in ((b"nonsense", 0o600), (whole, 0o602), (whole, 0o600), (b"nonsense", 0o600)):
            file.write_bytes(content)
            file.chmod(mode)
            for _ in range(2):
                verify(sign(message, gateway), trust)
    assert [line["event"] for line in logs] == ["crl.not_taken"] * 3
    assert all(line["reason"].startswith(str(file)) and 86000 < line["seconds"] <= 86400 for line in logs)
    assert "give a PEM or DER file; until it is mended the list before it counts" in logs[0]["reason"]
    assert "chmod go-w it; until" in logs[1]["reason"]
    with pytest.raises(CallFailed, match=r"wssec\.crl_broken") as caught:
        verify(sign(message, gateway), trust, now=later)
    assert caught.value.kind is OutcomeKind.UNAVAILABLE
    file.write_bytes(whole)
    assert code_of(sign(message, gateway), trust, now=later) == "wssec.crl_outdated"


@needs_libgcrypt
@pytest.mark.parametrize("count", [0, 3, 8, 3000])
def test_what_is_signed_of_a_list(listed, count):
    """It is cut from the file, whatever length its lengths have, in DER and in PEM."""
    der = STATE.revoked(*range(1, count + 1))
    assert revocation._signed_part(der) == x509.load_der_x509_crl(der).tbs_certlist_bytes
    armoured = pem.armor("X509 CRL", der)
    for text in (armoured, b"\r\n" + armoured.replace(b"\n", b"\r\n") + b"more"):
        listed(text)
    for text in (armoured[:-30], armoured.replace(b"X509 CRL", b"CERTIFICATE"), b"-----\n" + armoured):
        with pytest.raises(ConfigError, match="not a list"):
            listed(text)


@needs_libgcrypt
@pytest.mark.parametrize("name", ["gateway.crt", "state.crt", "state.crl"])
def test_files_that_others_may_write(folder, gateway, listed, tmp_path, name):
    """Whoever writes the certificates and lists that are trusted decides what is true: none is taken."""
    (tmp_path / "state.crt").write_bytes((folder / "state.crt").read_bytes())
    listed(STATE.revoked(1))
    (tmp_path / name).chmod(0o602)
    with pytest.raises(ConfigError, match=rf"{name} may be written by others \(mode 0602, .*; chmod go-w it"):
        load_trust(*([tmp_path / each] for each in ("gateway.crt", "state.crt")), {}, [tmp_path / "state.crl"])


def test_list_of_rsa(tmp_path):
    """An authority with RSA is held to its signature in the same way."""
    key, other = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "State")])
    now, tomorrow = datetime.now(UTC), datetime.now(UTC) + timedelta(days=1)
    root = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    root = root.not_valid_before(now).not_valid_after(tomorrow)
    root = root.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    (tmp_path / "state.crt").write_bytes(root.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    listed = x509.CertificateRevocationListBuilder().issuer_name(name).last_update(now).next_update(tomorrow)
    files = [], [tmp_path / "state.crt"], SUBJECT, [tmp_path / "state.crl"]
    (tmp_path / "state.crl").write_bytes(listed.sign(key, hashes.SHA512()).public_bytes(Encoding.DER))
    load_trust(*files)
    (tmp_path / "state.crl").write_bytes(listed.sign(other, hashes.SHA256()).public_bytes(Encoding.DER))

    with pytest.raises(ConfigError, match="no certificate of trusted_ca"):
        load_trust(*files)


@needs_libgcrypt
async def test_by_settings(message, folder, gateway, tmp_path):
    """The settings make the verifier that they describe, which names its table where it cannot."""
    settings = SignatureSettings(trusted_ca=[folder / "state.crt"], trusted_subject={"OU": "BIN160000000007"})
    verifier = load_verifier(settings, "sources.x.signature")
    root = sign(message, gateway)

    assert await verifier(root) is root[1]
    (tmp_path / "empty.crl").write_bytes(b"")
    broken = settings.model_copy(update={"crl": [tmp_path / "empty.crl"]})
    with pytest.raises(ConfigError, match=re.escape("sources.x.signature: ")):
        load_verifier(broken, "sources.x.signature")


@needs_libgcrypt
def test_what_all_answers_have_in_common_leaves_the_source_alone(message, authority):
    """Who signs is wrong for all answers until somebody has mended it; what one message holds is not."""
    for days, other, pause in ((-1, SECRET, 300.0), (50, 99, None)):
        with pytest.raises(CallFailed) as caught:
            verify(sign(message, STATE.certificate(GATEWAY, KIND, other, days=days)), authority)
        assert caught.value.retry_after == pause
