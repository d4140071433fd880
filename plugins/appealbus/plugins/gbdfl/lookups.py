"""Lookups in ГБД ФЛ."""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import model_validator

from appealbus.core import Form, From, Outcome, Query, Secret, Shape, not_found
from appealbus.core.readings import Declared, Send
from appealbus.core.replies.subject import same_name, same_number, same_patronymic
from appealbus.core.replies.xmlschema import MessageSchema
from appealbus.plugins.gbdfl.reading import TAKE
from appealbus.plugins.gbdfl.settings import GbdflSettings
from appealbus.schemas.identifiers import Iin, parse_iin, parse_or_none
from appealbus.schemas.person import IdentityDocument, Person
from appealbus.schemas.record import Record

NAMESPACE = "http://smartbridge.b10.kz"
SCHEMA = MessageSchema(Path(__file__).parent / "contract" / "gbdfl.xsd", f"{{{NAMESPACE}}}sendMessageResponse")

# Of the published clients some name the type and some leave it out. The gateway's own example names it.
_FORM = Form(Shape.TYPED, "{http://message.persistence.interactive.nat}Request")
_CONSENT = (
    "the register wants a consent (КДП) that one person gives for one service, the bus cannot ask for it yet, "
    "and a question without it may be refused"
)
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
        """Return what is missing to find a person."""
        if self.iin or self.document_number:
            return None
        lacking = [field for field in ("surname", "name", "birth_date") if not getattr(self, field)]
        if not lacking:
            return None
        return f"the appeal gives neither an ИИН nor a document number, and of the applicant no {', '.join(lacking)}"

    @property
    def by_name(self) -> bool:
        return self.surname is not None

    def matches(self, person: Person) -> bool:
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
        return person.iin == self.iin


def _question(by: Mapping[str, str]) -> Send:
    """Return the request as the register expects it: fixed order of elements, no namespace."""
    return Send(
        f"{{{NAMESPACE}}}sendMessageRequest",
        {
            "messageId": lambda asking: asking.message_id,
            "messageDate": lambda asking: asking.now.isoformat(timespec="milliseconds"),
            "senderCode": lambda asking: asking.settings.sender_code,
            **by,
            "kdpToken": lambda asking: _secret(asking.settings.kdp_token),
            "publicKey": lambda asking: _secret(asking.settings.public_key),
        },
        form=_FORM,
    )


class _WithConsent:
    """Every query to the register needs a consent of its subject."""

    settings: GbdflSettings
    decisive: ClassVar[tuple[str, ...]] = ("life_status", "death_date", "incapable_since", "missing_since")

    def warnings(self) -> Sequence[str]:
        """Warn that the bus cannot give a consent yet."""
        one_for_all = self.settings.kdp_token is not None
        sent = "kdp_token and public_key are the same for all persons" if one_for_all else "no kdp_token is set"
        return [f"{sent}; {_CONSENT}"]


class PersonOfApplicant(_WithConsent, Declared[PersonQuery, Person]):
    """Who the applicant is."""

    name = "gbdfl.person"
    purpose = "identify the applicant"
    schema = SCHEMA
    send = _question(
        {
            "iin": "iin",
            "surname": "surname",
            "name": "name",
            "patronymic": "patronymic",
            "birthDate": "birth_date",
            "documentNumber": "document_number",
        }
    )
    take = TAKE

    def choose(self, records: Sequence[Person], query: PersonQuery) -> Outcome[Person] | Outcome[Record]:
        """Return the only match; a name and a birth date may fit several persons."""
        if query.by_name and (several := len({person.iin for person in records if query.matches(person)})) > 1:
            return not_found("gbdfl.ambiguous", f"{several} persons match the question")
        return super().choose(records, query)


class MentionedPerson(_WithConsent, Declared[MentionQuery, Person]):
    """Who the people are that the text names by ИИН."""

    name = "gbdfl.mentioned_person"
    purpose = "identify a person whom the appeal is about"
    schema = SCHEMA
    send = _question({"iin": "iin"})
    take = TAKE


def _secret(secret: Secret | None) -> str:
    return secret.get() if secret else ""


def _has_number(document: IdentityDocument, number: str) -> bool:
    """Compare with the bare number, and with the number after its series: both spellings occur."""
    return same_number(number, document.number) or same_number(number, f"{document.series or ''}{document.number}")
