"""ГБД ЮЛ by its contract: an organisation by БИН."""

from collections.abc import Iterator
from functools import partial

from lxml import etree

from appealbus.schemas.organisation import Founder, Leader, LegalAddress, Organisation
from appealbus.schemas.record import Coded
from appealbus.simulator import codes
from appealbus.simulator.agency import Agency, AgencyQuestion, published, value
from appealbus.simulator.content import Shape
from appealbus.simulator.draw import Draw
from appealbus.simulator.population import Population
from appealbus.simulator.xmlwrite import coded, day, leaf, leaves, node

_GBDUL = "http://gbdulinfobybin_v2.egp.gbdul.tamur.kz"
_OK = Coded(code="002", name_ru="Запрос обработан успешно", name_kk="Сұраным сәтті өңделді")
_ERROR = Coded(code="404", name_ru="По запросу ничего не найдено", name_kk="Сұраным бойынша ештеңе табылмады")
_MALFORMED = Coded(code="003", name_ru="Некорректный БИН в запросе", name_kk="Сұранымдағы БСН дұрыс емес")
_coded = partial(coded, names=("Code", "NameRu", "NameKz"))


def agency(service_id: str) -> Agency:
    return Agency(
        name="gbdul",
        service_id=service_id,
        forms=frozenset({Shape.TEXT, Shape.CDATA}),
        roots=frozenset({f"{{{_GBDUL}}}Request", f"{{{_GBDUL}}}requestDataType"}),
        answer_type=f"{{{_GBDUL}}}responseDataType",
        schema=published("gbdul", "gbdul.xsd"),
        typed=frozenset({"RegistrationDate", "LiquidationDate", "TaxOrgStatus", "IssueDate"}),
        read=_read,
        asks_signature=True,
        signs=True,
    )


def _read(request: etree._Element, population: Population) -> AgencyQuestion:
    bin_, requestor = value(request, "BIN") or "", value(request, "RequestorBIN") or ""
    well_formed = all(len(number) == 12 and number.isdigit() for number in (bin_, requestor))
    index = population.organisations.by_bin(bin_) if well_formed else None

    def answer(shift: int) -> etree._Element:
        body = None
        if index is not None:
            body = population.organisations.organisation((index + shift) % population.organisations.size)
        return response(_OK if well_formed else _MALFORMED, body)

    def response(status: Coded, body: Organisation | None) -> etree._Element:
        # Which of the two the real register writes is not known: one answer in four has the other.
        odd = Draw(population.seed, "root", bin_).chance(0.25)
        root = f"{{{_GBDUL}}}Response" if odd else f"{{{_GBDUL}}}responseDataType"
        return node(root, _coded("Status", status), None if body is None else _told(body))

    return AgencyQuestion(key=bin_, answer=answer, error=lambda: response(_ERROR, None))


def _told(firm: Organisation) -> etree._Element:
    # Only of a foreign one the register has no name in Kazakh.
    return _organisation(firm) if firm.name_kk else _nonresident(firm)


def _nonresident(firm: Organisation) -> etree._Element:
    leader, address = firm.leader, firm.address
    return node(
        "IpsNerezident",
        leaf("BIN", firm.bin),
        day("RegDate", firm.registered_on),
        day("LiquidationDate", firm.liquidated_on),
        leaf("FullNameRu", firm.name_ru),
        _coded("OrgForm", firm.legal_form),
        leaf("CountryFac", False),
        _coded("CountryNerezident", codes.FOREIGN[0]),
        _coded("RegStatus", firm.registration_status),
        node("Leader", *_names(leader)) if leader else None,
        node("Address", leaf("KATO", address.kato), *_places(address)) if address else None,
    )


def _organisation(firm: Organisation) -> etree._Element:
    people = [founder for founder in firm.founders if founder.iin]
    return node(
        "Organization",
        leaf("BIN", firm.bin),
        _coded("RegStatus", firm.registration_status),
        _coded("RegistrationDepartment", firm.registered_by or codes.JUSTICE),
        day("RegistrationDate", firm.registered_on),
        day("LiquidationDate", firm.liquidated_on),
        *leaves(FullNameRu=firm.name_ru, FullNameKz=firm.name_kk, ShortNameRu=firm.short_name_ru),
        leaf("ShortNameKz", firm.short_name_kk),
        _coded("OrgForm", firm.legal_form),
        leaf("TaxOrgStatus", bool(firm.inactive_taxpayer)),
        _leader(firm.leader) if firm.leader else None,
        *(_activity(coded, main=number == 0) for number, coded in enumerate(firm.activities)),
        _address(firm.address) if firm.address else None,
        *(_founder(founder) for founder in people),
        *leaves(FoundersCount=len(people), FoundersCountFL=len(people)),
    )


def _leader(leader: Leader) -> etree._Element:
    kind = Coded(code="1", name_ru=leader.position, name_kk="Басшы")
    return node(
        "OrganizationLeader",
        node("Position", _coded("PositionType", kind), day("IssueDate", leader.since), day("LossDate", leader.until)),
        _coded("Country", codes.KAZAKHSTAN),
        *_names(leader),
    )


def _names(leader: Leader) -> Iterator[etree._Element | None]:
    yield leaf("IIN", leader.iin)
    yield leaf("SurName", leader.surname)
    yield leaf("Name", leader.name)
    yield leaf("MiddleName", leader.patronymic)


def _activity(coded: Coded, *, main: bool) -> etree._Element:
    return node(
        "Activity",
        *leaves(Main=main, OKED=coded.code, ActivityNameKz=coded.name_kk or ""),
        leaf("ActivityNameRu", coded.name_ru or ""),
    )


def _address(address: LegalAddress) -> etree._Element:
    return node("Address", leaf("RKA", address.rka), leaf("KATO", address.kato), *_places(address))


def _places(address: LegalAddress) -> Iterator[etree._Element | None]:
    # The register has the parts; the population keeps each language as one line of five.
    ru, kk = ((line or "").split(", ") for line in (address.text_ru, address.text_kk))
    for name, in_ru, in_kk in zip(("District", "Region", "City", "Street"), ru, kk, strict=False):
        yield leaf(f"{name}Ru", in_ru)
        yield leaf(f"{name}Kz", in_kk)
    yield leaf("BuildingNumber", ru[4])


def _founder(founder: Founder) -> etree._Element:
    surname, _, name = (founder.name or "").partition(" ")
    return node(
        "FoundersFL",
        _coded("Country", codes.KAZAKHSTAN),
        *leaves(IIN=founder.iin, SurName=surname, Name=name, Percent=founder.percent),
    )
