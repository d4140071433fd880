"""Reading an answer of the address register: `RCA` is the РКА here, `RCO` the РКО, `CATO` the КАТО."""

from functools import partial

from lxml import etree

from appealbus.core import CallFailed
from appealbus.core.replies.xmlread import bool_of, children, date_of, needed, require_text, text
from appealbus.core.replies.xmlread import coded as any_coded
from appealbus.schemas.address import Address, AddressPart
from appealbus.schemas.identifiers import IdentifierError, parse_cadastral_number, parse_rka
from appealbus.schemas.outcome import OutcomeKind

coded = partial(any_coded, code="Code", ru="ValueRu", kk="ValueKz")


def result_code(answer: etree._Element) -> str:
    """Return the register's own word on how the question went."""
    return require_text(answer, "Result/Code")


def addresses_from(answer: etree._Element) -> list[Address]:
    """Return all addresses of an answer."""
    return [address_from(element) for element in children(answer, "Object")]


def address_from(element: etree._Element) -> Address:
    """Return one address."""
    parts = [part_from(part) for part in children(element, "Path/Step")]
    return Address(
        rka=_rka(element),
        kind=needed(coded(element, "Type"), "Type"),
        full_ru=text(element, "FullPathRus"),
        full_kk=text(element, "FullPathKaz"),
        parts=parts,
        number=text(element, "Number"),
        kato=next((part.kato for part in reversed(parts) if part.kato), None),
        cadastral_number=_cadastral_number(element),
        actual=needed(bool_of(element, "Actual"), "Actual"),
        changed_on=date_of(element, "Modified"),
    )


def part_from(element: etree._Element) -> AddressPart:
    """Return one step of an address."""
    return AddressPart(
        level=needed(coded(element, "Type"), "Type"),
        name_ru=text(element, "NameRus"),
        name_kk=text(element, "NameKaz"),
        rko=text(element, "RCO"),
        kato=text(element, "CATO"),
    )


def _rka(element: etree._Element) -> str:
    try:
        return parse_rka(require_text(element, "RCA"))
    except IdentifierError:
        raise CallFailed(OutcomeKind.INVALID, "reply.bad_number", "RCA is not a РКА") from None


def _cadastral_number(element: etree._Element) -> str | None:
    number = text(element, "CadastreNumber")
    try:
        return None if number is None else parse_cadastral_number(number)
    except IdentifierError:
        return number  # a building's or a room's goes on behind the parcel's
