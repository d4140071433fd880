"""Reading an answer of ГБД ФЛ: elements by local name, types checked, what breaks named by its path."""

from datetime import date

from lxml import etree

from appealbus.core.replies.xmlread import child, children, coded, date_of, needed, number_of, require_text, text
from appealbus.schemas.person import IdentityDocument, Person, PostalAddress
from appealbus.schemas.record import Coded


def result_code(answer: etree._Element) -> str:
    """Return the register's own word on how the question went."""
    return require_text(answer, "messageResult/code")


def persons_from(answer: etree._Element) -> list[Person]:
    """Return all persons of an answer."""
    return [person_from(element) for element in children(answer, "persons/person")]


def person_from(element: etree._Element) -> Person:
    """Return one person."""
    birth_place = child(element, "birthPlace")
    address = child(element, "regAddress")
    return Person(
        iin=needed(number_of(element, "iin"), "iin"),
        surname=text(element, "surname"),
        name=text(element, "name"),
        patronymic=text(element, "patronymic"),
        birth_date=needed(date_of(element, "birthDate"), "birthDate"),
        death_date=date_of(element, "deathDate"),
        gender=needed(coded(element, "gender"), "gender"),
        nationality=coded(element, "nationality"),
        citizenship=needed(coded(element, "citizenship"), "citizenship"),
        life_status=needed(coded(element, "lifeStatus"), "lifeStatus"),
        birth_place=address_from(birth_place) if birth_place is not None else None,
        address=address_from(address) if address is not None else None,
        documents=[document_from(document) for document in children(element, "documents/document")],
        incapable_since=_since(element, "personCapableStatus", "capable"),
        missing_since=_since(element, "missingStatus", "missing") or _since(element, "disappearStatus", "disappear"),
        excluded=coded(element, "excludeStatus/excludeReason"),
    )


def address_from(element: etree._Element) -> PostalAddress:
    """Return an address; of a foreign one, the names of places without codes."""
    return PostalAddress(
        country=coded(element, "country"),
        district=coded(element, "district") or _foreign(element, "districtName"),
        region=coded(element, "region") or _foreign(element, "regionName"),
        city=text(element, "city"),
        street=text(element, "street"),
        building=text(element, "building"),
        corpus=text(element, "corpus"),
        flat=text(element, "flat"),
        begin_date=date_of(element, "beginDate"),
        end_date=date_of(element, "endDate"),
        status=coded(element, "status"),
        rka=text(element, "arCode"),
    )


def document_from(element: etree._Element) -> IdentityDocument:
    """Return an identity document."""
    return IdentityDocument(
        kind=needed(coded(element, "type"), "type"),
        number=require_text(element, "number"),
        series=text(element, "series"),
        begin_date=needed(date_of(element, "beginDate"), "beginDate"),
        end_date=date_of(element, "endDate"),
        issuer=needed(coded(element, "issueOrganization"), "issueOrganization"),
        status=needed(coded(element, "status"), "status"),
        invalid_since=date_of(element, "invalidityDate"),
    )


def _since(element: etree._Element, status: str, stem: str) -> date | None:
    """Return since when a court's finding holds: `missingDate`, unless `missingEndDate` says that it ended."""
    if text(element, f"{status}/{stem}EndDate") is not None:
        return None
    return date_of(element, f"{status}/{stem}Date")


def _foreign(element: etree._Element, name: str) -> Coded | None:
    place = text(element, f"foreignData/{name}")
    return Coded(code="", name_ru=place) if place else None
