"""Which version of the tables a journal has, and how it gets to ours."""

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from appealbus.core.errors import ConfigError
from appealbus.core.journal.errors import NoJournalYet
from appealbus.core.journal.key import JournalKey, KeyFile
from appealbus.core.journal.migrations import REVISIONS

_FOLDER = Path(__file__).with_name("migrations")


def check(engine: Engine) -> None:
    """Raise ConfigError unless the journal has exactly our tables."""
    with engine.connect() as connection:
        revision = _revision(connection)
    if revision is None:
        raise NoJournalYet("the database holds no journal; `appealbus run` or `appealbus intake` makes one")
    if revision != REVISIONS[-1]:
        raise NoJournalYet("the journal is of an older version; `appealbus run` or `appealbus intake` upgrades it")


def upgrade(engine: Engine, key: KeyFile) -> JournalKey:
    """Bring the journal to our tables, in one transaction, and return its key. A new one gets them all."""
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            # Workers that start together migrate one after the other.
            connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('appealbus.journal'))"))
        if _revision(connection) != REVISIONS[-1]:
            _migrate(connection)
        return key.settle(connection)


def _revision(connection: Connection) -> str | None:
    """Return the revision that the journal has; None where there is no journal yet."""
    tables = inspect(connection).get_table_names()
    if "alembic_version" not in tables:
        if tables:
            raise ConfigError("the database belongs to another program: it has tables that are not a journal's")
        return None
    revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if revision is not None and revision not in REVISIONS:
        raise ConfigError("a newer version of appealbus wrote this journal; upgrade appealbus to open it")
    return revision


def _migrate(connection: Connection) -> None:
    # Alembic takes a tenth of a second to import and is needed once in a journal's life.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
