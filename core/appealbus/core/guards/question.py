"""A question on its way through the guard, and its result."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from appealbus.core.domain.case import KeptAnswer, KeptReplies, Try
from appealbus.core.interfaces.lookup import Lookup, Query
from appealbus.schemas.dossier import Input
from appealbus.schemas.outcome import Outcome
from appealbus.schemas.provenance import Provenance
from appealbus.schemas.record import Record


@dataclass(frozen=True, slots=True)
class Question:
    """A lookup with its inputs, asked for one appeal.

    Attributes:
        key: identifies equal questions of one lookup.
        inputs: where each input came from.
        number: of the appeal.
        actor: who asks, for the access log.
        deadline: on the event loop's clock; what remains of the case's budget goes into each call.
        legal_basis: the norm that allows the question.
        anew: whether to bypass the cache, as somebody wants it asked again.
        leaving: called before it leaves, if it must never leave twice; False: it must not leave.
        answer: an asynchronous answer, to be read instead of asking.
        lost: it has left too often without a recorded end; the lookup runs, but its call does not leave.
        first: whether it is for the appeal's first version.
    """

    lookup: Lookup[Any, Record]
    query: Query
    key: str
    inputs: tuple[Input, ...]
    number: str
    actor: str
    deadline: float
    plugin: str
    plugin_version: str
    legal_basis: str
    appeal_id: int = 0
    answer: KeptAnswer | None = None
    anew: bool = False
    leaving: Callable[[], Awaitable[bool]] | None = None
    lost: bool = False
    due_on: date | None = None
    first: bool = True


@dataclass(frozen=True, slots=True)
class Ended:
    """The result of a question.

    Attributes:
        provenance: None if nothing left for the source.
        attempts: calls that left for this question.
        asked_at: when the first one left; None if none did.
        read: whether an asynchronous answer was read, with any outcome.
        question: the id under which it was asked; empty if it was not.
        tries: the attempts, in order; also those of another question whose answer served this one.
        written: the serialized record, if it was just written.
        stale: for a stale answer, why nothing could leave; it decides when to ask again.
    """

    outcome: Outcome[Record]
    ended_at: datetime
    attempts: int = 0
    asked_at: datetime | None = None
    provenance: Provenance | None = None
    read: bool = False
    question: str = ""
    tries: tuple[Try, ...] = ()
    replies: KeptReplies | None = None
    written: bytes | None = None
    stale: Outcome[Record] | None = None
