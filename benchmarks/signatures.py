"""Time what signatures cost, GOST beside RSA: a hash, a signature and a verification of a message of 30 KB.

`.venv/bin/python benchmarks/signatures.py`. One processor; the best of five rounds, in milliseconds.
"""

import asyncio
import hashlib
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

sys.path.insert(0, str(Path(__file__).parents[1]))

from appealbus.connectors.signing.gost.libgcrypt import streebog
from appealbus.connectors.signing.trust import load_trusted
from appealbus.connectors.wssec.local import KeySigner
from appealbus.connectors.wssec.verify import verify
from appealbus.schemas.safexml import parse
from tests.connectors.signing.gost.kit import KINDS, write_identity

TEXT = b"<a>" + b"<b>0123456789012345</b>" * 1300 + b"</a>"
MESSAGE = (
    b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header/><s:Body>'
    + TEXT
    + b"</s:Body></s:Envelope>"
)


def rsa_identity(folder: Path) -> tuple[Path, Path]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name, now = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "peer")]), datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    made = made.not_valid_before(now).not_valid_after(now + timedelta(days=1)).sign(key, hashes.SHA256())
    files = folder / "rsa.pem", folder / "rsa.crt"
    files[0].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    files[1].write_bytes(made.public_bytes(Encoding.PEM))
    return files


def best(call: Callable[[], object], times: int = 40) -> float:
    rounds = []
    for _ in range(5):
        begun = time.perf_counter()
        for _ in range(times):
            call()
        rounds.append((time.perf_counter() - begun) / times * 1000)
    return min(rounds)


def main() -> None:
    rows: dict[str, tuple[float, float, float]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        gost = {512: write_identity(folder, "peer", KINDS["kz-512"], 0xA11CE)}
        (folder / "small").mkdir()
        gost[256] = write_identity(folder / "small", "peer", KINDS["kz-256"], 0xA11CE)
        own = rsa_identity(folder)
        load = KeySigner.load
        makers = {
            "rsa-sha256, 2048 bits": (
                load("rsa-sha256", *own, None),
                own[1],
                lambda: hashlib.sha256(MESSAGE).digest(),
            ),
            "gost-512": (load("gost-512", *gost[512], None), gost[512][1], lambda: streebog(MESSAGE, 512)),
            "gost-256": (load("gost-256", *gost[256], None), gost[256][1], lambda: streebog(MESSAGE, 256)),
        }
        for label, (signer, certificate, digest) in makers.items():
            trust, root = load_trusted([certificate]), parse(asyncio.run(signer.sign(MESSAGE)))
            rows[label] = (
                best(digest),
                best(lambda signer=signer: signer.signed(MESSAGE)),
                best(lambda root=root, trust=trust: verify(root, trust)),
            )
    base = rows["rsa-sha256, 2048 bits"]
    print(f"{len(MESSAGE)} bytes              hash       sign     verify   (times that of RSA)")
    for label, row in rows.items():
        print(
            f"{label:<22}" + "".join(f"{ms:>8.3f}" for ms in row),
            "  ",
            *(f"{a / b:.1f}" for a, b in zip(row, base, strict=True)),
        )


if __name__ == "__main__":
    main()
