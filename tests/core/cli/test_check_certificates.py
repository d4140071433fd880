"""`appealbus check` tells of certificates that end."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

SOURCE = """
[sources.{source}]
connector = "shep"
url = "http://127.0.0.1:9/"
service_id = "S"
sender_id = "us"
data_signature = {{ sign = "none" }}
[sources.{source}.signature]
trusted = ["{file}.crt"]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A configuration with certificates that end on different days."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Gateway")])
    now = datetime.now(UTC)
    for file, begins, ends in (("good", -9, 40), ("soon", -9, 29), ("old", -9, -1), ("next", 1, 99)):
        made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        made = made.serial_number(1).not_valid_before(now + timedelta(days=begins))
        made = made.not_valid_after(now + timedelta(days=ends))
        (tmp_path / f"{file}.crt").write_bytes(made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    return tmp_path


def configure(folder: Path, *files: str) -> None:
    sources = zip(("gbdfl", "gbdul"), files, strict=False)
    text = "".join(SOURCE.format(source=source, file=file) for source, file in sources)
    (folder / "appealbus.toml").write_text(text)


def test_an_end_within_thirty_days_is_a_warning(program, folder: Path):
    """The end of each is told; one that is near is a warning, and nothing is wrong yet."""
    configure(folder, "good", "soon")
    done = program("check", "--json")
    found = json.loads(done.stdout)
    assert (done.returncode, found["problems"]) == (0, [])
    (warning,) = (each for each in found["warnings"] if "certificate" in each)
    assert warning.startswith("source gbdul: certificate soon.crt (signs its answers) ends on ")
    assert [(each["source"], each["name"], each["subject"]) for each in found["certificates"]] == [
        ("gbdfl", "good.crt", "Gateway"),
        ("gbdul", "soon.crt", "Gateway"),
    ]
    assert "good.crt of gbdfl signs its answers: Gateway, until 2" in program("check").stdout


def test_one_that_does_not_count_is_a_problem(program, folder: Path):
    """After its last day, and before its first."""
    configure(folder, "old", "next")
    done = program("check", "--json")
    assert done.returncode == 1
    old, later = json.loads(done.stdout)["problems"]
    assert old.startswith("source gbdfl: certificate old.crt (signs its answers) ended on ")
    assert later.startswith("source gbdul: certificate next.crt (signs its answers) counts only from ")
