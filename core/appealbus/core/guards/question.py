"""A question on its way through the guard, and how it ended."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from appealbus.core.domain.case import KeptAnswer, Try
from appealbus.core.domain.replies import KeptReplies
from appealbus.core.interfaces.lookup import Lookup, Query
from appealbus.schemas.dossier import Input
from appealbus.schemas.outcome import Outcome
from appealbus.schemas.provenance import Provenance
from appealbus.schemas.record import Record


@dataclass(frozen=True, slots=True)
class Question:
    """A lookup with its inputs filled in, asked for one appeal.

    Attributes:
        lookup: what is asked.
        query: the inputs.
        key: tells apart the questions of one lookup; equal queries have equal keys.
        inputs: where each input came from.
        number: of the appeal that asks.
        actor: who asks, for the access log.
        deadline: on the event loop's clock; what remains of the case's budget goes into each call.
        plugin: name of the plugin that brought the lookup.
        plugin_version: its version.
        legal_basis: the norm that allows the question.
        appeal_id: the same appeal, as the journal knows it.
        anew: nothing from memory will do: somebody wants it asked again.
        leaving: called before it leaves, if it must never leave twice; False: it must not leave.
        answer: what came by itself; then it is read, and nothing is asked.
        lost: it has left too often without an end on record; the lookup runs, and its call ends before it leaves.
        due_on: when the appeal is due.
        first: whether it is asked for the appeal's first version.

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
    """How a question ended.

    Attributes:
        outcome: one of the nine, with the record where found.
        provenance: where the answer comes from; None where nothing left for the source.
        attempts: calls that left for the source on behalf of this question.
        asked_at: when the first one left; None if none did.
        ended_at: when the outcome was known.
        read: an answer that came by itself was read, whatever it said.
        question: the id under which it was put; empty where it was not.
        tries: the attempts, in their order; also those of another question whose answer served this one.
        replies: what came of the source, where that is kept.
        written: the record as it is kept, where it was just written out.
        stale: why nothing could leave, where the answer is one that is not fresh any more; it is asked again by this.

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
