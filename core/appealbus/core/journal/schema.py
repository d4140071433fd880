"""Which version of the tables a journal has, and how it gets to ours."""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import structlog
from sqlalchemy import Connection, Engine, inspect, text

from appealbus.core.errors import ConfigError
from appealbus.core.interfaces.journal_part import JournalPart
from appealbus.core.journal import migration_lock
from appealbus.core.journal import parts as plugin_parts
from appealbus.core.journal.errors import NoJournalYet, OlderJournal
from appealbus.core.journal.key import JournalKey, KeyFile
from appealbus.core.journal.migration_lock import Fence
from appealbus.core.journal.migrations import FILLED, REVISIONS, UNFILLED
from appealbus.core.process.failpoints import failpoint

log = structlog.get_logger(__name__)

_FOLDER = Path(__file__).with_name("migrations")
_LEASES = "0002"
"""From this revision on there are leases, by which workers are told of a migration. No release had an earlier one."""
_SILENT = 5.0
"""Seconds between two lines of the log: a million appeals take some minutes."""


@dataclass(frozen=True, slots=True)
class Progress:
    done: int
    """Appeals."""
    total: int
    seconds: float
    """Since this process began."""


Tell: TypeAlias = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class How:
    """How a journal is migrated.

    `tell` is called after each batch. With `ends_workers` workers of earlier releases are told to end; else they keep
    the journal as it is. `parts` are those of plugins; None: nobody knows them, and nothing is migrated.
    """

    tell: Tell | None = None
    ends_workers: bool = False
    parts: Sequence[JournalPart] | None = ()


AS_IT_IS = How()


def check(engine: Engine) -> None:
    """Raise ConfigError unless the journal has our tables."""
    with engine.connect() as connection:
        _check(_revision(connection))


def _check(revision: str | None) -> None:
    if revision is None:
        raise NoJournalYet("the database holds no journal; `appealbus run` or `appealbus intake` makes one")
    if revision != REVISIONS[-1]:
        raise OlderJournal("the journal is of an older version; `appealbus run` or `appealbus intake` upgrades it")


def upgrade(
    engine: Engine, lock: AbstractContextManager[None], key: KeyFile, fence: Callable[[], Fence], how: How
) -> JournalKey:
    """Bring the journal to our tables and those of parts, and return its key. A new one gets them in one transaction.

    What has to be moved between two revisions moves in batches. Who is killed meanwhile has lost one of them, and
    whoever opens the journal next goes on; processes that open it at the same time take turns.

    `fence` keeps out workers of earlier releases once they have ended. Raises JournalError if they do not.
    """
    with lock, engine.begin() as connection:
        _one_at_a_time(connection)
        revision = _revision(connection)
        if how.parts is None:
            _check(revision)
            return key.settle(connection)
        if revision is None:
            _migrate(connection, REVISIONS[-1])
        if revision in (None, REVISIONS[-1]) and not plugin_parts.is_older(connection, how.parts):
            return _ready(connection, key, how)  # no worker uses the tables of a new part
        if revision is not None and revision < _LEASES:
            _migrate(connection, _LEASES)
    with migration_lock.alone(engine, lock, fence(), tells=how.ends_workers):
        return _bring(engine, lock, key, how)


def _ready(connection: Connection, key: KeyFile, how: How) -> JournalKey:
    plugin_parts.forget_dropped(connection)
    for part in how.parts or ():
        plugin_parts.bring(connection, part)
    return key.settle(connection)


def _bring(engine: Engine, lock: AbstractContextManager[None], key: KeyFile, how: How) -> JournalKey:
    with lock, engine.begin() as connection:
        _one_at_a_time(connection)
        revision = _revision(connection) or ""
        if revision < UNFILLED:
            _migrate(connection, UNFILLED)
        its_key = key.settle(connection)
    if revision <= UNFILLED:
        _fill(engine, lock, its_key, how.tell)
    with lock, engine.begin() as connection:
        _one_at_a_time(connection)
        if revision != REVISIONS[-1]:
            _migrate(connection, REVISIONS[-1])
        return _ready(connection, key, how)


def _fill(engine: Engine, lock: AbstractContextManager[None], key: JournalKey, tell: Tell | None) -> None:
    """Move the rows that the revision after `UNFILLED` expects elsewhere, and go on to that."""
    # Imports the models of all that is kept, and is needed once in a journal's life.
    from appealbus.core.journal.migrations import filling

    with lock, engine.begin() as connection:
        total = filling.total(connection) if _revision(connection) == UNFILLED else 0
    if total:
        log.info("journal.migrating", appeals=total)
    began = logged = time.monotonic()
    done = 0
    while True:
        with lock, engine.begin() as connection:
            _one_at_a_time(connection)
            if _revision(connection) != UNFILLED:
                break  # another process has done the rest
            migration_lock.announce(connection)
            filled = filling.fill(connection, key)
            if filled is None:
                _migrate(connection, FILLED)
                filling.finish(connection)
                break
            failpoint("journal.filling")
        done, now = filled, time.monotonic()
        if tell is not None:
            tell(Progress(done, total, now - began))
        if now - logged > _SILENT:
            logged = now
            log.info("journal.migrating", count=done, appeals=total, seconds=round(now - began))
    if total:
        log.info("journal.migrated", appeals=total, seconds=round(time.monotonic() - began, 1))


def _one_at_a_time(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('appealbus.journal'))"))


def _revision(connection: Connection) -> str | None:
    """Return the revision of the journal; None if there is none yet."""
    tables = inspect(connection).get_table_names()
    if "alembic_version" not in tables:
        if tables:
            raise ConfigError("the database belongs to another program: it has tables that are not a journal's")
        return None
    revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if revision is not None and revision not in REVISIONS:
        raise ConfigError("a newer version of appealbus wrote this journal; upgrade appealbus to open it")
    return revision


def _migrate(connection: Connection, revision: str) -> None:
    # Alembic takes a tenth of a second to import and is needed once in a journal's life.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
