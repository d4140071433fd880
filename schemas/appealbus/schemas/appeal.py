"""An appeal in the bus's canonical form, and the receipt that its sender gets."""

from typing import Annotated, Literal

from pydantic import Field

from appealbus.schemas.base import NO_FLAG, Day, Exact, Model, Moment, Text, Word

Name = Annotated[Text, Field(max_length=300)]
Line = Annotated[Text, Field(max_length=1000)]
LARGEST = 2**53 - 1
"""Of whole numbers: a larger one is another number to many who read JSON, or none."""


class AppealKind(Word):
    """The kinds that the law and the register of appeals tell apart."""

    COMPLAINT = "complaint"
    """Жалоба."""
    TAX_COMPLAINT = "tax_complaint"
    """Жалоба налогоплательщиков."""
    MONITORED_TAX_COMPLAINT = "monitored_tax_complaint"
    """Жалоба налогоплательщиков, подлежащих налоговому мониторингу."""
    SERVICE_COMPLAINT = "service_complaint"
    """Жалоба по вопросам оказания государственных услуг."""
    INQUIRY = "inquiry"
    """Запрос."""
    NOTARY_INQUIRY = "notary_inquiry"
    """Запрос нотариуса."""
    DECLASSIFICATION_INQUIRY = "declassification_inquiry"
    """Запрос о рассекречивании сведений."""
    LAWYER_INQUIRY = "lawyer_inquiry"
    """Запрос адвоката."""
    INFORMATION_INQUIRY = "information_inquiry"
    """Запрос о предоставлении информации."""
    MEDIA_INQUIRY = "media_inquiry"
    """Запрос средства массовой информации."""
    BAILIFF_INQUIRY = "bailiff_inquiry"
    """Запрос судебного исполнителя."""
    APPLICATION = "application"
    """Заявление."""
    REHABILITATION_APPLICATION = "rehabilitation_application"
    """Заявление о реабилитации жертв массовых политических репрессий."""
    RESPONSE = "response"
    """Отклик."""
    PROPOSAL = "proposal"
    """Предложение."""
    REPORT = "report"
    """Сообщение."""
    PETITION = "petition"
    """Петиция."""


class AppealForm(Word):
    """In what form the appeal was made."""

    ELECTRONIC = "electronic"
    PAPER = "paper"
    ORAL = "oral"
    VIDEO = "video"


class Language(Word):
    """The language of the appeal."""

    KAZAKH = "kk"
    RUSSIAN = "ru"
    OTHER = "other"


class Span(Model):
    """A stretch of the appeal's text, in characters; `end` is past the last one."""

    start: int
    end: int


class PersonApplicant(Model):
    """A person, as they wrote of themselves. Nothing here is checked: a malformed ИИН is a warning, not a refusal."""

    type: Literal["person"] = "person"
    iin: Name | None = None
    surname: Name | None = None
    name: Name | None = None
    patronymic: Name | None = None
    birth_date: Day | None = None
    document_number: Name | None = None
    address: Line | None = None
    phone: Name | None = None
    email: Name | None = None


class OrganisationApplicant(Model):
    """An organisation, as it wrote of itself."""

    type: Literal["organisation"] = "organisation"
    bin: Name | None = None
    organisation_name: Line | None = None
    leader_iin: Name | None = None
    """ИИН of the person who signed for the organisation."""
    leader_name: Name | None = None
    address: Line | None = None
    phone: Name | None = None
    email: Name | None = None


class Representative(Model):
    """Who writes on the applicant's behalf."""

    iin: Name | None = None
    surname: Name | None = None
    name: Name | None = None
    patronymic: Name | None = None
    basis: Line | None = None
    """The power of attorney or other ground."""


class Addressee(Model):
    """The state body that the appeal is written to."""

    name: Line | None = None
    bin: Name | None = None
    kato: Name | None = None
    """КАТО of the territory that the body answers for."""


class QuestionCategory(Model):
    """What the appeal is about, in the register's classifier of questions."""

    code: Name | None = None
    name: Line | None = None
    subcategory_code: Name | None = None
    subcategory_name: Line | None = None


class Place(Model):
    """The place that the appeal is about."""

    kato: Name | None = None
    rka: Name | None = None
    address: Line | None = None


class ParcelReference(Model):
    """A land parcel that the applicant named in a field of the form."""

    cadastral_number: Name | None = None
    note: Line | None = None


class Attachment(Model):
    """A file of the appeal, by reference and hash; its bytes never travel through the bus."""

    reference: Line | None = None
    file_name: Line | None = None
    media_type: Name | None = None
    size: Annotated[int, Field(ge=0, le=LARGEST), NO_FLAG] | None = None
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")


class Mention(Model):
    """An identifier that was found inside the text: normalised, valid, and marked as extracted."""

    value: Text
    span: Span


class Mentions(Model):
    """What the bus itself found in the text. Values that a field of the form gives already are left out."""

    iins: list[Mention] = Field(default_factory=list)
    bins: list[Mention] = Field(default_factory=list)
    cadastral_numbers: list[Mention] = Field(default_factory=list)


class Warning(Model):
    """Something odd about the appeal that does not stop it."""

    field: Text
    """Path into the appeal: `applicant.iin`, `parcels[1].cadastral_number`."""
    code: Text
    """`iin.control_digit`, `cadastral_number.length`, `field.date` …"""
    message: Text


class Written(Model):
    """What a sender wrote where the contract has no place for it."""

    field: Text
    """Path into the appeal: `applicant.birth_date`, `parcels`; `appeal` for what belongs to no field."""
    text: Text
    """The value itself; where that is no text, its JSON or its XML."""


Applicant = Annotated[PersonApplicant | OrganisationApplicant, Field(discriminator="type")]


class Appeal(Model):
    """What a citizen sent.

    Whatever the citizen wrote is taken: a value that cannot be used is absent from its field, stands in `as_written`
    and has a warning. `mentions`, `warnings` and `as_written` are the bus's own work at intake; whatever a sender puts
    there is replaced.
    """

    schema_version: Literal["1"] = "1"
    message_id: Annotated[Exact, Field(min_length=1, max_length=200)]
    """The sender's id of the message: the same id again on the same channel is the same appeal. Compared as it came."""
    number: Annotated[Exact, Field(min_length=1, max_length=100, pattern=r"^\S+$")] | None = None
    """The registration number, if the register has given one that is free; else the bus gives its own."""
    channel: Annotated[Text, Field(min_length=1, max_length=100)] = "files"
    """Where it came from: `eotinish`, `esedo`, `files` …"""
    kind: AppealKind | None = None
    """Steers what a dossier needs; an appeal of no known kind follows the contract `default`."""
    form: AppealForm = AppealForm.ELECTRONIC
    collective: bool = False
    applicants_count: Annotated[int, Field(ge=1, le=LARGEST), NO_FLAG] = 1
    language: Language = Language.RUSSIAN
    received_at: Moment | None = None
    """When the channel took it, if it said so."""
    due_on: Day | None = None
    """The statutory deadline, if the register has set one: the most urgent appeals go first."""
    repeats: list[Name] = Field(default_factory=list)
    """Numbers of earlier appeals on the same question; the first hundred are kept."""
    applicant: Applicant | None = None
    representative: Representative | None = None
    addressee: Addressee | None = None
    category: QuestionCategory | None = None
    text: Annotated[Text, Field(max_length=200_000)] = ""
    """A longer one is cut here, and whole in `as_written`."""
    place: Place | None = None
    parcels: list[ParcelReference] = Field(default_factory=list, max_length=100)
    attachments: list[Attachment] = Field(default_factory=list, max_length=1000)
    mentions: Mentions = Field(default_factory=Mentions)
    warnings: list[Warning] = Field(default_factory=list)
    as_written: list[Written] = Field(default_factory=list)
    """What could not be used, as the sender wrote it: each entry has a warning of the same field."""


class Receipt(Model):
    """What the sender gets at once (талон)."""

    number: Text
    accepted_at: Moment
    accepted_by: Text
    """Who accepted it: the system, or the official's surname and initials."""
    message_id: Text
    channel: Text
    warnings: list[Warning] | None = Field(default=None, exclude_if=lambda warnings: warnings is None)
    """What is odd about the message, and did not stop it; past the first 50 how many more. Absent where nothing is."""


class Refusal(Model):
    """What a sender gets in place of a receipt where the message could not be taken. It is kept in quarantine."""

    code: Text
    """`json.malformed`, `xml.doctype`, `appeal.invalid`, `message.too_large`, `message.differs` …"""
    reason: Text
    """What is wrong: names fields, never quotes their values."""
    quarantine_id: int
    """Under which the bus keeps the message, to be replayed once the cause is mended."""
    channel: Text
