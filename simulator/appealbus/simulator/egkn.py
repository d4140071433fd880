"""ЕГКН by the bus's own model: a parcel by cadastral number, with rights and encumbrances."""

from datetime import UTC, datetime
from functools import partial

from lxml import etree

from appealbus.schemas.parcel import Encumbrance, FoundingDocument, Holder, Parcel, Right
from appealbus.schemas.record import Coded
from appealbus.simulator.agency import DOCUMENTS, Agency, AgencyQuestion, contract, value
from appealbus.simulator.numbers import split_cadastral
from appealbus.simulator.population import Population
from appealbus.simulator.xmlwrite import coded, day, leaf, leaves, moment, node

_NS = "urn:appealbus:egkn:parcel"
_OK = ("310", "Успешно выполнено", "Сәтті орындалды")
_ERROR = ("404", "По запросу ничего не найдено", "Сұраным бойынша ештеңе табылмады")
_MALFORMED = ("320", "Некорректный кадастровый номер", "Кадастрлық нөмір дұрыс емес")
_INDIVIDUAL = Coded(code="3", name_ru="Индивидуальная", name_kk="Жеке дара")
_COMMON = Coded(code="4", name_ru="Общая", name_kk="Ортақ")
_ACTED = datetime(2024, 4, 2, 6, 30, tzinfo=UTC)
_coded = partial(coded, names=("ID", "NameRus", "NameKaz"))


def agency(service_id: str) -> Agency:
    return Agency(
        name="egkn",
        service_id=service_id,
        forms=DOCUMENTS,
        roots=frozenset({f"{{{_NS}}}Request"}),
        answer_type=f"{{{_NS}}}Response",
        schema=contract("egkn", "egkn.xsd"),
        typed=frozenset({"Area", "RegDate", "DocDate", "IsFl", "CoordinateSystem", "ActionDate"}),
        read=_read,
    )


def _read(request: etree._Element, population: Population) -> AgencyQuestion:
    number = value(request, "BusinessData/CadastrNum") or ""
    plain = "".join(char for char in number if char.isdigit())
    well_formed = split_cadastral(number) is not None or 11 <= len(plain) <= 13
    index = population.parcels.by_number(number)

    def answer(shift: int) -> etree._Element:
        land = None if index is None else population.parcels.parcel((index + shift) % population.parcels.size)
        shown = None if land is None else _parcel(land, index or 0)
        return _response(_OK if well_formed else _MALFORMED, shown)

    return AgencyQuestion(key=plain, answer=answer, error=lambda: _response(_ERROR, None))


def _response(result: tuple[str, str, str], land: etree._Element | None) -> etree._Element:
    code, ru, kk = result
    return node(
        f"{{{_NS}}}Response",
        node(
            "BusinessData",
            node("Result", leaf("ResultCode", code), leaf("ResultMessageRu", ru), leaf("ResultMessageKz", kk)),
            None if land is None else node("Objects", land),
        ),
    )


def _parcel(parcel: Parcel, index: int) -> etree._Element:
    number = parcel.cadastral_number.replace("-", ":")
    shape = parcel.geometry
    return node(
        "ObjectInfo",
        leaf("ActionType", "1"),
        moment("ActionDate", _ACTED),
        *leaves(Id=f"{number[:2]}{number[3:6]}{index:015d}", Area=parcel.area),
        _coded("Measure", parcel.area_unit),
        _coded("FuncUse", parcel.functional_use),
        *leaves(TargetTxRu=parcel.purpose_ru, TargetTxKz=parcel.purpose_kk),
        _coded("PurposeUse", parcel.purpose_use),
        leaf("CadastrNum", number),
        leaf("Coordinates", shape.wkt) if shape else None,
        leaf("CoordinateSystem", shape.epsg) if shape else None,
        _address(parcel),
        leaf("EstateObjectTypeCode", "1"),
        _coded("LandCategory", parcel.category),
        _coded("LandDivisibility", parcel.divisibility),
        *(
            _right(right, paper, alone=len(parcel.rights) == 1)
            for right in parcel.rights
            for paper in (right.document, *right.other_documents)
        ),
        *map(_encumbrance, parcel.encumbrances),
    )


def _address(parcel: Parcel) -> etree._Element:
    place = parcel.place
    ate = None
    if place is not None:
        ate = node(
            "Ate",
            *leaves(AteCode=place.code, AteTypeCode="8", NameRu=place.name_ru or "", NameKz=place.name_kk),
        )
    return node(
        "AddressData",
        ate,
        *leaves(AddressCode=parcel.rka, AddressNameRu=parcel.address_ru, AddressNameKz=parcel.address_kk),
    )


def _subject(tag: str, holder: Holder) -> etree._Element:
    return node(
        tag,
        *leaves(IINBIN=holder.iin or holder.bin, NameRus=holder.name_ru, NameKaz=holder.name_kk),
        leaf("IsFl", holder.iin is not None),
    )


def _right(right: Right, paper: FoundingDocument | None, *, alone: bool) -> etree._Element:
    """Return a right for one of its documents: it is repeated for each."""
    return node(
        "Razdel2",
        moment("RegDate", right.registered_at),
        _subject("Owner", right.holder),
        _coded("RightType", right.kind),
        _coded("OwnershipForm", right.ownership_form),
        _coded("GenOwnershipForm", _INDIVIDUAL if alone else _COMMON),
        _coded("RightTypeGZK", right.kind) if right.other_documents else None,
        _paper(paper),
    )


def _encumbrance(burden: Encumbrance) -> etree._Element:
    return node(
        "Razdel3",
        moment("RegDate", burden.registered_at),
        _subject("InterestedPerson", burden.interested) if burden.interested else None,
        _coded("BurdenType", burden.kind),
        _paper(burden.document),
    )


def _paper(paper: FoundingDocument | None) -> etree._Element | None:
    if paper is None:
        return None
    return node(
        "AttachmentBegin",
        *leaves(CodeType=paper.kind, FileName=paper.name, DocNumber=paper.number),
        day("DocDate", paper.issued_on),
    )
