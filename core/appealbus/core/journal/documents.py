"""Documents that versions and questions refer to: read, put together, and deleted when nothing refers to them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import structlog
from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    Integer,
    LargeBinary,
    Row,
    bindparam,
    delete,
    func,
    null,
    select,
    tuple_,
    type_coerce,
)

from appealbus.core.domain.document import NO_RECORD, Document, Version, put_together, split
from appealbus.core.journal.drivers import bulk, direct
from appealbus.core.journal.drivers.direct import single
from appealbus.core.journal.tables import appeal, document, dossier, lookup, outbox
from appealbus.core.packing import DOCUMENTS, MOST, pack, unpack
from appealbus.schemas.outcome import OutcomeKind

log = structlog.get_logger(__name__)

_BATCH = 200
"""Documents in one statement: each is two values, and SQLite takes no more than some thousands."""
_made = (dossier.c.appeal_id == outbox.c.appeal_id) & (dossier.c.version == outbox.c.version)
_these = outbox.c.id.in_(bindparam("ids", expanding=True))
_SKELETONS = (
    select(outbox.c.id, type_coerce(null(), LargeBinary).label("digest"), dossier.c.document.label("body"))
    .join(dossier, _made)
    .where(_these)
)
_places = {
    "sqlite": func.instr(dossier.c.parts, document.c.digest),
    "postgresql": func.position(document.c.digest.op("IN")(dossier.c.parts)),
}
# Not by pairs of appeal and digest: databases take far longer over a list of these than over an appeal's few documents.
# With the skeletons, in one statement: to ask a second time costs as much as the answer.
_TEXTS = {
    name: select(outbox.c.id, document.c.digest, document.c.body)
    .join(dossier, _made)
    .join(document, (document.c.appeal_id == outbox.c.appeal_id) & (place > 0))
    .where(_these)
    .union_all(_SKELETONS)
    for name, place in _places.items()
}


def _whole(place: ColumnElement[int], this: ColumnElement[bool]) -> CompoundSelect[Any]:
    """Return skeleton and documents of a version in one statement, so that they are of one moment."""
    bare = select(type_coerce(null(), LargeBinary).label("digest"), dossier.c.document.label("body"))
    bare = bare.add_columns(dossier.c.parts, dossier.c.version).join(appeal)
    its = select(document.c.digest, document.c.body, type_coerce(null(), LargeBinary).label("parts"), dossier.c.version)
    its = its.join(dossier, (document.c.appeal_id == dossier.c.appeal_id) & (place > 0))
    return bare.where(this).union_all(its.join(appeal, appeal.c.id == dossier.c.appeal_id).where(this))


_NAMED = appeal.c.number == bindparam("number")
_IS = {
    "version": _NAMED & (dossier.c.version == bindparam("version", type_=Integer)),
    "newest": _NAMED & (dossier.c.version == appeal.c.version),
    "newest_of": (appeal.c.id == bindparam("of")) & (dossier.c.version == appeal.c.version),
}
_WHOLE = {(name, which): _whole(place, this) for name, place in _places.items() for which, this in _IS.items()}
"""By database, and by which version is meant."""


def keep(connection: Connection, documents: Sequence[tuple[int, Document]]) -> None:
    """Write documents of appeals, each once, packed; digests are of the plain bytes."""
    rows = [{"appeal_id": appeal_id, "digest": new.digest, "body": packed(new.body)} for appeal_id, new in documents]
    bulk.insert_new(connection, document, rows)


def packed(text: bytes) -> bytes:
    """Return a document or skeleton as it is stored: packed where that is shorter."""
    if len(text) > MOST:
        return text
    shorter = pack(text, DOCUMENTS)
    return shorter if len(shorter) < len(text) else text


def drop_unused(connection: Connection, appeals: Sequence[int]) -> int:
    """Delete documents of appeals that no version, question or appeal refers to; return how many."""
    used: defaultdict[int, set[bytes]] = defaultdict(set)
    parts = select(dossier.c.appeal_id, dossier.c.parts).where(dossier.c.appeal_id.in_(appeals))
    for appeal_id, joined in connection.execute(parts.where(dossier.c.parts.is_not(None))):
        used[appeal_id].update(split(joined))
    facts = select(lookup.c.appeal_id, lookup.c.fact).where(lookup.c.appeal_id.in_(appeals), lookup.c.fact.is_not(None))
    forms = select(appeal.c.id, appeal.c.content, appeal.c.first).where(appeal.c.id.in_(appeals))
    for query in (facts, forms):
        for appeal_id, *digests in connection.execute(query):
            used[appeal_id].update(digests)
    kept = select(document.c.appeal_id, document.c.digest).where(document.c.appeal_id.in_(appeals))
    unused = [(appeal_id, digest) for appeal_id, digest in connection.execute(kept) if digest not in used[appeal_id]]
    for at in range(0, len(unused), _BATCH):
        some = tuple_(document.c.appeal_id, document.c.digest).in_(unused[at : at + _BATCH])
        connection.execute(delete(document).where(some))
    return len(unused)


_may_be_trail = (
    (document.c.appeal_id == lookup.c.appeal_id)
    & (document.c.digest == lookup.c.fact)
    & (lookup.c.kind != OutcomeKind.FOUND.value)
)
_FACTS = (
    select(lookup.c.appeal_id, lookup.c.lookup, lookup.c.key, lookup.c.fact, document.c.body)
    .outerjoin_from(lookup, document, _may_be_trail)
    .where(direct.among(lookup.c.appeal_id, "ids"), lookup.c.fact.is_not(None))
)
_DROP = delete(document).where(document.c.appeal_id == bindparam("of"), document.c.digest == bindparam("this"))


def drop_former_trails(connection: Connection, questions: Mapping[tuple[int, str, str], bytes | None]) -> None:
    """Delete documents of former answers without a record, which no version refers to.

    `questions` has by appeal, lookup and key the digest that each is about to have.
    """
    if not questions:
        return
    (rows,) = direct.ask(connection, (_FACTS, {"ids": sorted({appeal_id for appeal_id, _, _ in questions})}))
    stand, trails = {}, set()
    for appeal_id, name, key, fact, body in rows:
        stand[appeal_id, name, key] = fact
        if body is not None and _is_trail(body):
            trails.add((appeal_id, fact))
    former = {(key[0], fact) for key, fact in stand.items() if key in questions}
    former -= {(key[0], fact) for key, fact in {**stand, **questions}.items()}
    for appeal_id, digest in sorted(former & trails):
        direct.run(connection, _DROP, {"of": appeal_id, "this": digest})


def _is_trail(body: bytes) -> bool:
    try:
        return unpack(body).startswith(NO_RECORD)
    except ValueError:  # damaged: it stays
        return False


def bodies(connection: Connection, appeal_id: int, digests: Sequence[bytes]) -> dict[bytes, bytes]:
    unpacked = {}
    for digest, body in _as_kept(connection, appeal_id, digests).items():
        with suppress(ValueError):  # damaged: as if it were not there
            unpacked[digest] = unpack(body)
    return unpacked


def _as_kept(connection: Connection, appeal_id: int, digests: Sequence[bytes]) -> dict[bytes, bytes]:
    query = select(document.c.digest, document.c.body)
    query = query.where(document.c.appeal_id == appeal_id, document.c.digest.in_(direct.padded(digests)))
    return {row.digest: row.body for row in connection.execute(query)}


def version(connection: Connection, appeal_id: int, number: int) -> Version | None:
    query = select(dossier.c.document, dossier.c.parts, dossier.c.size)
    row = connection.execute(query.where(dossier.c.appeal_id == appeal_id, dossier.c.version == number)).first()
    return None if row is None else Version(row.document, row.parts, row.size)


@single
def whole(connection: Connection, number: str, version: int | None = None) -> bytes | None:
    """Return a version of a dossier as JSON, the newest by default; None if there is none."""
    query = _WHOLE[connection.dialect.name, "newest" if version is None else "version"]
    (rows,) = direct.ask(connection, (query, {"number": number, "version": version}))
    return _joined(rows)


def row_with_newest(connection: Connection, row: direct.Bound, appeal_id: int) -> tuple[Any, bytes | None]:
    """Return the row of `appeal` that a statement asks for with its newest dossier, as `whole` does; None: neither.

    The dossier is None, too, where another version came between the two.
    """
    newest = _WHOLE[connection.dialect.name, "newest_of"], {"of": appeal_id}
    appeals, rows = direct.ask(connection, row, newest)
    if not appeals:
        return None, None
    return appeals[0], _joined(rows) if rows and rows[0].version == appeals[0].version else None


def _joined(rows: Sequence[Any]) -> bytes | None:
    texts = {row.digest: row.body for row in rows}
    if not rows:
        return None
    parts = next(row.parts for row in rows if row.digest is None)
    return texts[None] if parts is None else _put_together(texts[None], parts, texts)


def wholes(connection: Connection, due: Sequence[Row[Any]]) -> dict[int, bytes]:
    """Return versions as JSON by delivery, without those that are gone or unreadable.

    Each row of `due` has `delivery_id`, `appeal_id`, `version`, and the `parts` of the version.
    """
    ids = direct.padded([row.delivery_id for row in due])
    texts: defaultdict[int, dict[bytes | None, bytes]] = defaultdict(dict)
    for delivery, digest, body in connection.execute(_TEXTS[connection.dialect.name], {"ids": ids}).all():
        texts[delivery][digest] = body
    joined: dict[int, bytes] = {}
    for row in due:
        theirs = texts[row.delivery_id]
        if (text := theirs.get(None)) is None:  # pruned meanwhile
            continue
        try:
            joined[row.delivery_id] = text if row.parts is None else _put_together(text, row.parts, theirs)
        except ValueError:  # one that is damaged must not stop the others
            log.error("journal.unreadable", appeal_id=row.appeal_id, version=row.version, error="ValueError")
    return joined


def _put_together(skeleton: bytes, parts: bytes, bodies: Mapping[Any, bytes]) -> bytes:
    try:
        return put_together(unpack(skeleton), [unpack(bodies[digest]) for digest in split(parts)])
    except KeyError:
        raise ValueError("a document of the version is missing") from None
