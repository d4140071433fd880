"""Paths and conversions for ЕГКН's answers: `Razdel2` is a right, `Razdel3` an encumbrance; codes are called ID.

A right with several documents comes as several `Razdel2` that differ only in the document.
"""

from collections.abc import Iterable
from functools import partial

from appealbus.core.readings import At, By, Reading, Take, bare
from appealbus.schemas.identifiers import parse_cadastral_number, parse_or_none
from appealbus.schemas.parcel import Encumbrance, FoundingDocument, Geometry, Holder, Parcel, Right
from appealbus.schemas.record import Coded

_Reading = partial(Reading, codes=("ID", "NameRus", "NameKaz"))


def of_person(number: str | None, is_person: str | None) -> str | None:
    """Return an ИИН; `IsFl` tells persons from organisations, and without it ValueError is raised."""
    return bare(number) if number and _is_true(is_person) else None


def of_organisation(number: str | None, is_person: str | None) -> str | None:
    """Return a БИН; raises ValueError like `of_person`."""
    return bare(number) if number and not _is_true(is_person) else None


def parcel_number(text: str) -> str:
    """Return a cadastral number; a number of another object, such as a building, is unchanged."""
    return parse_or_none(parse_cadastral_number, text) or text


def with_papers_together(rights: Iterable[Right]) -> list[Right]:
    """Merge duplicates of a right, with all its documents.

    Duplicates are equal but for the document, and have a holder's number and a date of registration: without these, two
    holders of the same name would be merged.
    """
    papers: dict[object, dict[str, FoundingDocument]] = {}
    by_key: dict[object, Right] = {}
    for right in rights:
        known = (right.holder.iin or right.holder.bin) and right.registered_at
        key: object = right.model_dump_json(exclude={"document"}) if known else id(right)
        by_key.setdefault(key, right)
        if right.document is not None:
            papers.setdefault(key, {}).setdefault(right.document.model_dump_json(), right.document)
    for key, several in papers.items():
        first, *others = several.values()
        if others:
            by_key[key] = by_key[key].model_copy(update={"document": first, "other_documents": others})
    return list(by_key.values())


def _is_true(flag: str | None) -> bool:
    if flag not in ("true", "1", "false", "0"):
        raise ValueError
    return flag in ("true", "1")


DOCUMENT = _Reading(FoundingDocument, kind="CodeType", name="FileName", number="DocNumber", issued_on="DocDate")
HOLDER = _Reading(
    Holder,
    iin=By(of_person, "IINBIN", "IsFl", word="bool"),
    bin=By(of_organisation, "IINBIN", "IsFl", word="bool"),
    name_ru="NameRus",
    name_kk="NameKaz",
)
RIGHT = _Reading(
    Right,
    kind="RightType",
    holder=At("Owner", of=HOLDER),
    ownership_form="OwnershipForm",
    registered_at="RegDate",
    document=At("AttachmentBegin", of=DOCUMENT),
)
ENCUMBRANCE = _Reading(
    Encumbrance,
    kind="BurdenType",
    interested=At("InterestedPerson", of=HOLDER),
    registered_at="RegDate",
    document=At("AttachmentBegin", of=DOCUMENT),
)
PARCEL = _Reading(
    Parcel,
    cadastral_number=By(parcel_number, "CadastrNum", word="number"),
    area="Area",
    area_unit="Measure",
    category="LandCategory",
    purpose_ru="TargetTxRu",
    purpose_kk="TargetTxKz",
    purpose_use="PurposeUse",
    functional_use="FuncUse",
    divisibility="LandDivisibility",
    rights=At("Razdel2", of=RIGHT),
    encumbrances=At("Razdel3", of=ENCUMBRANCE),
    geometry=Reading(Geometry, wkt="Coordinates", epsg="CoordinateSystem"),
    rka="AddressData/AddressCode",
    address_ru="AddressData/AddressNameRu",
    address_kk="AddressData/AddressNameKz",
    place=At("AddressData/Ate", of=Reading(Coded, code="AteCode", name_ru="NameRu", name_kk="NameKz")),
)
TAKE = Take(
    PARCEL, "BusinessData/Objects/ObjectInfo", code="BusinessData/Result/ResultCode", same=("cadastral_number",)
)
