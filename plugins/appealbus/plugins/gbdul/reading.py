"""Reading an answer of ГБД ЮЛ: element names begin with capital letters here, dates may carry a zone."""

from functools import partial

from lxml import etree

from appealbus.core.replies.xmlread import bool_of, child, children, date_of, needed, number_of, require_text, text
from appealbus.core.replies.xmlread import coded as any_coded
from appealbus.schemas.organisation import Founder, Leader, LegalAddress, Organisation
from appealbus.schemas.record import Coded

coded = partial(any_coded, code="Code", ru="NameRu", kk="NameKz")


def status_code(answer: etree._Element) -> str:
    """Return the register's own word on how the question went."""
    return require_text(answer, "Status/Code")


def organisations_from(answer: etree._Element) -> list[Organisation]:
    """Return all organisations of an answer; none where the register knows none."""
    return [organisation_from(element) for element in children(answer, "Organization")]


def organisation_from(element: etree._Element) -> Organisation:
    """Return one organisation."""
    leader = child(element, "OrganizationLeader")
    address = child(element, "Address")
    return Organisation(
        bin=needed(number_of(element, "BIN"), "BIN"),
        name_ru=require_text(element, "FullNameRu"),
        name_kk=require_text(element, "FullNameKz"),
        short_name_ru=text(element, "ShortNameRu"),
        short_name_kk=text(element, "ShortNameKz"),
        registration_status=needed(coded(element, "RegStatus"), "RegStatus"),
        registered_on=needed(date_of(element, "RegistrationDate"), "RegistrationDate"),
        registered_by=coded(element, "RegistrationDepartment"),
        liquidated_on=date_of(element, "LiquidationDate"),
        legal_form=coded(element, "OrgForm"),
        inactive_taxpayer=bool_of(element, "TaxOrgStatus"),
        leader=leader_from(leader) if leader is not None else None,
        founders=[
            *(founder_from(founder) for founder in children(element, "FoundersUL")),
            *(founder_from(founder) for founder in children(element, "FoundersFL")),
        ],
        activities=[
            Coded(
                code=text(activity, "OKED") or "",
                name_ru=text(activity, "ActivityNameRu"),
                name_kk=text(activity, "ActivityNameKz"),
            )
            for activity in children(element, "Activity")
        ],
        address=address_from(address) if address is not None else None,
    )


def leader_from(element: etree._Element) -> Leader:
    """Return the person who acts for the organisation."""
    return Leader(
        iin=number_of(element, "IIN"),
        surname=text(element, "SurName"),
        name=text(element, "Name"),
        patronymic=text(element, "MiddleName"),
        position=text(element, "Position/PositionType/NameRu"),
        since=date_of(element, "Position/IssueDate"),
        until=date_of(element, "Position/LossDate"),
    )


def founder_from(element: etree._Element) -> Founder:
    """Return a founder: an organisation has a name, a person its parts."""
    parts = (text(element, part) for part in ("SurName", "Name", "MiddleName"))
    return Founder(
        iin=number_of(element, "IIN"),
        bin=number_of(element, "BIN"),
        name=text(element, "OrganizationNameRu") or " ".join(filter(None, parts)) or None,
        percent=text(element, "Percent"),
    )


def address_from(element: etree._Element) -> LegalAddress:
    """Return the registered address, its parts joined from the oblast down to the door."""
    house = [text(element, part) for part in ("BuildingNumber", "Block", "Corpus", "AppartmentNumber", "OfficeNumber")]

    def joined(language: str) -> str | None:
        places = [text(element, part + language) for part in ("District", "Region", "Rural", "City", "Street")]
        return ", ".join(filter(None, [*places, *house])) or None

    return LegalAddress(
        rka=text(element, "RKA"), kato=text(element, "KATO"), text_ru=joined("Ru"), text_kk=joined("Kz")
    )
