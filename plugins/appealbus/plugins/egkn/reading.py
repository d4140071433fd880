"""Reading an answer of ЕГКН. `Razdel2` is a right, `Razdel3` an encumbrance; codes are called ID here."""

from functools import partial

from lxml import etree

from appealbus.core.replies.xmlread import (
    bool_of,
    child,
    children,
    date_of,
    datetime_of,
    decimal_of,
    int_of,
    needed,
    number_of,
    require,
    require_text,
    text,
)
from appealbus.core.replies.xmlread import coded as any_coded
from appealbus.schemas.identifiers import IdentifierError, parse_cadastral_number
from appealbus.schemas.parcel import Encumbrance, FoundingDocument, Geometry, Holder, Parcel, Right

coded = partial(any_coded, code="ID", ru="NameRus", kk="NameKaz")


def result_code(answer: etree._Element) -> str:
    """Return the register's own word on how the question went."""
    return require_text(answer, "BusinessData/Result/ResultCode")


def parcels_from(answer: etree._Element) -> list[Parcel]:
    """Return all parcels of an answer."""
    return [parcel_from(element) for element in children(answer, "BusinessData/Objects/ObjectInfo")]


def parcel_from(element: etree._Element) -> Parcel:
    """Return one parcel."""
    wkt = text(element, "Coordinates")
    return Parcel(
        cadastral_number=_number(element),
        area=decimal_of(element, "Area"),
        area_unit=coded(element, "Measure"),
        category=coded(element, "LandCategory"),
        purpose_ru=text(element, "TargetTxRu"),
        purpose_kk=text(element, "TargetTxKz"),
        purpose_use=coded(element, "PurposeUse"),
        functional_use=coded(element, "FuncUse"),
        divisibility=coded(element, "LandDivisibility"),
        rights=[right_from(section) for section in children(element, "Razdel2")],
        encumbrances=[encumbrance_from(section) for section in children(element, "Razdel3")],
        geometry=Geometry(wkt=wkt, epsg=int_of(element, "CoordinateSystem")) if wkt else None,
        rka=text(element, "AddressData/AddressCode"),
        address_ru=text(element, "AddressData/AddressNameRu"),
        address_kk=text(element, "AddressData/AddressNameKz"),
        place=any_coded(element, "AddressData/Ate", code="AteCode", ru="NameRu", kk="NameKz"),
    )


def right_from(section: etree._Element) -> Right:
    """Return a right with its holder."""
    return Right(
        kind=needed(coded(section, "RightType"), "RightType"),
        holder=holder_from(require(section, "Owner")),
        ownership_form=coded(section, "OwnershipForm"),
        registered_at=datetime_of(section, "RegDate"),
        document=document_from(section),
    )


def encumbrance_from(section: etree._Element) -> Encumbrance:
    """Return an encumbrance with whom it serves."""
    interested = child(section, "InterestedPerson")
    return Encumbrance(
        kind=needed(coded(section, "BurdenType"), "BurdenType"),
        interested=holder_from(interested) if interested is not None else None,
        registered_at=datetime_of(section, "RegDate"),
        document=document_from(section),
    )


def holder_from(element: etree._Element) -> Holder:
    """Return whom it belongs to: `IsFl` says whether the number is a person's or an organisation's."""
    number, is_person = number_of(element, "IINBIN"), bool_of(element, "IsFl")
    return Holder(
        iin=number if is_person else None,
        bin=None if is_person else number,
        name_ru=text(element, "NameRus"),
        name_kk=text(element, "NameKaz"),
    )


def document_from(section: etree._Element) -> FoundingDocument | None:
    """Return the paper that a right or an encumbrance rests on."""
    element = child(section, "AttachmentBegin")
    if element is None:
        return None
    return FoundingDocument(
        kind=text(element, "CodeType"),
        name=text(element, "FileName"),
        number=text(element, "DocNumber"),
        issued_on=date_of(element, "DocDate"),
    )


def _number(element: etree._Element) -> str:
    """Return the number; of what is no parcel, such as a building on it, as the register writes it."""
    told = require_text(element, "CadastrNum")
    try:
        return parse_cadastral_number(told)
    except IdentifierError:
        return told
