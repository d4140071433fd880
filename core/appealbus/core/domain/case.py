"""A case: an appeal with the states of its questions, and the replies to them that are kept."""

from dataclasses import dataclass, field
from datetime import date, datetime

from appealbus.core.domain.access import AccessRow
from appealbus.core.domain.change import UNREAD, KeptChange, closed_by, plausible
from appealbus.core.domain.document import Document, FormDocument, fact_document
from appealbus.core.domain.pauses import PARTLY_READ, PROVISIONAL
from appealbus.core.lazy_text import told
from appealbus.schemas.appeal import Appeal, Receipt
from appealbus.schemas.change import ChangeNote
from appealbus.schemas.dossier import Input
from appealbus.schemas.outcome import OutcomeKind
from appealbus.schemas.provenance import Provenance
from appealbus.schemas.record import Record

NOT_NAMED = told("the appeal was corrected and no longer names what this was asked about")
NOT_GIVEN = told(
    "no record of this version leads to it any more: the one that did is withdrawn, no longer told, or newer"
)
NOT_CONFIRMED = told("it was answered from memory alone, and the question is not put any more")
MISREAD = told("a person has withdrawn it, as it was misread: {reason}")
LEFT = (NOT_NAMED, NOT_GIVEN, NOT_CONFIRMED, MISREAD)


@dataclass(frozen=True, slots=True)
class KeptReplies:
    """The latest replies to a question, packed.

    Attributes:
        at: arrival of the last reply.
        head: data needed to unpack and parse them, without personal data.
        seconds: retention.
    """

    source: str
    question_id: str
    at: datetime
    head: str
    packed: bytes
    seconds: float


@dataclass(frozen=True, slots=True)
class ReplyRow:
    id: int
    appeal_id: int
    lookup: str
    key: str
    source: str
    question_id: str
    at: datetime
    head: str
    packed: bytes


_DATES = ("received_at", "due_on")

CLOSED = "appeal.closed"
"""Skipped because the appeal was answered, withdrawn or closed. It may be reopened."""
PENDING = "input.pending"
"""Skipped for now: the lookup that gives the input may still find something."""
ABSENT, MISSING = "inputs.absent", "input.missing"
NOTHING_TO_ASK = frozenset({ABSENT, MISSING})
"""Codes of questions without an input, from the appeal or an upstream lookup that found nothing."""
WITHDRAWN = "record.withdrawn"
"""A person has withdrawn the misread record. The question is repeated on request only."""


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An answer that the journal holds until its lookup has read it."""

    question_id: str
    lookup: str
    key: str
    asked_at: datetime
    answered_at: datetime
    head: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Try:
    """One attempt of a question: a call, or an answer from elsewhere.

    Attributes:
        question: id under which it was sent; another question's if both shared an answer.
        message: id of its first message.
        at: start; for a late answer, of its question.
        kind: outcome, of the last attempt only.
    """

    question: str
    message: str
    at: datetime
    ms: int
    kind: OutcomeKind
    code: str


@dataclass(frozen=True, slots=True)
class LookupState:
    """How one question of a case stands. The journal keeps the newest for each (lookup, key)."""

    lookup: str
    key: str
    kind: OutcomeKind
    ended_at: datetime
    code: str = ""
    reason: str = ""
    inputs: tuple[Input, ...] = ()
    attempts: int = 0
    """Calls that left for the source, over all runs."""
    runs: int = 0
    """How often the question was put; the back-off grows with it."""
    asked_at: datetime | None = None
    next_attempt_at: datetime | None = None
    record: Record | None = None
    provenance: Provenance | None = None
    """Of a record; else of what came instead of one, if the question left for its source."""
    question: str = ""
    """The id under which it was put last. For the log alone, as is `tries`: it is not read again from the journal."""
    tries: tuple[Try, ...] = ()
    """The attempts of the last run, in their order."""
    written: bytes | None = field(default=None, repr=False, compare=False)
    """Its record as JSON, where that is at hand."""
    is_kept: bool = field(default=False, init=False, repr=False, compare=False)
    """Whether the journal has, or is about to get, the document of its record and provenance."""
    _fact: Document | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def fact(self) -> Document | None:
        """The document of its record and provenance; None where it has neither."""
        if self._fact is None and not (self.record is None and self.provenance is None):
            object.__setattr__(self, "_fact", fact_document(self.record, self.provenance, self.written))
        return self._fact

    def kept(self, fact: Document | None = None) -> "LookupState":
        """Note that the journal has the document of its record and provenance, or is about to get it."""
        object.__setattr__(self, "is_kept", True)
        if fact is not None:
            object.__setattr__(self, "_fact", fact)
        return self

    @property
    def pending(self) -> bool:
        """Whether the question may still end otherwise: it, or a lookup that it takes an input from, is not done."""
        if self.kind is OutcomeKind.SKIPPED:
            return self.code in (PENDING, CLOSED)
        return not self.kind.final or self.code in PROVISIONAL

    @property
    def is_gap(self) -> bool:
        """Whether a dossier lacks it, or has it for now."""
        return self.record is None or self.code in PROVISIONAL

    @property
    def lacks_as(self) -> OutcomeKind:
        """As what a dossier lacks it: an answer from memory, and one that was read in part, are provisional."""
        if self.code not in PROVISIONAL:
            return self.kind
        return OutcomeKind.INVALID if self.code == PARTLY_READ else OutcomeKind.UNAVAILABLE


@dataclass(frozen=True, slots=True)
class Case:
    """An appeal with all that is known so far."""

    appeal_id: int
    appeal: Appeal
    receipt: Receipt
    version: int
    """Of the newest dossier; 0 where there is none yet."""
    states: tuple[LookupState, ...] = ()
    answers: tuple[KeptAnswer, ...] = ()
    """What came by itself, and has not been read."""
    size: int = 0
    """Bytes of the appeal as the journal keeps it."""
    content: bytes = b""
    """The digest of its document there."""
    deaths: int | None = None
    """Of a suspect: how many workers have died while it had its turn. None: it is no suspect."""
    asked: tuple[AccessRow, ...] = ()
    """Of a suspect: its questions that left for a source, those too whose end nobody has heard."""
    changes: int = 0
    """How many changes of it are in the journal."""
    first: Appeal | None = None
    """The form that it came in, where `appeal` may be another."""
    kept_changes: tuple[KeptChange, ...] = ()
    """Those that count."""
    notes: tuple[ChangeNote, ...] = ()
    """What the dossier tells of them, once they are worked into `appeal`."""
    due_on: date | None = None
    """Until when it has to be answered: as its register says, or as plugins count."""
    just_came: bool = False
    """It was taken in a moment ago, by this process: a day that was counted then need not be counted again."""
    form: FormDocument | None = None
    """`appeal` with its document, where it is another than the journal has."""
    returning: bool = False
    """It had its turn before, though it may have no version, since its run failed or nothing could read it."""

    @property
    def is_first(self) -> bool:
        """Whether this run is to make its first version."""
        return not self.version and not self.returning

    @property
    def closed(self) -> str | None:
        """The kind of change with which it has ended; None: it goes on."""
        return closed_by((change.order, change.change.kind or "") for change in self.kept_changes)

    @property
    def misdated(self) -> bool:
        """Whether a date that its terms rest on does not count, its own or its last change's: later ones mend that."""
        if any(warning.field in _DATES and warning.code in UNREAD for warning in self.appeal.warnings):
            return True
        if self.appeal.received_at != plausible(self.appeal.received_at, self.receipt.accepted_at):
            return True
        return bool(self.kept_changes) and max(self.kept_changes, key=lambda change: change.order).misdated
