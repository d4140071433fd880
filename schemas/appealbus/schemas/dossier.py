"""The dossier: an appeal with the records of the state, every field with its source, every gap with its reason."""

from enum import StrEnum
from typing import Any, Literal

from pydantic import Field, SerializeAsAny, ValidationError, field_validator

from appealbus.schemas.appeal import Appeal, Receipt, Span
from appealbus.schemas.base import Model, Moment, Text
from appealbus.schemas.change import ChangeNote
from appealbus.schemas.outcome import OutcomeKind
from appealbus.schemas.provenance import Provenance
from appealbus.schemas.record import OtherRecord, Record
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

    @field_validator("record", mode="before")
    @classmethod
    def _typed(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        record_type = str(value.get("type"))
        try:
            return Record.known.get(record_type, OtherRecord).model_validate(value)
        except ValidationError:
            if Record.ships(record_type):
                raise
            # The plugin has changed its model since; what was recorded then is still the record.
            return OtherRecord.model_validate(value)


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
    """A fact that the dossier lacks, and why."""

    lookup: Text
    key: Text
    required: bool
    outcome: OutcomeKind
    code: Text = ""
    reason: Text = ""
    next_attempt_at: Moment | None = None


class Completeness(StrEnum):
    """Whether every required lookup has ended for good."""

    PARTIAL = "partial"
    COMPLETE = "complete"


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
    changes: list[ChangeNote] = Field(default_factory=list)
    """What has happened to the appeal since it came, in its order; `appeal` is as it is after that."""

    @property
    def message_id(self) -> str:
        """The id under which this version is delivered, however often: `NUMBER/VERSION`, or `NUMBER/VERSION.EPOCH`."""
        return delivery_id(self.number, self.version, self.epoch)


def delivery_id(number: str, version: int, epoch: int) -> str:
    """Return the id under which a version is delivered; from the second epoch of the journal on that is part of it."""
    return f"{number}/{version}" if epoch == 1 else f"{number}/{version}.{epoch}"
