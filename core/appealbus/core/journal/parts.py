"""Parts that plugins keep in the journal: the versions of their tables, and their rows of appeals.

No transaction of an appeal calls a plugin: it inserts rows that were made before, and deletes by the names of tables.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Self

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    Table,
    Text,
    column,
    delete,
    func,
    inspect,
    select,
    table,
)

from appealbus.core.errors import ConfigError
from appealbus.core.interfaces.journal_part import JournalPart
from appealbus.core.journal.drivers import bulk, direct
from appealbus.core.journal.part_rows import NOTHING, Kept, is_written
from appealbus.core.journal.tables import appeal, document, metadata
from appealbus.core.journal.writes import Write
from appealbus.core.packing import unpack
from appealbus.core.process.failpoints import failpoint
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.stored import APPEAL

journal_part = Table(
    "journal_part",
    metadata,
    Column("name", Text, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("tables", Text, nullable=False),
)
"""The parts whose tables are there, and how many migrations these had."""


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


def forget_dropped(connection: Connection) -> None:
    """Forget the parts whose tables somebody has dropped: nobody could delete rows there."""
    there = set(inspect(connection).get_table_names())
    for row in connection.execute(select(journal_part)).all():
        if there.isdisjoint(row.tables.split()):
            connection.execute(delete(journal_part).where(journal_part.c.name == row.name))


def bring(connection: Connection, part: JournalPart) -> None:
    """Bring the tables of a part to its version, in a transaction that keeps out all others who do so."""
    brought = {row.name: row for row in connection.execute(select(journal_part))}
    version = brought[part.name].version if part.name in brought else 0
    of_others = {name for row in brought.values() if row.name != part.name for name in row.tables.split()}
    for its in part.tables:
        _check(part, its, of_others | metadata.tables.keys() | {"alembic_version"})
    if version == len(part.migrations):
        return
    for migrate in part.migrations[version:]:
        try:
            migrate(connection)
        except Exception as error:
            if getattr(error, "connection_invalidated", False):
                raise
            what = type(error).__name__
            raise ConfigError(f"a migration of the part {part.name} raised {what}; nothing is changed") from error
        failpoint("journal.part_migrated")
    names = " ".join(its.name for its in part.tables)
    bulk.upsert(connection, journal_part, [{"name": part.name, "version": len(part.migrations), "tables": names}])


def _check(part: JournalPart, its: Table, taken: Set[str]) -> None:
    if its.name in taken:
        raise ConfigError(f"the part {part.name} has a table {its.name}, which is the journal's or another part's")
    if not re.fullmatch(r"[a-z_][a-z0-9_]*", its.name):
        raise ConfigError(f"the part {part.name} has a table whose name is no word of a-z, 0-9 and _")
    if "appeal_id" not in its.c:
        raise ConfigError(f"the part {part.name} of the journal has a table without appeal_id")
    if strange := [column.name for column in its.c if not is_written(column)]:
        raise ConfigError(f"the journal does not write columns of the type of {its.name}.{strange[0]}")


def add(connection: Connection, items: Iterable[tuple[int, Kept]]) -> None:
    """Insert rows by appeal id, never over existing ones."""
    by_table: defaultdict[Table, list[Mapping[str, Any]]] = defaultdict(list)
    for appeal_id, kept in items:
        for its, rows in kept.rows:
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
class Lacking:
    """Appeals that lack rows of a part: ids, digests of their forms, and these; up to an id there are no others."""

    rows: Sequence[tuple[int, bytes, Appeal]]
    upto: int


@dataclass(frozen=True, slots=True)
class Fill(Write[None]):
    """Rows of a part for appeals that lacked them, with the digest of the form."""

    part: JournalPart
    rows: Sequence[tuple[int, bytes, Kept]]

    def bare(self) -> tuple[Self, Kept]:
        """Return it without the rows, and these, where they are of one appeal: of many only one may be bad."""
        if len(self.rows) != 1:
            return self, NOTHING
        return replace(self, rows=()), self.rows[0][2]


def lacking(connection: Connection, part: JournalPart, after: int) -> Lacking | None:
    """Return the next appeals behind an id that lack rows of a part; None at the end."""
    last = connection.scalar(select(func.max(appeal.c.id))) or 0
    if after >= last:
        return None
    upto, its = min(after + _WINDOW, last), part.tables[0].c.appeal_id
    lacks = ~select(its).where(its == appeal.c.id).exists()
    query = _FORMS.where(appeal.c.id > after, appeal.c.id <= upto, lacks).order_by(appeal.c.id).limit(_BATCH)
    found = connection.execute(query).all()
    some = [(row.id, row.content, _form(row.body)) for row in found]
    return Lacking(some, found[-1].id if len(found) == _BATCH else upto)


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
