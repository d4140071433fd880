"""What tests of GOST share: keys and certificates, written here byte by byte."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from asn1crypto import core, pem

from appealbus.connectors.signing.gost import libgcrypt
from appealbus.connectors.signing.gost.libgcrypt import CURVES, Curve, public_point, sign, streebog
from appealbus.core import ConfigError


def _absent() -> bool:
    try:
        libgcrypt.load()
    except ConfigError:
        assert not os.environ.get("CI"), "libgcrypt is not installed, and CI has to have it"
        return True
    return False


needs_libgcrypt = pytest.mark.skipif(_absent(), reason="libgcrypt is not installed")


class Kind(NamedTuple):
    """The identifiers of a kind of keys."""

    curve: Curve
    key: str
    set: str
    hash: str
    signature: str
    reversed: bool


KZ = "1.2.398.3.10.1"
KINDS = {
    "kz-512": Kind(
        CURVES["1.2.643.7.1.2.1.2.1"], f"{KZ}.1.2.2", f"{KZ}.1.2.2.1", f"{KZ}.3.3", f"{KZ}.1.2.3.2", reversed=False
    ),
    "kz-256": Kind(
        CURVES["1.2.643.7.1.2.1.1.1"], f"{KZ}.1.2.1", f"{KZ}.1.2.1.1", f"{KZ}.3.2", f"{KZ}.1.2.3.1", reversed=False
    ),
    "ru-512": Kind(
        CURVES["1.2.643.7.1.2.1.2.2"],
        "1.2.643.7.1.1.1.2",
        "1.2.643.7.1.2.1.2.2",
        "1.2.643.7.1.1.2.3",
        "1.2.643.7.1.1.3.3",
        reversed=True,
    ),
}


def _with(*kinds: str) -> pytest.MarkDecorator:
    marked = [pytest.param(kind, marks=needs_libgcrypt) for kind in kinds]
    return pytest.mark.parametrize("kind", ["rsa", *marked], indirect=True, scope="session")


each = _with("kz-512")
"""Runs a test with peers that sign by RSA, and by GOST."""
all_kinds = _with(*KINDS)
"""Runs a test with RSA and with all kinds of GOST."""


def seq(*parts: bytes, tag: int = 0x30) -> bytes:
    """Return parts inside a DER value."""
    content = b"".join(parts)
    size = len(content)
    octets = size.to_bytes((size.bit_length() + 7) // 8 or 1, "big")
    length = octets if size < 128 else bytes([0x80 | len(octets)]) + octets
    return bytes([tag]) + length + content


def oid(dotted: str) -> bytes:
    """Return an object identifier."""
    return core.ObjectIdentifier(dotted).dump()


def moment(when: datetime) -> bytes:
    """Return a time."""
    return core.UTCTime(when.replace(microsecond=0)).dump()


def named(common_name: str, unit: str | None = None) -> bytes:
    """Return the name of somebody, with an organisational unit if there is one."""
    pairs = [("2.5.4.3", common_name), *([("2.5.4.11", unit)] if unit else [])]
    return seq(*(seq(seq(oid(kind), core.UTF8String(text).dump()), tag=0x31) for kind, text in pairs))


def private_key(kind: Kind, secret: int, form: str = "octets") -> bytes:
    """Return a key as PEM, with its number in one of the three encodings that occur."""
    octets = secret.to_bytes(kind.curve.size, "little")
    inner = {
        "octets": octets,
        "nested": core.OctetString(octets).dump(),
        "integer": core.Integer(secret).dump(),
    }[form]
    parameters = seq(oid(kind.set), oid(kind.hash))
    info = seq(core.Integer(0).dump(), seq(oid(kind.key), parameters), core.OctetString(inner).dump())
    return pem.armor("PRIVATE KEY", info)


class Authority(NamedTuple):
    """Who issues."""

    name: bytes
    kind: Kind
    secret: int

    def signed(self, tbs: bytes) -> bytes:
        """Return a certificate or list with the authority's signature."""
        size = self.kind.curve.size
        e = int.from_bytes(streebog(tbs, 8 * size), "little")
        r, s = sign(self.kind.curve, self.secret, e)
        value = r.to_bytes(size, "little") + s.to_bytes(size, "little")
        value = value[::-1] if self.kind.reversed else value
        return seq(tbs, seq(oid(self.kind.signature)), seq(b"\0", value, tag=3))

    def certificate(
        self,
        name: bytes,
        kind: Kind,
        secret: int,
        *,
        serial: int = 1,
        days: int = 30,
        authority: bool = False,
        key_identifier: bytes | None = None,
        usage: int | None = None,
    ) -> bytes:
        """Return a certificate for a key, DER."""
        point = b"".join(part.to_bytes(kind.curve.size, "little") for part in public_point(kind.curve, secret))
        spki = seq(
            seq(oid(kind.key), seq(oid(kind.set), oid(kind.hash))), seq(b"\0", core.OctetString(point).dump(), tag=3)
        )
        ends = datetime.now(UTC) + timedelta(days=days)
        extensions = [_extension("2.5.29.19", seq(core.Boolean(value=True).dump()))] if authority else []
        if key_identifier is not None:
            extensions.append(_extension("2.5.29.14", core.OctetString(key_identifier).dump(), critical=False))
        if usage is not None:
            extensions.append(_extension("2.5.29.15", seq(bytes([0, usage]), tag=3)))
        tbs = seq(
            seq(core.Integer(2).dump(), tag=0xA0),
            core.Integer(serial).dump(),
            seq(oid(self.kind.signature)),
            self.name,
            seq(moment(ends - timedelta(days=60)), moment(ends)),
            name,
            spki,
            *([seq(seq(*extensions), tag=0xA3)] if extensions else []),
        )
        return self.signed(tbs)

    def revoked(self, *serials: int, days: float = 1, extensions: tuple[bytes, ...] = (), since: float = -1) -> bytes:
        """Return a list of revoked certificates, DER."""
        now = datetime.now(UTC)
        entries = seq(*(seq(core.Integer(each).dump(), moment(now)) for each in serials))
        tbs = seq(
            core.Integer(1).dump(),
            seq(oid(self.kind.signature)),
            self.name,
            moment(now + timedelta(days=since)),
            moment(now + timedelta(days=days)),
            *([entries] if serials else []),
            *([seq(seq(*extensions), tag=0xA0)] if extensions else []),
        )
        return self.signed(tbs)


def _extension(name: str, value: bytes, *, critical: bool = True) -> bytes:
    return seq(oid(name), *([core.Boolean(value=True).dump()] if critical else []), core.OctetString(value).dump())


def write_identity(folder: Path, name: str, kind: Kind, secret: int, **more: object) -> tuple[Path, Path]:
    """Write a key and its own certificate by itself; return the files."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    key.write_bytes(private_key(kind, secret))
    itself = Authority(named(name), kind, secret)
    certificate.write_bytes(pem.armor("CERTIFICATE", itself.certificate(named(name), kind, secret, **more)))
    return key, certificate
