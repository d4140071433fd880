"""Settings of an agency that is asked through queues."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from appealbus.connectors.amqp.settings import MAIN
from appealbus.core import ReplyCheck, Settings
from appealbus.core.clocks import DAY
from appealbus.core.config.types import ExistingFile, Seconds

_Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x20\x7f]+$")]


class Format(StrEnum):
    """What the bodies of messages are."""

    XML = "xml"
    JSON = "json"


class AgencySettings(Settings):
    """The settings of a source with `connector = "amqp"`."""

    broker: str = MAIN
    """The broker, of those in `[plugins.amqp.brokers]`."""
    queue: _Name | None = None
    """The queue that the agency takes questions from; or else `exchange` and `routing_key`."""
    exchange: _Name | None = None
    """The exchange that questions are published to."""
    routing_key: _Name | None = None
    """With which routing key."""
    format: Format = Format.XML
    """What questions and answers are written in: `xml` or `json`."""
    xsd: ExistingFile | None = None
    """The schema of answers in XML, beside the one that the lookup itself has."""
    replies: ReplyCheck = ReplyCheck.LENIENT
    """What becomes of an answer that breaks `xsd` or the lookup's own schema: `strict`, it is invalid; `lenient`, what
    the record needs decides, and differences are counted; `off`, it is not compared."""
    type: Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""
    """The property `type` of questions, for agencies that take several kinds from one queue."""
    limit: int = Field(default=2 * 1024 * 1024, ge=1024, le=16 * 1024 * 1024)
    """The most bytes that an answer may have."""
    answers: bool = False
    """Whether answers come by themselves, perhaps hours later, to the queue `PREFIX.answers.SOURCE`."""
    answer_within: Seconds = Field(default=DAY, gt=0)
    """How long such an answer may take. After that the question is put anew, until `retry.give_up_after`."""

    @model_validator(mode="after")
    def _clear(self) -> Self:
        if (self.queue is None) == (self.exchange is None):
            raise ValueError("write either queue, or exchange and routing_key")
        if (self.exchange is None) != (self.routing_key is None):
            raise ValueError("exchange and routing_key belong together")
        if self.xsd is not None and self.format is not Format.XML:
            raise ValueError('xsd needs format = "xml"')
        return self
