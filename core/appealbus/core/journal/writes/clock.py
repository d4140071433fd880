"""The clock that all workers of a journal share: what one may have until then, another one may have from then on."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, text

from appealbus.core.journal import direct
from appealbus.core.journal.tables import Moment

_CLOCK = text("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS now").columns(now=Moment())


def leased_at(connection: Connection, given: datetime) -> datetime:
    """Return the time that the leases of appeals are counted by: the database's; `given` where one process works."""
    return given if connection.dialect.name == "sqlite" else shared_now(connection)


def asked(connection: Connection) -> list[direct.Bound]:
    """Return what has to be asked for that time, where something has to, with what else is asked then."""
    return [] if connection.dialect.name == "sqlite" else [(_CLOCK, {})]


def answered(told: Sequence[Sequence[Any]], given: datetime) -> datetime:
    """Return that time from the answers to `asked`."""
    moment: datetime = told[0][0].now if told else given
    return moment


def shared_now(connection: Connection) -> datetime:
    """Return the time by the database's clock: those of machines differ."""
    if connection.dialect.name == "sqlite":
        return datetime.now(UTC)
    moment: datetime = connection.execute(_CLOCK).scalar_one()
    return moment
