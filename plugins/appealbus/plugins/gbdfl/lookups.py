"""What is asked of ГБД ФЛ."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, ClassVar

from lxml import etree
from pydantic import model_validator

from appealbus.core import From, Lookup, Outcome, Query, Request, Source, not_found
from appealbus.core.replies.subject import same_name, same_number, same_patronymic, the_one
from appealbus.core.replies.xmlread import element_of
from appealbus.core.replies.xmlschema import MessageSchema
from appealbus.plugins.gbdfl.reading import persons_from, result_code
from appealbus.plugins.gbdfl.settings import GbdflSettings
from appealbus.schemas.identifiers import Iin, parse_iin, parse_or_none
from appealbus.schemas.person import IdentityDocument, Person
from appealbus.schemas.record import Record

NAMESPACE = "http://smartbridge.b10.kz"
SCHEMA = MessageSchema(Path(__file__).parent / "contract" / "gbdfl.xsd", f"{{{NAMESPACE}}}sendMessageResponse")

_NAMES = ("surname", "name", "patronymic", "birth_date")


class PersonQuery(Query):
    """The applicant by ИИН; else by the number of a document; else by surname, name and birth date.

    A malformed ИИН stops the question only where no other way is open. What the chosen way does not need is dropped:
    the register is told no more of the person than it takes to find them, and equal questions stay equal.
    """

    iin: Annotated[Iin | None, From("applicant.iin")] = None
    document_number: Annotated[str | None, From("applicant.document_number")] = None
    surname: Annotated[str | None, From("applicant.surname")] = None
    name: Annotated[str | None, From("applicant.name")] = None
    patronymic: Annotated[str | None, From("applicant.patronymic")] = None
    birth_date: Annotated[date | None, From("applicant.birth_date")] = None

    @model_validator(mode="before")
    @classmethod
    def _one_way(cls, given: Mapping[str, Any]) -> Mapping[str, Any]:
        by_name = all(given.get(field) for field in ("surname", "name", "birth_date"))
        if given.get("iin") and (
            parse_or_none(parse_iin, given["iin"]) or not (given.get("document_number") or by_name)
        ):
            return {"iin": given["iin"]}
        if given.get("document_number"):
            return {"document_number": given["document_number"]}
        return {field: given[field] for field in _NAMES if given.get(field)}

    def absent(self) -> str | None:
        """Say what it takes to find a person."""
        if self.iin or self.document_number:
            return None
        lacking = [field for field in ("surname", "name", "birth_date") if not getattr(self, field)]
        if not lacking:
            return None
        return f"the appeal gives neither an ИИН nor a document number, and of the applicant no {', '.join(lacking)}"

    @property
    def by_name(self) -> bool:
        """Whether the person is looked for by name, which several may have."""
        return self.surname is not None

    def matches(self, person: Person) -> bool:
        """Say whether the person is the one that was asked about, by all that was asked."""
        if self.iin:
            return person.iin == self.iin
        if self.document_number:
            return any(_has_number(document, self.document_number) for document in person.documents)
        return (
            same_name(self.surname or "", person.surname)
            and same_name(self.name or "", person.name)
            and (not self.patronymic or same_patronymic(self.patronymic, person.patronymic))
            and person.birth_date == self.birth_date
        )


class MentionQuery(Query):
    """A person whom the text names by ИИН."""

    iin: Annotated[Iin, From("mentions.iins[*].value")]
    by_name: ClassVar[bool] = False

    def matches(self, person: Person) -> bool:
        """Say whether the person is the one that was asked about."""
        return person.iin == self.iin


class PersonOfApplicant(Lookup[PersonQuery, Person]):
    """Who the applicant is."""

    name = "gbdfl.person"
    purpose = "identify the applicant"

    def __init__(self, settings: GbdflSettings) -> None:
        self.settings = settings

    async def ask(self, query: PersonQuery, source: Source) -> Outcome[Person] | Outcome[Record]:
        """Ask for the applicant."""
        return await ask_for_person(query, source, self.settings)


class MentionedPerson(Lookup[MentionQuery, Person]):
    """Who the people are that the text names by ИИН."""

    name = "gbdfl.mentioned_person"
    purpose = "identify a person whom the appeal is about"

    def __init__(self, settings: GbdflSettings) -> None:
        self.settings = settings

    async def ask(self, query: MentionQuery, source: Source) -> Outcome[Person] | Outcome[Record]:
        """Ask for one of them."""
        return await ask_for_person(query, source, self.settings)


async def ask_for_person(
    query: PersonQuery | MentionQuery, source: Source, settings: GbdflSettings
) -> Outcome[Person] | Outcome[Record]:
    """Ask, and tell the one person from none, several and somebody else."""
    reply = await source.call(Request(person_request(query, source.call_context.question_id, settings)))
    answer = element_of(reply)
    SCHEMA.check(answer)
    failure = settings.failure("gbdfl", result_code(answer))
    if failure is not None:
        return failure
    persons = persons_from(answer)
    if query.by_name and (several := len({person.iin for person in persons if query.matches(person)})) > 1:
        return not_found("gbdfl.ambiguous", f"{several} persons match the question")
    return the_one(persons, query.matches, source="gbdfl", what="person")


def person_request(query: PersonQuery | MentionQuery, message_id: str, settings: GbdflSettings) -> etree._Element:
    """Return the question as the register wants it: this order of elements, and none of them in a namespace."""
    asked = query.model_dump(mode="json")
    fields = {
        "messageId": message_id,
        "messageDate": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "senderCode": settings.sender_code,
        "iin": asked.get("iin"),
        "surname": asked.get("surname"),
        "name": asked.get("name"),
        "patronymic": asked.get("patronymic"),
        "birthDate": asked.get("birth_date"),
        "documentNumber": asked.get("document_number"),
        "kdpToken": settings.kdp_token.get() if settings.kdp_token else "",
        "publicKey": settings.public_key.get() if settings.public_key else "",
    }
    message = etree.Element(f"{{{NAMESPACE}}}sendMessageRequest", nsmap={"sb": NAMESPACE})
    for tag, value in fields.items():
        if value is not None:
            etree.SubElement(message, tag).text = value
    return message


def _has_number(document: IdentityDocument, number: str) -> bool:
    """Compare with the number as it stands, and with the series in front: people write it so or so."""
    return same_number(number, document.number) or same_number(number, f"{document.series or ''}{document.number}")
