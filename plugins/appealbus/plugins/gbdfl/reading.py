"""Where a person stands in an answer of ГБД ФЛ."""

from datetime import date

from appealbus.core.readings import At, By, Reading, Take, bare
from appealbus.core.replies.convert import date_from
from appealbus.schemas.person import IdentityDocument, Person, PostalAddress
from appealbus.schemas.record import Coded


def foreign(place: str) -> Coded:
    """Return a place abroad: it has a name and no code."""
    return Coded(code="", name_ru=place)


def since(begun: str | None, ended: str | None) -> date | None:
    """Return since when a court's finding holds, unless it has ended."""
    return date_from(begun) if begun and not ended else None


def _since(status: str, stem: str) -> By:
    return By(since, f"{status}/{stem}Date", f"{status}/{stem}EndDate", word="date")


ADDRESS = Reading(
    PostalAddress,
    country="country",
    district=("district", By(foreign, "foreignData/districtName")),
    region=("region", By(foreign, "foreignData/regionName")),
    city="city",
    street="street",
    building="building",
    corpus="corpus",
    flat="flat",
    begin_date="beginDate",
    end_date="endDate",
    status="status",
    rka="arCode",
)
DOCUMENT = Reading(
    IdentityDocument,
    kind="type",
    number="number",
    series="series",
    begin_date="beginDate",
    end_date="endDate",
    issuer="issueOrganization",
    status="status",
    invalid_since="invalidityDate",
)
PERSON = Reading(
    Person,
    iin=By(bare, "iin", word="number"),
    surname="surname",
    name="name",
    patronymic="patronymic",
    birth_date="birthDate",
    death_date="deathDate",
    gender="gender",
    nationality="nationality",
    citizenship="citizenship",
    life_status="lifeStatus",
    birth_place=At("birthPlace", of=ADDRESS),
    address=At("regAddress", of=ADDRESS),
    documents=At("documents/document", of=DOCUMENT),
    incapable_since=_since("personCapableStatus", "capable"),
    missing_since=(_since("missingStatus", "missing"), _since("disappearStatus", "disappear")),
    excluded="excludeStatus/excludeReason",
)
TAKE = Take(PERSON, "persons/person", code="messageResult/code", same=lambda query, person: bool(query.matches(person)))
