"""Paths and conversions for answers of ГБД ЮЛ, whose element names begin with capital letters."""

import re
from decimal import Decimal
from functools import partial

from appealbus.core.readings import At, By, Reading, Take, bare
from appealbus.schemas.organisation import Founder, Leader, LegalAddress, Organisation
from appealbus.schemas.record import Coded

_Reading = partial(Reading, codes=("Code", "NameRu", "NameKz"))
_DOUBLE = re.compile(r"[+-]?(?:\d{1,40}(?:\.\d{0,40})?|\.\d{1,40})(?:[eE][+-]?\d{1,2})?", re.ASCII)
_HOUSE = ("BuildingNumber", "Block", "Corpus", "AppartmentNumber", "OfficeNumber")


def joined(*parts: str | None) -> str | None:
    """Join the parts of an address, from the oblast to the door."""
    return ", ".join(filter(None, parts)) or None


def full_name(*parts: str | None) -> str | None:
    return " ".join(filter(None, parts)) or None


def share(text: str) -> str:
    """Return a share in percent without an exponent, `60` for `6.0E1`; raise ValueError if it is no finite number."""
    if _DOUBLE.fullmatch(text) is None:
        raise ValueError
    written = f"{Decimal(text):f}"
    return written.rstrip("0").rstrip(".") if "." in written else written


def _places(language: str) -> By:
    return By(joined, *(f"{part}{language}" for part in ("District", "Region", "Rural", "City", "Street")), *_HOUSE)


def _non_resident_place(language: str) -> By:
    parts = (f"{part}{language}" for part in ("District", "Region", "City", "Street"))
    return By(joined, *parts, "BuildingNumber", "AppartmentNumber")


LEADER = _Reading(
    Leader,
    iin=By(bare, "IIN"),
    surname="SurName",
    name="Name",
    patronymic="MiddleName",
    position="Position/PositionType/NameRu",
    since="Position/IssueDate",
    until="Position/LossDate",
)
FOUNDER = _Reading(
    Founder,
    iin=By(bare, "IIN"),
    bin=By(bare, "BIN"),
    name=("OrganizationNameRu", By(full_name, "SurName", "Name", "MiddleName")),
    percent=By(share, "Percent", word="decimal"),
)
ORGANISATION = _Reading(
    Organisation,
    bin=By(bare, "BIN", word="number"),
    name_ru="FullNameRu",
    name_kk="FullNameKz",
    short_name_ru="ShortNameRu",
    short_name_kk="ShortNameKz",
    registration_status="RegStatus",
    registered_on="RegistrationDate",
    registered_by="RegistrationDepartment",
    liquidated_on="LiquidationDate",
    legal_form="OrgForm",
    inactive_taxpayer="TaxOrgStatus",
    leader=At("OrganizationLeader", of=LEADER),
    founders=At("FoundersUL", "FoundersFL", of=FOUNDER),
    activities=At("Activity", of=Reading(Coded, code="OKED", name_ru="ActivityNameRu", name_kk="ActivityNameKz")),
    address=At(
        "Address", of=_Reading(LegalAddress, rka="RKA", kato="KATO", text_ru=_places("Ru"), text_kk=_places("Kz"))
    ),
)
NON_RESIDENT = _Reading(
    Organisation,
    bin=By(bare, "BIN", word="number"),
    name_ru="FullNameRu",
    registration_status="RegStatus",
    registered_on="RegDate",
    liquidated_on="LiquidationDate",
    legal_form="OrgForm",
    leader=At(
        "Leader", of=_Reading(Leader, iin=By(bare, "IIN"), surname="SurName", name="Name", patronymic="MiddleName")
    ),
    address=At(
        "Address",
        of=_Reading(LegalAddress, kato="KATO", text_ru=_non_resident_place("Ru"), text_kk=_non_resident_place("Kz")),
    ),
)
TAKE = Take(ORGANISATION, "Organization", code="Status/Code", same=("bin",))
TAKE_NON_RESIDENT = Take(NON_RESIDENT, "IpsNerezident", code="Status/Code", same=("bin",))
