"""A person as applicant, compared with ГБД ФЛ."""

from collections.abc import Iterator
from datetime import date

from appealbus.core import records
from appealbus.core.clocks import day_of
from appealbus.core.replies.names import Likeness, compare, compare_patronymics
from appealbus.plugins.identity.messages import signal
from appealbus.schemas.appeal import PersonApplicant
from appealbus.schemas.dossier import Dossier
from appealbus.schemas.identifiers import parse_iin, parse_or_none
from appealbus.schemas.outcome import OutcomeKind
from appealbus.schemas.person import Person
from appealbus.schemas.signal import Signal

ALIVE, DEAD = "0", "3"
"""Codes of lifeStatus. The code for death was seen in one database only, so a date of death counts too."""
VALID = "00"
"""Status code of a valid document."""
UNTOLD = ""
"""Code of a dictionary value that came without one."""

_AGREE = (Likeness.SAME, Likeness.SPELLING)
_APPLICANT = "appeal.applicant."


def person_signals(applicant: PersonApplicant, dossier: Dossier) -> Iterator[Signal]:
    people = records(dossier, "gbdfl.person", Person)
    for at, person in people:
        yield from _names(applicant, person, at)
        yield from _standing(person, at)
        yield from _documents(applicant, person, at, day_of(dossier.receipt.accepted_at))
    if not people:
        yield from _not_found(dossier)
        yield from _mentions(applicant, dossier)


def _names(applicant: PersonApplicant, person: Person, at: str) -> Iterator[Signal]:
    likeness = _likeness(applicant, person)
    differ = [field for field, kind in likeness.items() if kind is Likeness.DIFFERENT]
    if {"surname", "name"} <= set(differ) and _swapped(applicant, person):
        yield signal("identity.name_order", *_both("surname", at), *_both("name", at))
        differ = [field for field in differ if field == "patronymic"]
    for field in differ:
        yield signal(f"identity.{field}_differs", *_both(field, at))
    respelt = [field for field, kind in likeness.items() if kind is Likeness.SPELLING]
    if respelt:
        yield signal("identity.spelling_differs", *(path for field in respelt for path in _both(field, at)))
    born_otherwise = applicant.birth_date is not None and applicant.birth_date != person.birth_date
    if born_otherwise:
        yield signal("identity.birth_date_differs", *_both("birth_date", at))
    if applicant.iin and parse_or_none(parse_iin, applicant.iin) != person.iin:
        yield signal("identity.iin_differs", *_both("iin", at))
    # A search by name finds the name that was searched for: only an ИИН makes its agreement tell something.
    agree = all(likeness.get(field) in _AGREE for field in ("surname", "name"))
    if agree and not differ and not born_otherwise and parse_or_none(parse_iin, applicant.iin) == person.iin:
        yield signal("identity.confirmed", *_both("iin", at), *_both("surname", at), *_both("name", at))


def _standing(person: Person, at: str) -> Iterator[Signal]:
    if person.death_date is not None:
        yield signal("identity.deceased", f"{at}death_date")
    elif person.life_status.code == DEAD:
        yield signal("identity.deceased", f"{at}life_status")
    elif person.life_status.code not in (ALIVE, UNTOLD):
        yield signal("identity.life_status", f"{at}life_status")
    if person.incapable_since is not None:
        yield signal("identity.incapable", f"{at}incapable_since")
    if person.missing_since is not None:
        yield signal("identity.missing", f"{at}missing_since")
    if person.excluded is not None:
        yield signal("identity.excluded", f"{at}excluded")


def _documents(applicant: PersonApplicant, person: Person, at: str, today: date) -> Iterator[Signal]:
    states: dict[str, list[str]] = {}
    for index, document in enumerate(person.documents):
        if document.status.code not in (VALID, UNTOLD) or (document.invalid_since and document.invalid_since <= today):
            verdict = "invalid"
        elif document.end_date and document.end_date < today:
            verdict = "expired"
        else:
            verdict = ""
        if applicant.document_number and _plain(document.number) == _plain(applicant.document_number):
            if verdict:
                path = f"{at}documents[{index}]"
                yield signal(f"identity.document_{verdict}", f"{_APPLICANT}document_number", path)
            return
        states.setdefault(verdict, []).append(f"{at}documents[{index}]")
    if applicant.document_number and states:
        yield signal("identity.document_unknown", f"{_APPLICANT}document_number", f"{at}documents")
    elif states and "" not in states:
        yield signal("identity.no_valid_document", f"{at}documents")


def _not_found(dossier: Dossier) -> Iterator[Signal]:
    for outcome in dossier.outcomes:
        if outcome.lookup == "gbdfl.person" and outcome.outcome is OutcomeKind.NOT_FOUND:
            code = "identity.ambiguous" if outcome.code == "gbdfl.ambiguous" else "identity.not_found"
            yield signal(code, *(f"appeal.{given.path}" for given in outcome.inputs))


def _mentions(applicant: PersonApplicant, dossier: Dossier) -> Iterator[Signal]:
    if applicant.iin:
        return
    for at, person in records(dossier, "gbdfl.mentioned_person", Person):
        likeness = _likeness(applicant, person)
        same_name = all(likeness.get(field) in _AGREE for field in ("surname", "name"))
        contradicted = likeness.get("patronymic") is Likeness.DIFFERENT or (
            applicant.birth_date is not None and applicant.birth_date != person.birth_date
        )
        if same_name and not contradicted:
            yield signal("identity.found_by_mention", *_both("surname", at), *_both("name", at), f"{at}iin")


def _likeness(applicant: PersonApplicant, person: Person) -> dict[str, Likeness]:
    compared = {}
    for field, comparison in (("surname", compare), ("name", compare), ("patronymic", compare_patronymics)):
        given, known = getattr(applicant, field), getattr(person, field)
        if given and known:
            compared[field] = comparison(given, known)
    return compared


def _swapped(applicant: PersonApplicant, person: Person) -> bool:
    return (
        compare(applicant.surname or "", person.name or "") in _AGREE
        and compare(applicant.name or "", person.surname or "") in _AGREE
    )


def _both(field: str, at: str) -> tuple[str, str]:
    return f"{_APPLICANT}{field}", f"{at}{field}"


def _plain(number: str) -> str:
    return "".join(char for char in number.casefold() if char.isalnum())
