"""ГБД ЮЛ as its contract describes it: an organisation by БИН."""

from functools import partial

from lxml import etree

from appealbus.plugins.simulator import codes
from appealbus.plugins.simulator.agency import Agency, AgencyQuestion, published, value
from appealbus.plugins.simulator.content import Shape
from appealbus.plugins.simulator.draw import Draw
from appealbus.plugins.simulator.population import Population
from appealbus.plugins.simulator.xmlwrite import coded, day, leaf, node
from appealbus.schemas.organisation import Founder, Leader, LegalAddress, Organisation
from appealbus.schemas.record import Coded

_GBDUL = "http://gbdulinfobybin_v2.egp.gbdul.tamur.kz"
_OK = Coded(code="002", name_ru="Запрос обработан успешно", name_kk="Сұраным сәтті өңделді")
_ERROR = Coded(code="404", name_ru="По запросу ничего не найдено", name_kk="Сұраным бойынша ештеңе табылмады")
_MALFORMED = Coded(code="003", name_ru="Некорректный БИН в запросе", name_kk="Сұранымдағы БСН дұрыс емес")
_coded = partial(coded, names=("Code", "NameRu", "NameKz"))


def agency(service_id: str) -> Agency:
    """Return the service."""
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
        found = None
        if index is not None:
            found = population.organisations.organisation((index + shift) % population.organisations.size)
        return response(_OK if well_formed else _MALFORMED, found)

    def response(status: Coded, found: Organisation | None) -> etree._Element:
        # Which of the two the real register writes is not known: one answer in four has the other.
        odd = Draw(population.seed, "root", bin_).chance(0.25)
        root = f"{{{_GBDUL}}}Response" if odd else f"{{{_GBDUL}}}responseDataType"
        return node(root, _coded("Status", status), None if found is None else _organisation(found))

    return AgencyQuestion(key=bin_, answer=answer, error=lambda: response(_ERROR, None))


def _organisation(firm: Organisation) -> etree._Element:
    people = [founder for founder in firm.founders if founder.iin]
    return node(
        "Organization",
        leaf("BIN", firm.bin),
        _coded("RegStatus", firm.registration_status),
        _coded("RegistrationDepartment", firm.registered_by or codes.JUSTICE),
        day("RegistrationDate", firm.registered_on),
        day("LiquidationDate", firm.liquidated_on),
        leaf("FullNameRu", firm.name_ru),
        leaf("FullNameKz", firm.name_kk),
        leaf("ShortNameRu", firm.short_name_ru),
        leaf("ShortNameKz", firm.short_name_kk),
        _coded("OrgForm", firm.legal_form),
        leaf("TaxOrgStatus", bool(firm.inactive_taxpayer)),
        _leader(firm.leader) if firm.leader else None,
        *(_activity(coded, main=number == 0) for number, coded in enumerate(firm.activities)),
        _address(firm.address) if firm.address else None,
        *(_founder(founder) for founder in people),
        leaf("FoundersCount", len(people)),
        leaf("FoundersCountFL", len(people)),
    )


def _leader(leader: Leader) -> etree._Element:
    kind = Coded(code="1", name_ru=leader.position, name_kk="Басшы")
    return node(
        "OrganizationLeader",
        node("Position", _coded("PositionType", kind), day("IssueDate", leader.since), day("LossDate", leader.until)),
        _coded("Country", codes.KAZAKHSTAN),
        leaf("IIN", leader.iin),
        leaf("SurName", leader.surname),
        leaf("Name", leader.name),
        leaf("MiddleName", leader.patronymic),
    )


def _activity(coded: Coded, *, main: bool) -> etree._Element:
    return node(
        "Activity",
        leaf("Main", main),
        leaf("OKED", coded.code),
        leaf("ActivityNameKz", coded.name_kk or ""),
        leaf("ActivityNameRu", coded.name_ru or ""),
    )


def _address(address: LegalAddress) -> etree._Element:
    # The register has the parts; the population keeps each language as one line of five.
    ru = (address.text_ru or "").split(", ")
    kk = (address.text_kk or "").split(", ")
    return node(
        "Address",
        leaf("RKA", address.rka),
        leaf("KATO", address.kato),
        leaf("DistrictRu", ru[0]),
        leaf("DistrictKz", kk[0]),
        leaf("RegionRu", ru[1]),
        leaf("RegionKz", kk[1]),
        leaf("CityRu", ru[2]),
        leaf("CityKz", kk[2]),
        leaf("StreetRu", ru[3]),
        leaf("StreetKz", kk[3]),
        leaf("BuildingNumber", ru[4]),
    )


def _founder(founder: Founder) -> etree._Element:
    surname, _, name = (founder.name or "").partition(" ")
    return node(
        "FoundersFL",
        _coded("Country", codes.KAZAKHSTAN),
        leaf("IIN", founder.iin),
        leaf("SurName", surname),
        leaf("Name", name),
        leaf("Percent", founder.percent),
    )
