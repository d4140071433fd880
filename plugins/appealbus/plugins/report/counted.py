"""Models with only the fields of an appeal that a report counts, which are much faster to read."""

from datetime import date
from typing import Literal

from pydantic import AwareDatetime, ConfigDict, Field

from appealbus.schemas.appeal import Addressee, Place, QuestionCategory
from appealbus.schemas.base import Model
from appealbus.schemas.stored import APPEAL, Projection

_OTHERS = ConfigDict(extra="ignore")


class Who(Model):
    """Who writes: the number of a person or of an organisation."""

    model_config = _OTHERS

    type: Literal["person", "organisation"]
    iin: str | None = None
    bin: str | None = None


class CountedParcel(Model):
    """A parcel that is named."""

    model_config = _OTHERS

    cadastral_number: str | None = None


class CountedAppeal(Model):
    """The fields of an appeal that are counted."""

    model_config = _OTHERS

    schema_version: Literal["1"] = "1"
    kind: str | None = None
    received_at: AwareDatetime | None = None
    due_on: date | None = None
    repeats: list[str] = Field(default_factory=list)
    applicant: Who | None = None
    addressee: Addressee | None = None
    category: QuestionCategory | None = None
    place: Place | None = None
    parcels: list[CountedParcel] = Field(default_factory=list)


class _CameTo(Model):
    """To whom an appeal was written."""

    model_config = _OTHERS

    schema_version: Literal["1"] = "1"
    addressee: Addressee | None = None


COUNTED = Projection(APPEAL, CountedAppeal)
CAME_TO = Projection(APPEAL, _CameTo)
"""From the form in which the appeal was accepted."""
