"""ГБД ФЛ by its contract: persons by ИИН, by name and birth date, or by document number."""

import uuid
from datetime import date, datetime
from functools import partial

from lxml import etree

from appealbus.schemas.person import IdentityDocument, Person, PostalAddress
from appealbus.schemas.record import Coded
from appealbus.simulator import codes
from appealbus.simulator.agency import Agency, AgencyQuestion, published, value
from appealbus.simulator.content import Shape
from appealbus.simulator.population import Population
from appealbus.simulator.xmlwrite import ZONE, coded, leaf, leaves, moment, node, only

_MESSAGE = "http://message.persistence.interactive.nat"
_OK = Coded(code="00000", name_ru="Сообщение успешно обработано", name_kk="Хабарлама сәтті өңделді")
_ERROR = Coded(code="404", name_ru="По запросу ничего не найдено", name_kk="Сұраным бойынша ештеңе табылмады")
_NO_CONSENT = Coded(
    code="00002", name_ru="Нет согласия на доступ к данным", name_kk="Деректерге қол жеткізуге келісім жоқ"
)
_LACKING = Coded(code="00001", name_ru="Недостаточно данных для поиска", name_kk="Іздеу үшін деректер жеткіліксіз")
_SELF = Coded(code="GBDFL", name_ru="ГБД ФЛ", name_kk="ЖТ МДБ")
_MOST = 50
"""Maximum number of namesakes born on one day: the contract has no limit, but no register sends thousands."""
_coded = partial(coded, names=("code", "nameRu", "nameKz"))


def agency(service_id: str, token: str | None = None) -> Agency:
    """Return the service; `token` is the required consent token of queries (None: any or none)."""
    typed = {"messageDate", "birthDate", "deathDate", "beginDate", "endDate", "invalidityDate"}
    return Agency(
        name="gbdfl",
        service_id=service_id,
        forms=frozenset({Shape.BARE, Shape.TYPED}),
        roots=frozenset({"data"}),
        answer_type=f"{{{_MESSAGE}}}Response",
        schema=published("gbdfl", "request.xsd"),
        typed=frozenset(typed),
        read=partial(_read, token),
        signs=True,
        echo="requestId",
    )


def _read(token: str | None, request: etree._Element, population: Population) -> AgencyQuestion:
    persons = population.persons
    iin, number = value(request, "iin"), value(request, "documentNumber")
    surname, name, patronymic = (value(request, tag) for tag in ("surname", "name", "patronymic"))
    born = value(request, "birthDate")
    people: list[int] | None
    if iin:
        index = persons.by_iin(iin)
        people = [] if index is None else [index]
    elif number:
        index = persons.by_document(number)
        people = [] if index is None else [index]
    elif surname and name and born:
        day = date.fromisoformat(born[:10])
        people = list(persons.by_name(day, surname, name, patronymic))[:_MOST]
    else:
        people = None
    asked = (iin, number, surname, name, patronymic, born)

    refused = token is not None and value(request, "kdpToken") != token

    def answer(shift: int) -> etree._Element:
        if refused:
            return _response(request, _NO_CONSENT, [])
        if people is None:
            return _response(request, _LACKING, [])
        return _response(request, _OK, [persons.person((index + shift) % persons.size) for index in people])

    return AgencyQuestion(
        key="|".join(item or "" for item in asked),
        answer=answer,
        error=lambda: _response(request, _ERROR, []),
        id=value(request, "messageId"),
        refused=refused,
    )


def _response(request: etree._Element, result: Coded, people: list[Person]) -> etree._Element:
    sender = value(request, "senderCode") or ""
    return node(
        "data",
        leaf("messageId", uuid.uuid4()),
        moment("messageDate", datetime.now(ZONE)),
        leaf("requestId", value(request, "messageId")),
        _coded("sender", _SELF),
        _coded("receiver", Coded(code=sender, name_ru=sender, name_kk=sender)),
        _coded("messageResult", result),
        node("persons", *map(_person, people)) if people else None,
    )


def _person(person: Person) -> etree._Element:
    birth = person.birth_place or PostalAddress()
    return node(
        "person",
        *leaves(iin=person.iin, surname=person.surname, name=person.name, patronymic=person.patronymic),
        *leaves(birthDate=person.birth_date, deathDate=person.death_date),
        _coded("gender", person.gender),
        _coded("nationality", person.nationality),
        _coded("citizenship", person.citizenship),
        _coded("lifeStatus", person.life_status),
        _birth_certificate(person),
        node(
            "birthPlace",
            _coded("country", birth.country),
            _coded("district", birth.district),
            _coded("region", birth.region),
            leaf("city", birth.city),
        ),
        _address(person.address) if person.address else None,
        _incapable(person.incapable_since) if person.incapable_since else None,
        _missing(person),
        node("excludeStatus", _coded("excludeReason", person.excluded)) if person.excluded else None,
        only(node("documents", *(_document(paper, person) for paper in person.documents))),
        leaf("removed", False),
    )


def _birth_certificate(person: Person) -> etree._Element | None:
    """Return the certificate that one in ten has; its issuer is plain text, as in the contract."""
    if int(person.iin or 0) % 10:
        return None
    return node(
        "birthCertificate",
        *leaves(number="0123456", beginDate=person.birth_date),
        leaf("issueOrganisation", "Отдел РАГС города Уральска"),
    )


def _address(address: PostalAddress) -> etree._Element:
    return node(
        "regAddress",
        _coded("country", address.country),
        _coded("district", address.district),
        _coded("region", address.region),
        *leaves(city=address.city, street=address.street, building=address.building, corpus=address.corpus),
        *leaves(flat=address.flat, beginDate=address.begin_date, endDate=address.end_date),
        _coded("status", address.status),
        _coded("invalidity", Coded(code="0", name_ru="нет", name_kk="жоқ")),
        leaf("arCode", address.rka),
    )


def _document(paper: IdentityDocument, person: Person) -> etree._Element:
    return node(
        "document",
        _coded("type", paper.kind),
        *leaves(number=paper.number, series=paper.series, beginDate=paper.begin_date, endDate=paper.end_date),
        _coded("issueOrganization", paper.issuer),
        _coded("status", paper.status),
        *leaves(invalidityDate=paper.invalid_since, surname=person.surname, name=person.name),
        *leaves(patronymic=person.patronymic, birthDate=person.birth_date),
    )


def _incapable(since: date) -> etree._Element:
    return node(
        "personCapableStatus",
        _coded("capableStatus", Coded(code="1", name_ru="недееспособный", name_kk="әрекетке қабілетсіз")),
        *leaves(capableDate=since, capableNumber="2-114"),
        _coded("court", Coded(code="2711", name_ru="Уральский городской суд", name_kk="Орал қалалық соты")),
    )


def _missing(person: Person) -> etree._Element | None:
    """Return the status of a missing person; one in a hundred others was missing and found."""
    since, number = person.missing_since, int(person.iin or 0)
    if since is None and number % 100:
        return None
    return node(
        "missingStatus",
        *leaves(missing=since is not None, missingDate=since or date(2018, 3, 1)),
        None if since else leaf("missingEndDate", date(2018, 6, 1)),
        leaf("missingNumber", "2-87"),
        _coded("gpTerritorial", codes.INTERIOR),
    )
