"""The assessor `identity`: which signals follow from which dossier."""

from typing import Any

import pytest

from appealbus.plugins.identity import register_assessors
from appealbus.plugins.identity.messages import MESSAGES
from tests.plugins.dossiers import assessed, dossier, ended, fact

IIN, OTHER, MALFORMED = "750301100019", "821224202626", "750301100018"
BIN = "210740000018"
(IDENTITY,) = register_assessors()

ALIVE = {"code": "0"}
PERSON: dict[str, Any] = {
    "type": "Person",
    "iin": IIN,
    "surname": "ҚАСЫМОВ",
    "name": "СЕРІК",
    "patronymic": "АБАЙҰЛЫ",
    "birth_date": "1875-03-01",
    "gender": {"code": "1"},
    "citizenship": {"code": "398"},
    "life_status": ALIVE,
}
WRITTEN = {"type": "person", "iin": IIN, "surname": "Қасымов", "name": "Серік"}


def document(number: str = "N1", status: str = "00", end: str | None = None, **more: Any) -> dict[str, Any]:
    base = {"kind": {"code": "002"}, "issuer": {"code": "002"}, "begin_date": "2020-01-01"}
    return base | {"number": number, "status": {"code": status}, "end_date": end} | more


def codes(*args: Any, **more: Any) -> list[str]:
    return [signal.code.removeprefix("identity.") for signal in assessed(IDENTITY, dossier(*args, **more))]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({}, ["confirmed"]),
        ({"surname": "Касымов", "name": "Серик"}, ["spelling_differs", "confirmed"]),
        ({"patronymic": "Абаевич"}, ["spelling_differs", "confirmed"]),
        ({"name": "С."}, []),
        ({"name": None}, []),
        ({"surname": "Иванов"}, ["surname_differs"]),
        ({"name": "Берік"}, ["name_differs"]),
        ({"patronymic": "Иванович"}, ["patronymic_differs"]),
        ({"surname": "Серик", "name": "Касымов"}, ["name_order"]),
        ({"birth_date": "1875-03-01"}, ["confirmed"]),
        ({"birth_date": "1875-01-03"}, ["birth_date_differs"]),
        ({"iin": MALFORMED}, ["iin_differs"]),
        ({"iin": None}, []),
        ({"iin": "750301 100019"}, ["confirmed"]),
    ],
)
def test_names(written: dict[str, Any], expected: list[str]) -> None:
    """What the appeal says of the applicant is held against the register, field by field."""
    assert codes(WRITTEN | written, fact("gbdfl.person", PERSON)) == expected


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({"death_date": "1950-01-01"}, ["deceased"]),
        ({"life_status": {"code": "3"}}, ["deceased"]),
        ({"life_status": {"code": "7"}}, ["life_status"]),
        ({"life_status": {"code": "", "name_ru": "нормальный"}}, []),
        ({"incapable_since": "2001-01-01"}, ["incapable"]),
        ({"missing_since": "2001-01-01"}, ["missing"]),
        ({"excluded": {"code": "5"}}, ["excluded"]),
        ({"documents": [document(status="17"), document("N2")]}, []),
        ({"documents": [document(status="17"), document("N2", end="2026-02-15")]}, ["no_valid_document"]),
        ({"documents": [document(end="2026-02-16")]}, []),
        ({"documents": [document(status="")]}, []),
        ({"documents": [document(invalid_since="2021-01-01")]}, ["no_valid_document"]),
    ],
)
def test_standing(known: dict[str, Any], expected: list[str]) -> None:
    """Who is dead, missing, without capacity or off the register is told, and who has no valid document."""
    assert codes({"type": "person"}, fact("gbdfl.person", PERSON | known)) == expected


@pytest.mark.parametrize(
    ("number", "documents", "expected"),
    [
        ("n 1", [document()], []),
        ("N1", [document(status="07")], ["document_invalid"]),
        ("N1", [document(end="2025-12-31")], ["document_expired"]),
        ("N1", [document(status="")], []),
        ("N1", [document(status="", end="2025-12-31")], ["document_expired"]),
        ("N1", [document("N2", status="07"), document()], []),
        ("N9", [document()], ["document_unknown"]),
        ("N9", [], []),
    ],
)
def test_documents(number: str, documents: list[Any], expected: list[str]) -> None:
    """The document that the appeal names is looked up among the person's; without documents nothing follows."""
    person = fact("gbdfl.person", PERSON | {"documents": documents})
    assert codes({"type": "person", "document_number": number}, person) == expected


def test_documents_end_by_the_countrys_day() -> None:
    """An appeal that came at 20:00 UTC came on the next day."""
    person = fact("gbdfl.person", PERSON | {"documents": [document(end="2026-02-16")]})
    late = dossier({"type": "person", "document_number": "N1"}, person)
    moment = late.receipt.accepted_at.replace(hour=20)
    late = late.model_copy(update={"receipt": late.receipt.model_copy(update={"accepted_at": moment})})
    assert [signal.code for signal in assessed(IDENTITY, late)] == ["identity.document_expired"]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({"surname": "Касымов", "name": "Серік"}, ["found_by_mention"]),
        ({"surname": "Касымов", "name": "С."}, []),
        ({"surname": "Касымов", "name": "Серік", "patronymic": "Иванович"}, []),
        ({"surname": "Касымов", "name": "Серік", "birth_date": "1900-01-01"}, []),
        ({"surname": "Касымов", "name": "Серік", "iin": MALFORMED}, []),
        ({}, []),
    ],
)
def test_mention(written: dict[str, Any], expected: list[str]) -> None:
    """An ИИН in the text that leads to a person of the applicant's name is told where they gave no ИИН."""
    assert codes({"type": "person"} | written, fact("gbdfl.mentioned_person", PERSON)) == expected


@pytest.mark.parametrize(
    ("outcome", "code", "expected"),
    [
        ("not_found", "", ["not_found"]),
        ("not_found", "gbdfl.ambiguous", ["ambiguous"]),
        ("unavailable", "http.502", []),
        ("not_applicable", "inputs.absent", []),
    ],
)
def test_no_person(outcome: str, code: str, expected: list[str]) -> None:
    """That a person is not known is told; a register that did not answer says nothing of them."""
    assert codes(WRITTEN, outcomes=[ended("gbdfl.person", outcome, code=code, applicant__iin=IIN)]) == expected


LEADER = {"iin": IIN, "surname": "Қасымов", "name": "Серік"}
ORGANISATION: dict[str, Any] = {
    "type": "Organisation",
    "bin": BIN,
    "name_ru": "ТОО",
    "name_kk": "ЖШС",
    "registration_status": {"code": "1"},
    "registered_on": "2021-07-15",
    "leader": LEADER,
}


@pytest.mark.parametrize(
    ("written", "known", "expected"),
    [
        ({"leader_iin": IIN, "leader_name": "Иванов"}, {}, ["leader_confirmed"]),
        ({"leader_iin": OTHER}, {}, ["leader_differs"]),
        ({"leader_name": "Касымов С.А."}, {}, ["leader_confirmed"]),
        ({"leader_name": "Серик Абайұлы Касымов"}, {}, ["leader_confirmed"]),
        ({"leader_name": "Касымов Б."}, {}, ["leader_differs"]),
        ({"leader_name": "Иванов С."}, {}, ["leader_differs"]),
        ({}, {}, []),
        ({"leader_iin": IIN}, {"leader": None}, []),
        ({"leader_iin": IIN}, {"leader": LEADER | {"until": "2025-01-01"}}, ["leader_left"]),
        ({"leader_iin": IIN}, {"liquidated_on": "2025-01-01"}, ["organisation_liquidated", "leader_confirmed"]),
        ({"leader_iin": OTHER}, {"bin": "210741000013"}, []),
    ],
)
def test_organisation(written: dict[str, Any], known: dict[str, Any], expected: list[str]) -> None:
    """Who signed for an organisation is held against its leader; an organisation of the text is not the applicant."""
    applicant = {"type": "organisation", "bin": BIN} | written
    assert codes(applicant, fact("gbdul.organisation", ORGANISATION | known)) == expected


def test_organisation_not_found() -> None:
    """That the applicant's БИН is not known is told; of one in the text nothing follows."""
    applicant = {"type": "organisation", "bin": BIN}
    known = [ended("gbdul.organisation", "not_found", applicant__bin=BIN)]
    assert codes(applicant, outcomes=known) == ["organisation_not_found"]
    elsewhere = [ended("gbdul.organisation", "not_found", mentions__bins_each__value=BIN)]
    assert codes(applicant, outcomes=elsewhere) == []


def test_fields() -> None:
    """A signal names both fields that it compares, and where several persons were found, which of them."""
    (signal, *_) = assessed(IDENTITY, dossier(WRITTEN | {"surname": "Иванов"}, fact("gbdfl.person", PERSON)))
    assert signal.fields == ["appeal.applicant.surname", "gbdfl.person/surname"]
    named = {"type": "person", "surname": "Касымов", "name": "Серік"}
    mentions = [fact("gbdfl.mentioned_person", PERSON | {"iin": iin}, key=iin) for iin in (IIN, OTHER)]
    first, second = assessed(IDENTITY, dossier(named, *mentions))
    assert f"gbdfl.mentioned_person[{IIN}]/iin" in first.fields
    assert f"gbdfl.mentioned_person[{OTHER}]/iin" in second.fields


def test_messages() -> None:
    """Every signal speaks three languages, and they differ."""
    assert all(all(texts) and len(set(texts)) == 3 for _, *texts in MESSAGES.values())
