"""What a connector offers: wires that carry a question to a source and its answer back. Knows no agency."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any, Self, TypeAlias
from uuid import uuid4

from lxml import etree

from appealbus.core.domain.case import KeptAnswer
from appealbus.core.domain.source_state import CertificateState
from appealbus.core.errors import AppealBusError
from appealbus.core.interfaces.answer import Answers, RawReply
from appealbus.core.interfaces.link import LinkState
from appealbus.core.interfaces.notes import ReplyCheck
from appealbus.schemas.outcome import OutcomeKind


class Shape(StrEnum):
    """How the content of a question lies in a gateway's message."""

    CHILD = "child"
    """As one child element of `data`."""
    BARE = "bare"
    """Its children directly in `data`."""
    TYPED = "typed"
    """Its children directly in `data`, which has their type as xsi:type."""
    TEXT = "text"
    """As escaped text of the type xs:string."""
    CDATA = "cdata"
    """As text in a CDATA section."""


@dataclass(frozen=True, slots=True)
class Form:
    """How a service wants its content to lie in a gateway's message. Wires without such a place ignore it.

    Attributes:
        shape: how it lies there.
        type_name: for `typed`, the name of the type as `{namespace}name`; None: the content's own name.
        signed: whether the service takes signed content alone (XML Signature, enveloped).
    """

    shape: Shape = Shape.CHILD
    type_name: str | None = None
    signed: bool = False


@dataclass(frozen=True, slots=True)
class MessageContract:
    """The contract of one question and its answer. Elements are names in the form `{namespace}local`.

    Attributes:
        schemas: the roots of all XSD documents.
        request: the element of the request; None: not known, or there is none.
        reply: the element of the answer; None: not known, or there is none.
    """

    schemas: Sequence[etree._Element]
    request: str | None = None
    reply: str | None = None


Payload: TypeAlias = etree._Element | Mapping[str, object]
"""The business content: an XML element, or a mapping for wires that build the message themselves."""

_IDS = 16
"""Ids of messages that are remembered: more than a question has attempts."""


@dataclass(frozen=True, slots=True)
class Request:
    """One message to a source.

    Attributes:
        body: the business content. A wire that carries XML takes the element as it is; a wire with a
            contract (SOAP) can also build the content from a mapping.
        operation: the operation of the contract, where the body does not tell it.
        form: how the service wants it behind a gateway; None: the wire's own default.
        headers: elements of the message's header, written as the setting `soap_headers` is, and over it. Wires without
            such a place ignore them.
    """

    body: Payload
    operation: str | None = None
    form: Form | None = None
    headers: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call:
    """What a wire may know of the question it carries: nothing of the person in it.

    Attributes:
        question_id: ours, a UUID; the access log has a row under it. Goes out as the correlation id.
        number: of the appeal that caused the question, masked where it is shaped like one of a person or a parcel.
        timeout: seconds that the call may take in all, connecting included.
        answer: what came already: by itself, for wires whose `answers_async`, or before, for those that have `rereads`.
            Read it, and send nothing.
        alone: over a connection that carries nothing else, where the wire has connections.
        message_ids: what this message and the latest ones before it of the same question are called, in their order.
            Where the wire or the content has an id of the message, it is the last one: services refuse one that
            repeats.
        came: takes a reply as it came, where it is kept: wires that have `rereads` hand over each one here, before
            they look into it.
    """

    question_id: str
    number: str
    timeout: float
    answer: KeptAnswer | None = None
    alone: bool = False
    message_ids: tuple[str, ...] = ()
    came: Callable[[RawReply], None] | None = None

    @property
    def message_id(self) -> str:
        """The id of this message; the first one of a question has the question's."""
        return self.message_ids[-1] if self.message_ids else self.question_id

    def following(self) -> "Call":
        """Return what a wire may know of the message after this one."""
        ids = (*(self.message_ids or (self.question_id,)), str(uuid4()))
        return replace(self, message_ids=ids[-_IDS:])

    def is_ours(self, told: str) -> bool:
        """Say whether an id that an answer repeats is one of this question or of its messages.

        Databases that keep ids as UUIDs give them back in capital letters or in braces.
        """
        plain = told.strip().removeprefix("{").removesuffix("}").lower()
        return not {told, plain}.isdisjoint((self.question_id, *self.message_ids))


@dataclass(frozen=True, slots=True)
class SingleUse:
    """What a signed answer is known again by: one that was recorded stays validly signed, and must not count twice.

    Attributes:
        key: a hash of all that is signed, 64 characters at most.
        until: when its date is so old that the wire refuses it for that.
    """

    key: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Reply:
    """A source's answer: parsed, valid against its contract, and past every status layer below business.

    Attributes:
        body: the business content.
        raw_sha256: of what came, as it came.
        observed_at: when it came.
        message_id: the source's own.
        session_id: the source's own.
        correlated: it is tied to the question: by an id of ours that it repeats, or by a connection that carried no
            other question. What is not may be the answer to another one; then it cannot say for good that there
            is no record, or no right.
        attachments: what came beside the body and is not in it, by content id.
        differences: places where the body breaks its contract, and how often, where `replies` is lenient.
        headers: elements beside the body that the source put into the message's header, where the wire has one.
        status: our code for the gateway's word, such as `shep.status.SCSE001`, where the gateway says that the register
            answered with an error of its business. What it means, a code in the body tells; nothing else there counts.
        once: of a signed answer, what it is known again by: it counts once.
        gaps: what `Notes.gaps` hold, of a body that was compared with a schema; None: nobody knows what may be in it.
    """

    body: Payload
    raw_sha256: str
    observed_at: datetime
    message_id: str | None = None
    session_id: str | None = None
    correlated: bool = True
    attachments: Mapping[str, bytes] = field(default_factory=dict)
    differences: Mapping[str, int] = field(default_factory=dict)
    headers: Sequence[etree._Element] = ()
    status: str | None = None
    once: SingleUse | None = None
    gaps: Sequence[tuple[Any, Any]] | None = None


class CallFailed(AppealBusError):
    """The question did not come back with an answer. Connectors raise it; the guard makes it an outcome.

    `reason` is ours, never a text of the other side: that may hold personal data.

    Attributes:
        retry_after: seconds for which the source is to be left alone. With `invalid` it says that no other answer of
            the source would be taken now either, and counts as a failure of the source.
        correlated: as with a Reply: `not_found` and `refused` are final only where this is so.
        at_scale: the reply was broken in so many places, or so large, that reading it costs. If that goes on with
            one question after another, it counts as a failure of the source.
        once: as with a Reply: what a signed answer says for good counts once.
        details: of a SOAP fault, the elements of its detail, for `Lookup.fault`. Never told or logged.
        raw_sha256: of what came, as it came, where it was no answer; see `over`.
        observed_at: when it came.
    """

    def __init__(
        self,
        kind: OutcomeKind,
        code: str,
        reason: str,
        *,
        retry_after: float | None = None,
        correlated: bool = True,
        at_scale: bool = False,
        once: SingleUse | None = None,
        details: Sequence[etree._Element] = (),
    ) -> None:
        super().__init__(f"{code}: {reason}")
        self.kind = kind
        self.code = code
        self.reason = reason
        self.retry_after = retry_after
        self.correlated = correlated
        self.at_scale = at_scale
        self.once = once
        self.details = details
        self.raw_sha256: str | None = None
        self.observed_at: datetime | None = None

    def over(self, raw: bytes, observed_at: datetime) -> Self:
        """Say which reply the call has failed over, so that the provenance of the outcome names it."""
        self.raw_sha256, self.observed_at = sha256(raw).hexdigest(), observed_at
        return self


@dataclass(frozen=True, slots=True)
class Health:
    """What a wire found when it looked whether its source is there."""

    ok: bool
    detail: str


class Wire(ABC):
    """The way to one source. A connector is a factory of wires: `connector = "name"` in a source's table chooses it."""

    answers_async: bool = False
    """Whether answers come by themselves, long after the call. Then `call` sends the question and raises CallFailed
    with `awaiting`; `retry_after` says how long the answer may take, and after that the question is put anew."""
    rereads: bool = False
    """Whether `call` hands its replies to `Call.came`, and reads one of them again that it finds in `Call.answer`."""
    replies: ReplyCheck = ReplyCheck.STRICT
    """What becomes of a reply that breaks its contract, or the schema of the plugin that reads it."""

    async def start(self) -> None:  # noqa: B027
        """Load contracts, open what stays open. May take long; raises ConfigError on a broken contract."""

    @abstractmethod
    async def call(self, request: Request, call: Call) -> Reply:
        """Carry the request and return the reply.

        Raises:
            CallFailed: for everything that is not an answer, within `call.timeout`.
        """

    @abstractmethod
    async def health(self) -> Health:
        """Say whether the source can be reached, without asking it about anybody. Never raises."""

    def describe(self) -> str:
        """Say in a line, once started, what the wire is bound to: for `appealbus check`."""
        return ""

    def contract(self, request: str | None, operation: str | None) -> MessageContract | None:
        """Return what a question and its answer must look like, once started; None where the wire has no contract.

        Args:
            request: the element of the question, `{namespace}name`; None where the wire builds it from a mapping.
            operation: of the contract, where the element does not tell it.

        Raises:
            CallFailed: the contract has no such operation: every such call would fail.
        """
        return None

    def enclose(self, answer: etree._Element, request: Request, call: Call) -> etree._Element:
        """Return what a message of the source has in its Body where it brings this answer: for tests with `contract=`.

        Args:
            answer: the business content, as the lookup gets it.
            request: the question.
            call: whose ids the source would repeat.
        """
        return answer

    def check_form(self, form: Form) -> None:  # noqa: B027
        """Refuse a form that a question cannot leave in as the wire is set up. Called once started, too, by `check`.

        Raises:
            CallFailed: with what to write into the settings.
        """

    def links(self) -> Sequence[LinkState]:
        """Say how the connections that it keeps open stand."""
        return ()

    def doubt(self) -> None:  # noqa: B027
        """Take notice that an answer was another question's: what ties answers to questions here has slipped."""

    def certificates(self) -> Sequence[CertificateState]:
        """Tell of the certificates that it uses, once it has started. Asked each second, so from memory."""
        return ()

    async def listen(self, answers: Answers) -> None:  # noqa: B027
        """Take answers that come by themselves, until closed. Called once, after `start`, of a bus that works."""

    async def close(self) -> None:  # noqa: B027
        """Let go of everything. Idempotent."""
