"""What all tables share: their metadata, moments and ids."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Dialect, Index, Integer, MetaData, TypeDecorator, func

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
"""The journal's unit of time: as fine as a datetime is, so that none is rounded."""


class Moment(TypeDecorator[datetime]):
    """A moment as microseconds since 1970 in UTC: equal, sortable and exact on every database."""

    impl = BigInteger
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], int | None]:
        """Return what turns an aware datetime into a number."""
        return to_number

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[int | None], datetime | None]:
        """Return what turns the number into a datetime in UTC."""
        return to_moment


def to_number(value: datetime | None) -> int | None:
    """Return microseconds since 1970."""
    return None if value is None else (value - _EPOCH) // _MICROSECOND


def to_moment(value: int | None) -> datetime | None:
    """Return the moment of microseconds since 1970."""
    return None if value is None else _EPOCH + timedelta(microseconds=value)


def unindexed(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return a column of texts as no index has it, the empty text where it is NULL.

    A condition on it is asked of rows that another one has found; else SQLite may begin with it, and go through all
    rows of a receiver, a source or a kind to find the few of an appeal.
    """
    return func.coalesce(column, "")


def partial_index(name: str, *columns: ColumnElement[Any], where: ColumnElement[bool]) -> Index:
    """Make an index of the rows alone for which a condition holds."""
    return Index(name, *columns, sqlite_where=where, postgresql_where=where)


Id = BigInteger().with_variant(Integer, "sqlite")
"""SQLite numbers rows by itself only where the column's type is INTEGER."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)
