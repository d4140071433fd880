"""Parts that plugins keep in the journal: the versions of their tables, and their rows of appeals.

No transaction of an appeal calls a plugin: it inserts rows that were made before, and deletes by the names of tables.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

import structlog
from sqlalchemy import BigInteger, Column, Connection, Integer, Table, Text, column, delete, func, select, table

from appealbus.core.errors import ConfigError
from appealbus.core.interfaces.journal_part import JournalPart
from appealbus.core.journal.drivers import bulk, direct
from appealbus.core.journal.key import JournalKey, key_of
from appealbus.core.journal.tables import appeal, document, metadata
from appealbus.core.journal.writes import Write
from appealbus.core.packing import unpack
from appealbus.core.plugin_calls.boundary import is_defect
from appealbus.core.process.failpoints import failpoint
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.stored import APPEAL

log = structlog.get_logger(__name__)

journal_part = Table(
    "journal_part",
    metadata,
    Column("name", Text, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("tables", Text, nullable=False),
)
"""The parts whose tables are there, and how many migrations these had."""

Kept: TypeAlias = Sequence[tuple[Table, Sequence[Mapping[str, Any]]]]
"""The rows that parts keep of one appeal, without its id."""


def is_older(connection: Connection, parts: Iterable[JournalPart]) -> bool:
    """Whether there are tables of a part in an earlier version, which workers of that may use.

    Raises ConfigError if they are of a later version.
    """
    versions = {row.name: row.version for row in connection.execute(select(journal_part))}
    known = [(part, versions[part.name]) for part in parts if part.name in versions]
    for part, version in known:
        if version > len(part.migrations):
            raise ConfigError(f"a newer plugin wrote the part {part.name} of this journal; upgrade the plugin")
    return any(version < len(part.migrations) for part, version in known)


def bring(connection: Connection, part: JournalPart) -> None:
    """Bring the tables of a part to its version, in a transaction that keeps out all others who do so."""
    version = connection.scalar(select(journal_part.c.version).where(journal_part.c.name == part.name)) or 0
    if version == len(part.migrations):
        return
    if any("appeal_id" not in its.c for its in part.tables):
        raise ConfigError(f"the part {part.name} of the journal has a table without appeal_id")
    for migrate in part.migrations[version:]:
        migrate(connection)
        failpoint("journal.part_migrated")
    names = " ".join(its.name for its in part.tables)
    bulk.upsert(connection, journal_part, [{"name": part.name, "version": len(part.migrations), "tables": names}])


def rows_of(parts: Iterable[JournalPart], form: Appeal, key: JournalKey) -> Kept:
    """Return what parts keep of an appeal. One that raises keeps nothing."""
    kept: list[tuple[Table, Sequence[Mapping[str, Any]]]] = []
    for part in parts:
        try:
            rows = part.rows(form, key.secret_of)
            kept += [(its, _checked(its, rows.get(its.name, ()))) for its in part.tables]
        except BaseException as error:
            if not is_defect(error):
                raise
            log.exception("plugin.raised", plugin=part.name, hook="register_journal_parts")
    return kept


def _checked(its: Table, rows: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    columns = {*its.columns.keys()} - {"appeal_id"}
    if any(row.keys() != columns for row in rows):
        raise ValueError(f"a row of {its.name} has other columns")
    return rows


def add(connection: Connection, items: Iterable[tuple[int, Kept]]) -> None:
    """Insert rows by appeal id, never over existing ones."""
    by_table: defaultdict[Table, list[Mapping[str, Any]]] = defaultdict(list)
    for appeal_id, kept in items:
        for its, rows in kept:
            by_table[its] += [{"appeal_id": appeal_id, **row} for row in rows]
    for its, rows_of_all in by_table.items():
        bulk.insert_new(connection, its, rows_of_all)


_TABLES = select(journal_part.c.tables)


def forget(connection: Connection, ids: Sequence[int]) -> None:
    """Delete the rows of appeals, of all parts."""
    if ids:
        (parts,) = direct.ask(connection, (_TABLES, {}))
        for name in (name for part in parts for name in reversed(part.tables.split())):
            direct.run(connection, _deletion(name), {"ids": list(ids)})


@cache
def _deletion(name: str) -> Any:
    its = table(name, column("appeal_id", BigInteger))
    return delete(its).where(direct.among(its.c.appeal_id, "ids"))


_BATCH = 200
"""Appeals of one transaction."""
_WINDOW = 5000
"""Ids that are looked through at once for some without rows."""
_NOTHING = Appeal(message_id="-")
"""What a damaged appeal counts as."""
_FORMS = select(appeal.c.id, appeal.c.content, document.c.body).join(
    document, (document.c.appeal_id == appeal.c.id) & (document.c.digest == appeal.c.content)
)


@dataclass(frozen=True, slots=True)
class Fill(Write[None]):
    """Rows of appeals that lacked those of a part, with the digest of the form; up to an id there are no others."""

    part: JournalPart
    rows: Sequence[tuple[int, bytes, Kept]]
    upto: int


def lacking(connection: Connection, part: JournalPart, after: int) -> Fill | None:
    """Make rows of the next appeals behind an id that lack those of a part; None at the end."""
    last = connection.scalar(select(func.max(appeal.c.id))) or 0
    if after >= last:
        return None
    upto, its = min(after + _WINDOW, last), part.tables[0].c.appeal_id
    lacks = ~select(its).where(its == appeal.c.id).exists()
    query = _FORMS.where(appeal.c.id > after, appeal.c.id <= upto, lacks).order_by(appeal.c.id).limit(_BATCH)
    found, key = connection.execute(query).all(), key_of(connection)
    rows = [(row.id, row.content, rows_of([part], _form(row.body), key)) for row in found]
    return Fill(part, rows, found[-1].id if len(found) == _BATCH else upto)


def _form(body: bytes) -> Appeal:
    try:
        return APPEAL.read(unpack(body))
    except Exception:  # damage takes any form, and is told by whoever reads the appeal itself
        return _NOTHING


@Fill.each
def fill(connection: Connection, item: Fill) -> None:
    """Add the rows of appeals that still have this form and no rows."""
    ids, its = direct.padded([appeal_id for appeal_id, _, _ in item.rows]), item.part.tables[0].c.appeal_id
    # Locked as whoever gives an appeal another form has it locked: a part must not have rows of two forms.
    stand = select(appeal.c.id, appeal.c.content).where(appeal.c.id.in_(ids)).order_by(appeal.c.id)
    now = {row.id: row.content for row in connection.execute(stand.with_for_update(key_share=True))}
    for appeal_id in connection.scalars(select(its).where(its.in_(ids))):
        now.pop(appeal_id, None)
    add(connection, [(appeal_id, kept) for appeal_id, content, kept in item.rows if now.get(appeal_id) == content])
