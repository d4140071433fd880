"""Reading a source's XML by local name: namespaces are ignored, values typed, and what is broken is named by its path.

A path such as "response/person/birthDate" leads through child elements; at each step the first match counts.
Failures are CallFailed(invalid) with the path in the reason, never the value.
"""

from collections.abc import Callable
from datetime import date, datetime, tzinfo
from decimal import Decimal
from functools import partial
from typing import NoReturn, TypeVar

from lxml import etree

from appealbus.core.clocks import KAZAKHSTAN
from appealbus.core.interfaces.wire import CallFailed, Reply
from appealbus.core.replies.convert import bare, bool_from, date_from, decimal_from, int_from, moment_from
from appealbus.schemas import safexml
from appealbus.schemas.namespaces import XSI_NIL
from appealbus.schemas.outcome import OutcomeKind
from appealbus.schemas.record import Coded

_REFUSED = "refused"
_REPEATED = "repeated"


def refuse(element: etree._Element) -> None:
    """Mark an element with an invalid value as unreadable, and delete its content."""
    for child in list(element):
        element.remove(child)
    element.attrib.clear()  # xsi:nil among them: then it would pass for absent
    # A text with something in it is what no reader takes for a value.
    element.text = "?"
    element.append(etree.ProcessingInstruction(_REFUSED))


def is_refused(element: etree._Element) -> bool:
    return len(element) == 1 and _is(element[0], _REFUSED)


def mark_repeated(element: etree._Element) -> None:
    """Mark an element as an invalid repetition of an earlier one."""
    element.addprevious(etree.ProcessingInstruction(_REPEATED))


def is_repeated(element: object) -> bool:
    return isinstance(element, etree._Element) and _is(element.getprevious(), _REPEATED)


def _is(node: object, mark: str) -> bool:
    return isinstance(node, etree._ProcessingInstruction) and node.target == mark


V = TypeVar("V")
local_name = safexml.local_name


def element_of(reply: Reply) -> etree._Element:
    """Return the reply's content as XML.

    Raises:
        CallFailed: `reply.not_xml`, where the wire brought something else.
    """
    if isinstance(reply.body, etree._Element):
        return reply.body
    raise CallFailed(OutcomeKind.INVALID, "reply.not_xml", "the reply is not XML")


def is_nil(element: etree._Element) -> bool:
    """Say whether the element is marked xsi:nil."""
    return element.get(XSI_NIL, "").strip() in ("true", "1")


def child(element: etree._Element, path: str) -> etree._Element | None:
    """Return the element at the path; None where there is none."""
    for name in path.split("/"):
        inner = next(element.iterchildren("{*}" + name), None)
        if inner is None:
            return None
        element = inner
    return element


def children(element: etree._Element, path: str) -> list[etree._Element]:
    """Return every element at the path, through every match of each step, in document order."""
    elements = [element]
    for name in path.split("/"):
        elements = [inner for outer in elements for inner in outer.iterchildren("{*}" + name)]
    return elements


def text(element: etree._Element, path: str) -> str | None:
    """Return the text at the path without outer blanks; None where it is absent, nil or empty.

    Raises:
        CallFailed: `reply.bad_value`, where the schema does not allow it.
    """
    inner = child(element, path)
    if inner is None or inner.text is None or is_nil(inner):
        return None
    if is_refused(inner):
        _bad("value", path)
    return inner.text.strip() or None


def number_of(element: etree._Element, path: str) -> str | None:
    """Return the ИИН, БИН or other number at the path, without the blanks, dashes and invisible characters in it."""
    value = text(element, path)
    return bare(value) if value is not None else None


def require(element: etree._Element, path: str) -> etree._Element:
    """Return the element at the path.

    Raises:
        CallFailed: `reply.missing`.
    """
    inner = child(element, path)
    return inner if inner is not None else _missing(path)


def require_text(element: etree._Element, path: str) -> str:
    """Return the text at the path.

    Raises:
        CallFailed: `reply.missing`, where it is absent, nil or empty.
    """
    return text(element, path) or _missing(path)


def date_of(element: etree._Element, path: str) -> date | None:
    """Return the date at the path as it is written: a zone or a time of day behind it changes nothing."""
    return _read(element, path, "date", date_from)


def datetime_of(element: etree._Element, path: str, zone: tzinfo = KAZAKHSTAN) -> datetime | None:
    """Return the moment at the path; one without a zone is taken to be in `zone`. Digits past microseconds go."""
    return _read(element, path, "datetime", partial(moment_from, zone=zone))


def decimal_of(element: etree._Element, path: str, *, comma: bool = False) -> Decimal | None:
    """Return the number at the path. With `comma`, a decimal comma is taken as well."""
    return _read(element, path, "decimal", partial(decimal_from, comma=comma))


def int_of(element: etree._Element, path: str) -> int | None:
    """Return the whole number at the path."""
    return _read(element, path, "int", int_from)


def bool_of(element: etree._Element, path: str) -> bool | None:
    """Return the truth at the path: true, false, 1 or 0."""
    return _read(element, path, "bool", bool_from)


def _read(element: etree._Element, path: str, word: str, convert: Callable[[str], V]) -> V | None:
    value = text(element, path)
    try:
        return None if value is None else convert(value)
    except ValueError:
        _bad(word, path)


def coded(
    element: etree._Element, path: str, code: str = "code", ru: str = "nameRu", kk: str = "nameKz"
) -> Coded | None:
    """Return the dictionary value at the path; None where it is absent, nil or empty. A lacking code becomes ""."""
    inner = child(element, path)
    if inner is None or is_nil(inner):
        return None
    value, name_ru, name_kk = text(inner, code), text(inner, ru), text(inner, kk)
    if value is None and name_ru is None and name_kk is None:
        return None
    return Coded(code=value or "", name_ru=name_ru, name_kk=name_kk)


def take_out(element: etree._Element) -> None:
    """Take an element out of its document, and nothing else: text behind it stays. A root stays where it is."""
    above, before = element.getparent(), element.getprevious()
    if above is None:
        return
    if element.tail and before is not None:
        before.tail = (before.tail or "") + element.tail
    elif element.tail:
        above.text = (above.text or "") + element.tail
    element.tail = None
    above.remove(element)


def needed(value: V | None, path: str) -> V:
    """Return a value that was read at the path: `needed(date_of(person, "birthDate"), "birthDate")`.

    Raises:
        CallFailed: `reply.missing`, where there was none.
    """
    return value if value is not None else _missing(path)


def _missing(path: str) -> NoReturn:
    raise CallFailed(OutcomeKind.INVALID, "reply.missing", f"the reply lacks {path}")


def _bad(kind: str, path: str) -> NoReturn:
    raise CallFailed(OutcomeKind.INVALID, f"reply.bad_{kind}", f"{path} is not a {kind}")
