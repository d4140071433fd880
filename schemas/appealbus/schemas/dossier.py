"""The dossier: an appeal with the records of the state, every field with its source, every gap with its reason."""

from typing import Any, Literal

from pydantic import Field, SerializeAsAny, ValidationError, field_validator

from appealbus.schemas.appeal import Appeal, Receipt, Span
from appealbus.schemas.base import Model, Moment, Text, Word, is_stored
from appealbus.schemas.change import ChangeNote
from appealbus.schemas.outcome import OutcomeKind
from appealbus.schemas.provenance import Provenance
from appealbus.schemas.record import OtherRecord, Record, record_of_another_release
from appealbus.schemas.signal import Signal


class Input(Model):
    """One value that went into a question, and where it was taken from."""

    name: Text
    value: Text
    path: Text
    """`applicant.iin`, `mentions.cadastral_numbers[*].value`, `egkn.parcel/rights[*].holder.bin`."""
    span: Span | None = None
    """Where in the text it was found, if it was extracted."""


class Fact(Model):
    """A record with its provenance."""

    lookup: Text
    key: Text
    """Tells apart the questions of a lookup that fanned out."""
    record: SerializeAsAny[Record]
    provenance: Provenance
    not_asked_now: bool | None = None
    """Whether this version's plan did not ask for it: an earlier version told it, and nothing newer has replaced it.

    Its plugin is not loaded, or the question is not put any more. Left out: it is of this version's plan.
    """

    @field_validator("record", mode="before")
    @classmethod
    def _typed(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        record_type = str(value.get("type"))
        if record_type in Record.renamed and record_type not in Record.known:
            return record_of_another_release(value)
        try:
            return Record.known.get(record_type, OtherRecord).model_validate(value)
        except ValidationError:
            if Record.ships(record_type) and not is_stored():
                raise
            return record_of_another_release(value)


class LookupOutcome(Model):
    """How one question of a lookup ended."""

    lookup: Text
    key: Text
    outcome: OutcomeKind
    code: Text = ""
    reason: Text = ""
    inputs: list[Input] = Field(default_factory=list)
    attempts: int = 0
    """How often the source was asked."""
    asked_at: Moment | None = None
    ended_at: Moment
    next_attempt_at: Moment | None = None
    """None: nobody will ask again by itself."""


class Gap(Model):
    """A fact that the dossier lacks, or has from memory alone until its source can be asked, and why."""

    lookup: Text
    key: Text
    required: bool
    """Whether the contract of the appeal's kind needs it; where there was nothing to ask about, only if it lacks so."""
    outcome: OutcomeKind
    code: Text = ""
    reason: Text = ""
    next_attempt_at: Moment | None = None


class PlannedLookup(Model):
    """A lookup that a version's contract wants, and who asked it."""

    lookup: Text
    plugin: Text = ""
    """The one that brings it, or once brought it; empty: nobody knows."""
    plugin_version: Text = ""
    not_loaded: Text | None = None
    """Why it could not be asked at all. Left out: it was in the plan."""


class NotCarried(Model):
    """A fact of an earlier version that is not told any more: nothing leads to it now, or a person has withdrawn it."""

    lookup: Text
    key: Text
    reason: Text


class Completeness(Word):
    """Whether everything that the contract requires is told, or told absent, loaded or not."""

    PARTIAL = "partial"
    """Something required lacks, and may still come."""
    COMPLETE = "complete"
    """Each required lookup has its record, or its source has said that there is none, or there is nothing to ask."""
    SETTLED = "settled"
    """Something required lacks, and nothing comes by itself any more: `gaps` says what and why. Not in 0.2.0."""


class Dossier(Model):
    """One version of a dossier. Versions only grow; each is whole by itself."""

    schema_version: Literal["1"] = "1"
    number: Text
    version: int
    epoch: int = 1
    """One more after each restore of the journal; a version of a later epoch stands for all that were told before."""
    completeness: Completeness
    created_at: Moment
    receipt: Receipt
    appeal: Appeal
    facts: list[Fact] = Field(default_factory=list)
    outcomes: list[LookupOutcome] = Field(default_factory=list)
    gaps: list[Gap] = Field(default_factory=list)
    signals: list[Signal] = Field(default_factory=list)
    unassessed: list[Text] = Field(default_factory=list)
    """Assessors that failed on this version; the log names the error."""
    plan: list[PlannedLookup] = Field(default_factory=list)
    """The lookups that the contract of this kind of appeal wants, by the plugins that made this version."""
    not_carried: list[NotCarried] = Field(default_factory=list)
    """What earlier versions told, and neither the appeal nor a record leads to now, or what a person has withdrawn."""
    changes: list[ChangeNote] = Field(default_factory=list)
    """What has happened to the appeal since it came, in its order; `appeal` is as it is after that."""

    @property
    def message_id(self) -> str:
        """The id under which this version is delivered, however often: `NUMBER/VERSION`, or `NUMBER/VERSION.EPOCH`."""
        return delivery_id(self.number, self.version, self.epoch)


def delivery_id(number: str, version: int, epoch: int) -> str:
    """Return the id under which a version is delivered; from the second epoch of the journal on that is part of it."""
    return f"{number}/{version}" if epoch == 1 else f"{number}/{version}.{epoch}"
