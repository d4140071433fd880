"""A change: what happened to an appeal after it came, in a message of its own."""

from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field

from appealbus.schemas.appeal import (
    LARGEST,
    Addressee,
    AppealForm,
    AppealKind,
    Applicant,
    Attachment,
    Language,
    Line,
    Name,
    ParcelReference,
    Place,
    QuestionCategory,
    Representative,
    Warning,
    Written,
)
from appealbus.schemas.base import NO_FLAG, OR_DAY, Day, Exact, Model, Moment, Text, Word


class ChangeKind(Word):
    """What can happen to an appeal."""

    CORRECTED = "corrected"
    """Fields of it were wrong: `corrected` and `removed` say which, and what they are now."""
    DUE = "due"
    """It is due on another day, `due_on`."""
    REDIRECTED = "redirected"
    """It went to another body, `to`; with `part` only some of its questions."""
    EXTENDED = "extended"
    """Its term is longer, up to `due_on`, for a `reason`."""
    ANSWERED = "answered"
    """It was answered, with a `result`."""
    WITHDRAWN = "withdrawn"
    """Whoever wrote it took it back."""
    CLOSED = "closed"
    """It is not considered any more, for a `reason`."""
    REGISTERED = "registered"
    """A body has registered it: `to`, if it is told which."""
    DIRECTED = "directed"
    """It was given to whoever considers it, `to`: no new term begins."""
    PRELIMINARY = "preliminary"
    """The applicant was told the preliminary decision."""
    NOTIFIED = "notified"
    """The applicant was told what had been done before: a redirect, an extension."""
    COMPLAINED = "complained"
    """Somebody complained about its answer, or that there is none."""
    EXECUTED = "executed"
    """What was decided is done."""


class AnswerResult(Word):
    """How an appeal was decided."""

    SATISFIED = "satisfied"
    PARTLY_SATISFIED = "partly_satisfied"
    REFUSED = "refused"
    EXPLAINED = "explained"
    TAKEN_NOTE = "taken_note"
    """Taken note of: nothing was asked for."""
    TERMINATED = "terminated"
    """The procedure ended without a decision on the matter; `ground` says by which norm."""
    LEFT = "left"
    """Left without consideration."""
    RETURNED = "returned"
    SILENCE = "silence"
    """The term ended without an answer: by law that is a refusal."""


_OLDEST, _NEWEST = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)
"""A day within the calendar's ends, so that a moment can be told on any clock of the world."""


def _day_begins(value: object) -> object:
    """Take a day for the moment at which it begins in Kazakhstan: many registers keep no more of it."""
    if isinstance(value, str) and len(day := value.strip()) == 10:
        try:
            date.fromisoformat(day)
        except ValueError:
            return value
        return f"{day}T00:00:00+05:00"
    return value


def _on_every_clock(moment: datetime) -> datetime:
    if not _OLDEST <= moment <= _NEWEST:
        raise ValueError("it is no moment on every clock")
    return moment


Dated = Annotated[Moment, BeforeValidator(_day_begins), AfterValidator(_on_every_clock), OR_DAY]


class Correction(Model):
    """Fields of an appeal as they are right. What is absent stays as it was.

    Of a model (`applicant`, `place` …) only the fields given are replaced, unless the applicant becomes of another
    type; a list is replaced whole.
    """

    kind: AppealKind | None = None
    form: AppealForm | None = None
    collective: bool | None = None
    applicants_count: Annotated[int, Field(ge=1, le=LARGEST), NO_FLAG] | None = None
    language: Language | None = None
    received_at: Moment | None = None
    due_on: Day | None = None
    repeats: list[Name] | None = None
    applicant: Applicant | None = None
    representative: Representative | None = None
    addressee: Addressee | None = None
    category: QuestionCategory | None = None
    text: Annotated[Text, Field(max_length=200_000)] | None = None
    place: Place | None = None
    parcels: list[ParcelReference] | None = Field(default=None, max_length=100)
    attachments: list[Attachment] | None = Field(default=None, max_length=1000)


def _says_what_it_is(schema: dict[str, Any]) -> None:
    schema["required"] = ["type", *schema.get("required", [])]


class Change(Model):
    """What happened to an appeal that the bus has, or will have.

    It names the appeal by its `number`, by the id of its message, or by both. In JSON its `type` says that it is a
    change, in XML its root. What cannot be used is absent from its field, stands in `as_written` and has a warning.
    """

    model_config = ConfigDict(json_schema_extra=_says_what_it_is)

    type: Literal["change"] = "change"
    schema_version: Literal["1"] = "1"
    message_id: Annotated[Exact, Field(min_length=1, max_length=200)]
    """The sender's id of this message: the same id again on the same channel is the same change."""
    channel: Annotated[Text, Field(min_length=1, max_length=100)] = "files"
    """Where it came from."""
    number: Annotated[Exact, Field(min_length=1, max_length=100, pattern=r"^\S+$")] | None = None
    """Of the appeal: as its receipt says."""
    appeal_message_id: Annotated[Exact, Field(min_length=1, max_length=200)] | None = None
    """Of the appeal: the id of the message that it came with."""
    appeal_channel: Annotated[Text, Field(min_length=1, max_length=100)] | None = None
    """The channel that this message came by; absent: the same as that of the change."""
    kind: ChangeKind | None = None
    """What happened. A change of no known kind is kept and told, and changes nothing."""
    dated_at: Dated | None = None
    """When it happened, by the register: changes count in this order, in whichever they come. A day is its beginning;
    absent: when the bus got it."""
    corrected: Correction | None = None
    removed: list[Name] = Field(default_factory=list)
    """Of `corrected`: paths of fields that have no value: `applicant.iin`, `representative`."""
    due_on: Day | None = None
    """Of `due` and `extended`: the new statutory deadline."""
    to: Addressee | None = None
    """Of `redirected`, `registered` and `directed`: the body."""
    part: bool = False
    """Of `redirected`: whether only a part goes there."""
    result: AnswerResult | None = None
    """Of `answered`."""
    ground: Line | None = None
    """Of `answered`: the norm that it rests on."""
    answered_on: Day | None = None
    """Of `answered`: the date of the answer."""
    reference: Line | None = None
    """Of `answered`: number or address of the answer, never the answer itself."""
    reason: Line | None = None
    """Of any kind: why."""
    by: Line | None = None
    """Who did it: the body, the official."""
    note: Line | None = None
    warnings: list[Warning] = Field(default_factory=list)
    as_written: list[Written] = Field(default_factory=list)
    """What could not be used, as the sender wrote it: each entry has a warning of the same field."""


class ChangeNote(Model):
    """What a dossier tells of a change that is in it; what became of the appeal stands in the appeal itself."""

    message_id: Text
    channel: Text
    kind: ChangeKind
    dated_at: Moment
    fields: list[Text] = Field(default_factory=list)
    """Paths of the appeal's fields that are others since: `applicant.iin`, `due_on`."""
    due_on: Day | None = None
    to: Addressee | None = None
    part: bool = False
    result: AnswerResult | None = None
    ground: Line | None = None
    answered_on: Day | None = None
    reference: Line | None = None
    reason: Line | None = None
    by: Line | None = None
    note: Line | None = None
    warnings: list[Warning] = Field(default_factory=list)
    """What was odd about the change."""
