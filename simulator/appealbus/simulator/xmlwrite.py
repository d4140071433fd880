"""Helpers for writing XML."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone

from lxml import etree

from appealbus.schemas.record import Coded

ZONE = timezone(timedelta(hours=5))
"""The country's only time zone."""


def node(tag: str, *content: etree._Element | str | None) -> etree._Element:
    """Return an element with text and children; None is left out."""
    made = etree.Element(tag)
    for item in content:
        if isinstance(item, str):
            made.text = item
        elif item is not None:
            made.append(item)
    return made


def leaf(tag: str, value: object | None) -> etree._Element | None:
    if value is None:
        return None
    made = etree.Element(tag)
    made.text = str(value).lower() if isinstance(value, bool) else str(value)
    return made


def leaves(**values: object | None) -> Iterator[etree._Element | None]:
    """Yield an element for each value, under the names given."""
    for tag, value in values.items():
        yield leaf(tag, value)


def coded(tag: str, value: Coded | None, *, names: tuple[str, str, str]) -> etree._Element | None:
    """Return a code with its Russian and Kazakh texts, under the register's three element names."""
    if value is None:
        return None
    code, ru, kk = names
    return node(tag, leaf(code, value.code), leaf(ru, value.name_ru or ""), leaf(kk, value.name_kk or ""))


def only(made: etree._Element) -> etree._Element | None:
    return made if len(made) else None


def day(tag: str, value: date | None) -> etree._Element | None:
    """Return a date with a zone, as two of the three registers have it."""
    return None if value is None else leaf(tag, f"{value.isoformat()}+05:00")


def moment(tag: str, value: datetime | None) -> etree._Element | None:
    return None if value is None else leaf(tag, value.astimezone(ZONE).isoformat(timespec="milliseconds"))
