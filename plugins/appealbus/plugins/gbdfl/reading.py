"""Paths and conversions for answers of ГБД ФЛ.

`disappearStatus` is ignored: it marks people wanted by an inquiry or a court, which no appeal needs.
"""

import re
from datetime import date

from appealbus.core.readings import At, By, Reading, Take, bare
from appealbus.core.replies.convert import bool_from, date_from
from appealbus.schemas.person import IdentityDocument, Person, PostalAddress
from appealbus.schemas.record import Coded


def foreign(place: str) -> Coded:
    """Return a place abroad, which has a name and no code."""
    return Coded(code="", name_ru=place)


_INCAPABLE = re.compile(r"не\W*дееспособ|огранич")
_ABOUT = "дееспособ"  # a court may limit other things, such as freedom
_LIFTED = re.compile(r"снят|отмен|восстанов|прекращ")
_CAPABLE = re.compile(r"\s*дееспособ(?:ен|на|ный|ная)\s*")


def since(begun: str | None, ended: str | None) -> date | None:
    """Return the start of a status; None if it has ended."""
    begins, ends = (date_from(day) if day else None for day in (begun, ended))
    return None if ends else begins


def missing(flag: str | None, begun: str | None, ended: str | None) -> date | None:
    """Return the day since which a person is missing; None if the flag denies it. Raise ValueError without a start."""
    if flag is None:
        raise ValueError
    return since(begun, ended) if bool_from(flag) else None


def incapable(status: str | None, begun: str | None, ended: str | None) -> date | None:
    """Return the day since which a person is wholly or partly incapable.

    The status codes are not published, so the name decides; the same field also has convictions. Only a name that means
    nothing but "capable" counts as such, as the wordings for incapacity are many and not all known.

    Raises:
        ValueError: the name means something else.
    """
    name = (status or "").casefold()
    begins = since(begun, ended)
    if begins is None or (_ABOUT in name and _INCAPABLE.search(name) and not _LIFTED.search(name)):
        return begins
    if _CAPABLE.fullmatch(name) is None:
        raise ValueError
    return None


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
    incapable_since=By(
        incapable,
        "personCapableStatus/capableStatus/nameRu",
        "personCapableStatus/capableDate",
        "personCapableStatus/capableEndDate",
        word="date",
    ),
    missing_since=By(
        missing, "missingStatus/missing", "missingStatus/missingDate", "missingStatus/missingEndDate", word="date"
    ),
    excluded="excludeStatus/excludeReason",
)
TAKE = Take(
    PERSON,
    "persons/person",
    code="messageResult/code",
    echo="requestId",
    same=lambda query, person: bool(query.matches(person)),
)
