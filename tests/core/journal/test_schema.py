"""The tables, their migrations and the indexes that keep the journal flat."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, event

from appealbus.core.journal import migrations, queries, store
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.tables import metadata
from appealbus.core.journal.writes import pruning, working

NOW = datetime(2026, 11, 24, tzinfo=UTC)


async def test_migrations_make_exactly_the_tables(url):
    """Alembic finds no difference between what migrations made and what the code declares."""
    await (await Journal.open(url)).close()
    engine = create_engine(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


async def test_migrations_make_the_indexes_conditions_too(tmp_path):
    """Alembic does not compare the conditions of partial indexes: SQLite's own text of them must be the same."""
    made, declared = create_engine(f"sqlite:///{tmp_path}/a.db"), create_engine(f"sqlite:///{tmp_path}/b.db")
    await (await Journal.open(f"sqlite:///{tmp_path}/a.db")).close()
    metadata.create_all(declared)
    assert indexes(made) == indexes(declared)
    assert sum("WHERE" in text for text in indexes(made)) == 7


def test_revisions_are_listed_in_order():
    """The journal knows its revisions without importing Alembic."""
    scripts = ScriptDirectory(str(Path(migrations.__file__).parent))
    assert tuple(reversed([script.revision for script in scripts.walk_revisions()])) == migrations.REVISIONS


@pytest.mark.parametrize(
    "question",
    [
        queries.counts,
        queries.next_due,
        lambda connection: queries.undelivered(connection, "out", NOW, 10),
        lambda connection: queries.case(connection, "N"),
        lambda connection: queries.cases(connection, [1, 2]),
        lambda connection: queries.states(connection, "N"),
        lambda connection: queries.dossier(connection, "N", None),
        lambda connection: queries.access_rows(connection, "N", 5, 10),
        lambda connection: queries.quarantined(connection, 5, 10, include_replayed=False),
        lambda connection: working.claim(connection, [working.Claim("me", NOW, NOW, 10)]),
        lambda connection: working.release(connection, [working.Release("me", None)]),
        lambda connection: pruning.prune_appeals(connection, [NOW]),
        lambda connection: pruning.prune_quarantine(connection, [NOW]),
    ],
)
async def test_nothing_walks_through_a_whole_table(tmp_path, question):
    """The millionth appeal costs what the first did: every question goes by an index that holds what it is about."""
    url = f"sqlite:///{tmp_path}/journal.db"
    await (await Journal.open(url)).close()
    opened = store.open_store(url, read_only=False)
    plans = []

    def explain(_connection, cursor, statement, parameters, *_):
        if statement.startswith(("SELECT", "UPDATE", "DELETE")):
            raw = cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans.extend(row[3] for row in raw)

    event.listen(opened.writing, "before_cursor_execute", explain)
    with opened.writing.connect() as connection:
        question(connection)
    opened.writing.dispose()
    opened.close()
    assert plans
    for plan in plans:
        assert re.search(r"USING .*(INDEX|PRIMARY KEY)|SUBQUERY|SCAN counter", plan), plan


def indexes(engine):
    with engine.connect() as connection:
        query = (
            "SELECT sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND name LIKE 'ix_%' ORDER BY name"
        )
        rows = connection.exec_driver_sql(query).scalars().all()
    engine.dispose()
    return rows
