"""ГБД ФЛ: how a person is asked for, and how the answer becomes a record."""

from datetime import date
from typing import Any

import pytest

from appealbus.core import CallFailed, OutcomeKind, Shape
from appealbus.core.config.types import Secret
from appealbus.core.interfaces.notes import Notes, ReplyCheck
from appealbus.core.planning.plan import Node
from appealbus.plugins.gbdfl import register_lookups
from appealbus.plugins.gbdfl.lookups import SCHEMA, MentionedPerson, MentionQuery, PersonOfApplicant, PersonQuery
from appealbus.plugins.gbdfl.reading import incapable
from appealbus.plugins.gbdfl.settings import GbdflSettings
from appealbus.schemas import Appeal
from appealbus.schemas.safexml import parse

IIN, OTHER_IIN, MALFORMED = "750301100019", "821224202626", "750301100018"
LOOKUP = PersonOfApplicant(GbdflSettings())


def coded(tag: str, code: str, ru: str = "имя", kk: str = "аты") -> str:
    return f"<{tag}><code>{code}</code><nameRu>{ru}</nameRu><nameKz>{kk}</nameKz></{tag}>"


def person_xml(iin: str = IIN, born: str = "1875-03-01", extra: str = "", after_birth: str = "") -> str:
    return (
        f"<person><iin>{iin}</iin><surname>ТЕСТОВ</surname><name>ТЕСТ</name><birthDate>{born}</birthDate>{after_birth}"
        f"{coded('gender', '1', 'мужской', 'ер')}{coded('nationality', '005')}{coded('citizenship', '398')}"
        f"{coded('lifeStatus', '0')}<birthPlace><city>Орал</city></birthPlace>{extra}</person>"
    )


def answer(*persons: str, code: str = "00000") -> str:
    inside = f"<persons>{''.join(persons)}</persons>" if persons else ""
    return (
        '<sb:sendMessageResponse xmlns:sb="http://smartbridge.b10.kz">'
        "<messageId>1</messageId><messageDate>2026-02-16T10:15:31+05:00</messageDate>"
        "<requestId>7f0c2f0e-6b5a-4a3c-9d1b-6f3f0f1a2b3c</requestId>"
        f"{coded('sender', 'GBDFL')}{coded('receiver', 'TEST')}{coded('messageResult', code)}{inside}"
        "</sb:sendMessageResponse>"
    )


def appeal(**applicant: Any) -> Appeal:
    return Appeal.model_validate({"message_id": "m", "kind": "complaint", "applicant": {"type": "person"} | applicant})


def drafts(**applicant: Any) -> Any:
    (draft,) = Node(LOOKUP, "gbdfl", "1", "law").drafts(appeal(**applicant), {}, {}, 10)
    return draft


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ({"iin": "750301 100019", "document_number": "N1", "surname": "Т"}, {"iin": IIN}),
        ({"document_number": "N1", "surname": "Т", "name": "Т"}, {"document_number": "N1"}),
        ({"iin": MALFORMED, "document_number": "N1"}, {"document_number": "N1"}),
        (
            {"iin": MALFORMED, "surname": "Т", "name": "И", "birth_date": "1875-03-01"},
            {"surname": "Т", "name": "И", "birth_date": date(1875, 3, 1)},
        ),
    ],
)
def test_way(given: dict[str, Any], asked: dict[str, Any]) -> None:
    """The applicant is asked for in the best way that is open, and by nothing that it does not need."""
    assert drafts(**given).query.model_dump(exclude_none=True) == asked


@pytest.mark.parametrize(
    ("given", "code", "word"),
    [
        ({"iin": MALFORMED, "surname": "Т"}, "inputs.malformed", "last digit"),
        ({"surname": "Т"}, "inputs.absent", "no name, birth_date"),
        ({}, "inputs.absent", "neither an ИИН nor a document number"),
    ],
)
def test_no_way(given: dict[str, Any], code: str, word: str) -> None:
    """Where no way is open nobody is asked, and the reason says what is missing."""
    outcome = drafts(**given).outcome
    assert (outcome.kind, outcome.code) == (OutcomeKind.NOT_APPLICABLE, code)
    assert word in outcome.reason
    assert MALFORMED not in outcome.reason


def test_mentions_fan_out() -> None:
    """Every ИИН that the text names is a question of its own."""
    mentions = [{"value": iin, "span": {"start": 0, "end": 12}} for iin in (IIN, OTHER_IIN)]
    told = appeal().model_copy(update={"mentions": Appeal.model_fields["mentions"].annotation(iins=mentions)})
    node = Node(MentionedPerson(GbdflSettings()), "gbdfl", "1", "law")
    assert [draft.query.iin for draft in node.drafts(told, {}, {}, 10)] == [IIN, OTHER_IIN]


@pytest.mark.parametrize(
    "query",
    [
        PersonQuery(iin=IIN),
        PersonQuery(document_number="N1"),
        PersonQuery(surname="Қ", name="Ә", patronymic="Ұ", birth_date=date(1875, 3, 1)),
        MentionQuery(iin=IIN),
    ],
)
async def test_question(gateway: Any, query: Any) -> None:
    """Every question is valid against the contract and carries the id of the access log."""
    gateway.answer = answer()
    assert (await gateway.ask(LOOKUP, query)).kind is OutcomeKind.NOT_FOUND
    # The children lie in data, which has the type of the wrapper's content.
    gateway.question.tag = "{http://smartbridge.b10.kz}sendMessageRequest"
    del gateway.question.attrib["{http://www.w3.org/2001/XMLSchema-instance}type"]
    SCHEMA.check(gateway.question)
    assert gateway.question.findtext("messageId") == "7f0c2f0e-6b5a-4a3c-9d1b-6f3f0f1a2b3c"
    assert gateway.question.findtext("iin") == getattr(query, "iin", None)
    assert (gateway.question.findtext("surname") or "") in ("", "Қ")


async def test_settings_reach_the_question(gateway: Any) -> None:
    """The sender's code and the consent token go out as configured."""
    environ = {"TOKEN": "t-1", "KEY": "k-1"}
    settings = GbdflSettings(
        sender_code="AKIMAT",
        kdp_token=Secret(env="TOKEN", environ=environ),
        public_key=Secret(env="KEY", environ=environ),
    )
    gateway.answer = answer()
    await gateway.ask(register_lookups(settings)[0], PersonQuery(iin=IIN))
    sent = [gateway.question.findtext(tag) for tag in ("senderCode", "kdpToken", "publicKey")]
    assert sent == ["AKIMAT", "t-1", "k-1"]


FULL = (
    f"<regAddress>{coded('country', '398')}{coded('district', '1926', 'ЗКО', 'БҚО')}{coded('region', '1926401')}"
    "<street>Абая</street><building>1</building><flat>2</flat><beginDate>2020-01-01</beginDate>"
    f"{coded('status', '1')}{coded('invalidity', '0')}<arCode>2201900167046043</arCode></regAddress>"
    f"<personCapableStatus>{coded('capableStatus', '1')}<capableDate>2001-01-01</capableDate>"
    f"<capableEndDate>2002-01-01</capableEndDate><capableNumber>7</capableNumber>{coded('court', '9')}"
    "</personCapableStatus>"
    "<missingStatus><missing>true</missing><missingDate>2003-01-01</missingDate>"
    f"<missingNumber>7</missingNumber>{coded('gpTerritorial', '9')}</missingStatus>"
    f"<excludeStatus>{coded('excludeReason', '5', 'смерть')}</excludeStatus>"
    f"<documents><document>{coded('type', '002')}<number>N1</number><beginDate>2020-01-01+05:00</beginDate>"
    f"{coded('issueOrganization', '002')}{coded('status', '17')}<invalidityDate>2021-01-01</invalidityDate>"
    "<birthDate>1875-03-01</birthDate></document></documents>"
)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("НЕДЕЕСПОСОБЕН", "since"),
        ("Не  дееспособный", "since"),
        ("признана ограниченно дееспособной", "since"),
        (" дееспособна ", "capable"),
        ("Лишен дееспособности", "unknown"),
        ("частично дееспособный", "unknown"),
        ("Ограничение дееспособности отменено", "unknown"),
        ("Ограничение свободы", "unknown"),
    ],
)
def test_capacity(name: str, told: str) -> None:
    """Who is capable and who is not, a name says in so many words; another one says neither."""
    if told == "unknown":
        with pytest.raises(ValueError, match=r"^$"):
            incapable(name, "2001-01-01", None)
    else:
        assert incapable(name, "2001-01-01", None) == (date(2001, 1, 1) if told == "since" else None)


@pytest.mark.parametrize("shape", [Shape.CHILD, Shape.TEXT, Shape.TYPED])
async def test_found(gateway: Any, shape: Shape) -> None:
    """A whole answer becomes a record, in whatever shape the gateway carries it."""
    gateway.answer, gateway.shape = (
        answer(person_xml(extra=FULL, after_birth="<deathDate>1950-01-01</deathDate>")),
        shape,
    )
    outcome = await gateway.ask(LOOKUP, PersonQuery(iin=IIN))
    person = outcome.record
    assert (person.iin, person.surname, person.patronymic) == (IIN, "ТЕСТОВ", None)
    assert (person.birth_date, person.death_date) == (date(1875, 3, 1), date(1950, 1, 1))
    assert (person.gender.code, person.gender.name_kk) == ("1", "ер")
    assert (person.address.district.name_kk, person.address.rka) == ("БҚО", "2201900167046043")
    assert person.birth_place.city == "Орал"
    assert person.incapable_since is None, "the court's finding has ended"
    assert person.missing_since == date(2003, 1, 1)
    assert person.excluded.name_ru == "смерть"
    (document,) = person.documents
    assert (document.number, document.begin_date, document.status.code) == ("N1", date(2020, 1, 1), "17")
    assert document.invalid_since == date(2021, 1, 1)


async def test_foreign_birth_place(gateway: Any) -> None:
    """A place abroad has names without codes."""
    foreign = person_xml().replace(
        "<city>Орал</city>", "<foreignData><districtName>Omsk</districtName></foreignData><city>Omsk</city>"
    )
    gateway.answer = answer(foreign)
    place = (await gateway.ask(LOOKUP, PersonQuery(iin=IIN))).record.birth_place
    assert (place.district.code, place.district.name_ru, place.region) == ("", "Omsk", None)


BORN = date(1875, 3, 1)
BY_NAME = PersonQuery(surname="Тестов", name="ТЕСТ", birth_date=BORN)
BY_DOCUMENT = PersonQuery(document_number="№ n-1")
PAPER = FULL[FULL.index("<documents>") :]


@pytest.mark.parametrize(
    ("query", "body", "kind", "code"),
    [
        (PersonQuery(iin=IIN), answer(), "not_found", ""),
        (PersonQuery(iin=IIN), answer(person_xml(OTHER_IIN)), "invalid", "gbdfl.other_person"),
        (MentionQuery(iin=IIN), answer(person_xml(OTHER_IIN)), "invalid", "gbdfl.other_person"),
        (PersonQuery(iin=IIN), answer(person_xml(f"{IIN[:6]} {IIN[6:]}")), "found", ""),
        (BY_NAME, answer(person_xml(born="1900-01-01")), "invalid", "gbdfl.other_person"),
        (BY_NAME, answer(person_xml(), person_xml(OTHER_IIN)), "not_found", "gbdfl.ambiguous"),
        (BY_NAME, answer(person_xml(), person_xml()), "invalid", "gbdfl.repeated_person"),
        (BY_NAME, answer(person_xml(), person_xml(OTHER_IIN, born="1900-01-01")), "found", ""),
        (BY_NAME, answer(person_xml().replace("ТЕСТОВ", "ИНОЙ")), "invalid", "gbdfl.other_person"),
        (BY_NAME, answer(person_xml().replace("<name>ТЕСТ", "<name>ИНОЙ")), "invalid", "gbdfl.other_person"),
        (BY_NAME.model_copy(update={"patronymic": "Т"}), answer(person_xml()), "invalid", "gbdfl.other_person"),
        (BY_NAME.model_copy(update={"name": "Т."}), answer(person_xml()), "found", ""),
        (BY_NAME, answer(person_xml().replace("<name>ТЕСТ", "<name>Т")), "invalid", "gbdfl.other_person"),
        (BY_DOCUMENT, answer(person_xml(extra=PAPER)), "found", ""),
        (BY_DOCUMENT, answer(person_xml()), "invalid", "gbdfl.other_person"),
        (BY_DOCUMENT, answer(person_xml(extra=PAPER.replace("N1", "N2"))), "invalid", "gbdfl.other_person"),
        (BY_DOCUMENT, answer(person_xml(extra=PAPER), person_xml(OTHER_IIN)), "found", ""),
        (PersonQuery(iin=IIN), answer(person_xml(), person_xml()), "invalid", "gbdfl.repeated_person"),
        (PersonQuery(iin=IIN), answer(code="404"), "not_found", "gbdfl.404"),
        (PersonQuery(iin=IIN), answer(code="NO_CONS"), "refused", "gbdfl.NO_CONS"),
        (PersonQuery(iin=IIN), answer(code="99999"), "invalid", "gbdfl.99999"),
        (PersonQuery(iin=IIN), answer(code=IIN), "invalid", "gbdfl.code"),
    ],
)
async def test_outcome(gateway: Any, query: Any, body: str, kind: str, code: str) -> None:
    """One person, none, several, somebody else, and each code end in the outcome that they mean."""
    settings = GbdflSettings(not_found_codes={"404"}, refused_codes={"NO_CONS"})
    gateway.answer = body
    outcome = await gateway.ask(PersonOfApplicant(settings), query)
    assert (outcome.kind.value, outcome.code) == (kind, code)


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("<birthDate>1875-03-01</birthDate>", "<birthDate>01.03.1875</birthDate>", "persons/person/birthDate"),
        ("<birthDate>1875-03-01</birthDate>", "", "persons/person/gender"),
        ("<surname>ТЕСТОВ</surname>", "<ТЕСТОВ/>", "*"),
        ("http://smartbridge.b10.kz", "urn:else", "at sendMessageResponse"),
    ],
)
async def test_broken_answer(gateway: Any, old: str, new: str, where: str) -> None:
    """An answer that breaks the contract is invalid; the reason names the place and quotes nothing."""
    gateway.answer = answer(person_xml()).replace(old, new)
    with pytest.raises(CallFailed) as caught:
        await gateway.ask(LOOKUP, PersonQuery(iin=IIN))
    assert (caught.value.kind, caught.value.code) == (OutcomeKind.INVALID, "reply.schema")
    assert f"{where}: " in caught.value.reason
    assert "ТЕСТОВ" not in caught.value.reason


def test_a_date_of_a_status_that_was_renamed_is_unknown() -> None:
    """The person is registered as missing; without the date nothing would say so."""
    root = parse(answer(person_xml(extra=FULL)).replace("missingDate", "missingSince").encode())
    notes = Notes(ReplyCheck.LENIENT)
    SCHEMA.check(root, notes)
    (person,) = LOOKUP.take.answer(root, notes).records()
    assert person.missing_since is None
    assert "missing_since" in notes.unknown
