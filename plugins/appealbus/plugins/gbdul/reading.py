"""Where an organisation stands in an answer of ГБД ЮЛ: element names begin with capital letters here."""

from functools import partial

from appealbus.core.readings import At, By, Reading, Take, bare
from appealbus.schemas.organisation import Founder, Leader, LegalAddress, Organisation
from appealbus.schemas.record import Coded

_Reading = partial(Reading, codes=("Code", "NameRu", "NameKz"))
_HOUSE = ("BuildingNumber", "Block", "Corpus", "AppartmentNumber", "OfficeNumber")


def joined(*parts: str | None) -> str | None:
    """Return what there is of an address, from the oblast down to the door."""
    return ", ".join(filter(None, parts)) or None


def full_name(*parts: str | None) -> str | None:
    """Return a person's name of its parts."""
    return " ".join(filter(None, parts)) or None


def _places(language: str) -> By:
    return By(joined, *(f"{part}{language}" for part in ("District", "Region", "Rural", "City", "Street")), *_HOUSE)


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
    percent="Percent",
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
TAKE = Take(ORGANISATION, "Organization", code="Status/Code", same=("bin",))
