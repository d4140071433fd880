"""How filling.py writes: tables, columns and documents as they are at revision 0006. Frozen, unlike today's code."""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any

import orjson
from sqlalchemy import BigInteger, Column, Connection, LargeBinary, MetaData, Table, Text, insert

from appealbus.core import clocks
from appealbus.core.journal import codec
from appealbus.core.journal.drivers import bulk
from appealbus.core.journal.drivers.encoding import to_number
from appealbus.core.journal.key import Marked

_metadata = MetaData()
COUNTER = Table("counter", _metadata, Column("name", Text, primary_key=True), Column("value", BigInteger))
_DOCUMENT = Table(
    "document",
    _metadata,
    Column("appeal_id", BigInteger, primary_key=True),
    Column("digest", LargeBinary, primary_key=True),
    Column("body", LargeBinary),
)
_SUBJECT = Table(
    "subject",
    _metadata,
    Column("appeal_id", BigInteger, primary_key=True),
    Column("mark", LargeBinary, primary_key=True),
    Column("role", Text),
    Column("kind", Text),
)


def _log(name: str) -> Table:
    texts = [Column(name, Text) for name in ("what", "actor", "about")]
    return Table(name, _metadata, Column("at", BigInteger), *texts, Column("detail", LargeBinary))


_PLACED, _UNPLACED = _log("log_entry"), _log("log_unplaced")
_FINAL = ("found", "not_found", "not_applicable", "refused")


def digest(body: bytes) -> bytes:
    """Return the digest under which a document is kept."""
    return sha256(body).digest()


def fact_of(record: bytes | None, provenance: bytes | None) -> bytes:
    """Return the document of a fact, given both as JSON."""
    raw = provenance or b"null"
    return b'{"provenance":%b}' % raw if record is None else b'{"record":%b,"provenance":%b}' % (record, raw)


def keep_documents(connection: Connection, documents: Iterable[tuple[int, bytes]]) -> None:
    """Write documents of appeals, each once."""
    rows = [{"appeal_id": appeal_id, "digest": digest(body), "body": body} for appeal_id, body in documents]
    bulk.insert_new(connection, _DOCUMENT, rows)


def add_subjects(connection: Connection, marked: Iterable[tuple[int, Sequence[Marked]]]) -> None:
    """Write whom and what appeals name, each once."""
    rows = [
        {"appeal_id": appeal_id, "mark": mark, "role": role, "kind": kind}
        for appeal_id, marks in marked
        for mark, role, kind in marks
    ]
    bulk.insert_new(connection, _SUBJECT, rows)


def note(connection: Connection, detail: Mapping[str, Any]) -> None:
    """Note in the log that the journal was migrated."""
    entry = {"what": "migrated", "actor": "bus", "about": "", "detail": orjson.dumps(detail)}
    if connection.dialect.name == "sqlite":
        connection.execute(insert(_PLACED), entry | {"at": to_number(clocks.wall())})
    else:
        connection.execute(insert(_UNPLACED), entry)  # the database gives the moment, the sequencer the position


def signal_of(dossier: bytes) -> str | None:
    """Return the worst severity of a version that is kept whole as JSON: its signals are nearly its end."""
    _, key, signals = dossier.rpartition(b'"signals":')
    if not key:
        return None
    return codec.worst_severity(signal["severity"] for signal in orjson.loads(b'{"signals":' + signals)["signals"])


def is_pending(kind: str, code: str) -> bool:
    """Say whether a question that is kept so may still end otherwise."""
    return code == "input.pending" if kind == "skipped" else kind not in _FINAL
