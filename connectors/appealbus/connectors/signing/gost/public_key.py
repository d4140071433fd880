"""Reading GOST public keys from certificates, and verifying with them."""

from asn1crypto import core
from asn1crypto import x509 as asn1
from cryptography import x509

from appealbus.connectors.signing.certificates import PublicKey, der_of
from appealbus.connectors.signing.gost.libgcrypt import CURVES, Curve, Point, load, streebog, verify
from appealbus.connectors.signing.signature import GOST_2004, GOST_DIGEST, GOST_SIGNATURE
from appealbus.core import ConfigError

# Of Russia (RFC 9215) and of Kazakhstan's national authority: the same algorithms, and its two curves among theirs.
_KEYS = {"1.2.643.7.1.1.1.1": 32, "1.2.643.7.1.1.1.2": 64, "1.2.398.3.10.1.1.2.1": 32, "1.2.398.3.10.1.1.2.2": 64}
_OLD_KEYS = ("1.2.398.3.10.1.1.1.1", "1.3.6.1.4.1.6801.1.5.8", "1.2.643.2.2.19")
_ISSUED_RUSSIA = {"1.2.643.7.1.1.3.2": 32, "1.2.643.7.1.1.3.3": 64}
_ISSUED_KAZAKHSTAN = {"1.2.398.3.10.1.1.2.3.1": 32, "1.2.398.3.10.1.1.2.3.2": 64}
_KAZAKH_CURVES = {
    "1.2.398.3.10.1.1.2.1.1": CURVES["1.2.643.7.1.2.1.1.1"],
    "1.2.398.3.10.1.1.2.2.1": CURVES["1.2.643.7.1.2.1.2.1"],
}


class _Algorithm(core.Sequence):  # type: ignore[misc]  # the library has no types
    _fields = [("algorithm", core.ObjectIdentifier), ("parameters", core.Any, {"optional": True})]


class _Parameters(core.Sequence):  # type: ignore[misc]
    _fields = [
        ("curve", core.ObjectIdentifier),
        ("digest", core.ObjectIdentifier, {"optional": True}),
        ("cipher", core.ObjectIdentifier, {"optional": True}),
    ]


class _PublicKeyInfo(core.Sequence):  # type: ignore[misc]
    _fields = [("algorithm", _Algorithm), ("key", core.OctetBitString)]


class GostPublicKey(PublicKey):
    """GOST 34.10-2015 over Streebog of the same size.

    Numbers are little-endian, in keys and hashes, and in signatures r before s. Certificates with Russia's identifiers
    reverse the whole signature: s before r, big-endian (RFC 9215, section 2).
    """

    def __init__(self, curve: Curve, point: Point) -> None:
        self._curve, self._point, self._bits = curve, point, 8 * curve.size
        self.signature_method, self.digest_method = GOST_SIGNATURE[self._bits], GOST_DIGEST[self._bits]

    def digest(self, data: bytes) -> bytes:
        return streebog(data, self._bits)

    def signed_message(self, data: bytes, signature: bytes) -> bool:
        """Verify r and s in the byte order of Kazakhstan's XML signatures."""
        return self._verified(data, signature)

    def issued(self, document: x509.Certificate | x509.CertificateRevocationList, signed: bytes) -> bool:
        """Verify r and s in the byte order of the signature's algorithm identifier."""
        oid, signature = document.signature_algorithm_oid.dotted_string, document.signature
        if _ISSUED_RUSSIA.get(oid) == self._curve.size:
            return self._verified(signed, signature[::-1])
        return _ISSUED_KAZAKHSTAN.get(oid) == self._curve.size and self._verified(signed, signature)

    def _verified(self, data: bytes, signature: bytes) -> bool:
        size = self._curve.size
        if len(signature) != 2 * size:
            return False
        e, r, s = (int.from_bytes(part, "little") for part in (self.digest(data), signature[:size], signature[size:]))
        return verify(self._curve, self._point, e, (r, s))


def gost_public_key(certificate: x509.Certificate, name: str) -> GostPublicKey:
    """Return the GOST key of a certificate; `name` is the file's, for errors. Raises ConfigError."""
    load()
    try:
        tbs = asn1.Certificate.load(der_of(certificate))["tbs_certificate"]
        info = _PublicKeyInfo.load(tbs["subject_public_key_info"].dump())
        method = info["algorithm"]["algorithm"].dotted
        if method in _OLD_KEYS:
            reason = f"a key of GOST 34.310-2004 ({GOST_2004}), which is not supported; ask for one of GOST 34.10-2015"
            raise ConfigError(f"{name}: {reason}")
        size = _KEYS[method]
        oid = _Parameters.load(info["algorithm"]["parameters"].dump())["curve"].dotted
        curve = _KAZAKH_CURVES.get(oid) or CURVES[oid]
        octets = core.OctetString.load(bytes(info["key"])).native
        if curve.size != size or len(octets) != 2 * size:
            raise ValueError
        point = int.from_bytes(octets[:size], "little"), int.from_bytes(octets[size:], "little")
        verify(curve, point, 1, (1, 1))  # tells a point beside its curve
    except (KeyError, ValueError, TypeError):
        raise ConfigError(f"{name}: neither a certificate of RSA nor one of GOST 34.10-2015 that we can read") from None
    return GostPublicKey(curve, point)
