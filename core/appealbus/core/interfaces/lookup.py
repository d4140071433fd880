"""A lookup: one question to a source, and the answers it can give. Integrators write these; none knows a wire."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar, Generic, TypeVar, get_args, get_origin

from lxml import etree
from pydantic import BaseModel, ConfigDict

from appealbus.core.interfaces.source import Source
from appealbus.schemas.outcome import Outcome, OutcomeKind
from appealbus.schemas.record import Record

R = TypeVar("R", bound=Record)


def found(record: R) -> Outcome[R]:
    """Return the outcome of a question that the source answered with a record."""
    return Outcome(OutcomeKind.FOUND, record)


def not_found(code: str = "", reason: str = "the source knows no such record") -> Outcome[Record]:
    """Return the outcome of a question that the source answered with: no such record."""
    return Outcome(OutcomeKind.NOT_FOUND, code=code, reason=reason)


def not_applicable(reason: str, code: str = "inputs.absent") -> Outcome[Record]:
    """Return the outcome of a question that cannot be put, since inputs are absent or malformed."""
    return Outcome(OutcomeKind.NOT_APPLICABLE, code=code, reason=reason)


def refused(code: str, reason: str) -> Outcome[Record]:
    """Return the outcome of a question that the source will not answer to us."""
    return Outcome(OutcomeKind.REFUSED, code=code, reason=reason)


def unavailable(
    code: str, reason: str, retry_after: float | None = None, *, not_before: datetime | None = None
) -> Outcome[Record]:
    """Return the outcome of a question that the source could not take now.

    Args:
        code: for programs.
        reason: for people.
        retry_after: seconds for which the source wants to be left alone.
        not_before: when the question is put again, with its time zone: exactly then, where that is known.
    """
    return Outcome(OutcomeKind.UNAVAILABLE, None, code, reason, retry_after, not_before)


def timed_out(code: str, reason: str) -> Outcome[Record]:
    """Return the outcome of a question that was not answered in time."""
    return Outcome(OutcomeKind.TIMED_OUT, code=code, reason=reason)


def invalid(code: str, reason: str) -> Outcome[Record]:
    """Return the outcome of a question whose reply is broken."""
    return Outcome(OutcomeKind.INVALID, code=code, reason=reason)


def awaiting(code: str, reason: str, retry_after: float | None = None) -> Outcome[Record]:
    """Return the outcome of a question whose answer waits for consent or comes by another way."""
    return Outcome(OutcomeKind.AWAITING, code=code, reason=reason, retry_after=retry_after)


def skipped(reason: str, code: str = "input.missing") -> Outcome[Record]:
    """Return the outcome of a question whose input's lookup did not end in found."""
    return Outcome(OutcomeKind.SKIPPED, code=code, reason=reason)


class From:
    """Where a query's field comes from: the first of the paths that has a value.

    A path leads into the appeal (`applicant.iin`, `parcels[*].cadastral_number`) or, after a lookup's name
    and a slash, into its record (`egkn.parcel/rights[*].holder.bin`). Every `[*]` fans out: one question for
    each distinct value.
    """

    def __init__(self, *paths: str) -> None:
        self.paths = paths
        self.union = False

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self.paths))})"


class FromAll(From):
    """Like From, but takes the distinct values of all the paths: one question for each."""

    def __init__(self, *paths: str) -> None:
        super().__init__(*paths)
        self.union = True


class Query(BaseModel):
    """The declared inputs of a lookup. Each field is annotated with From; its type checks the value.

    A value that the type refuses never reaches the source: the lookup ends in not_applicable.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    def absent(self) -> str | None:
        """Say which input is absent, where fields are optional but not all may be; None to go on."""
        return None

    def subject(self) -> str:
        """Return whose data the question is about, for the access log: an ИИН, a БИН, a cadastral number."""
        return " ".join(str(value) for value in self.model_dump(mode="json").values() if value is not None)


Q = TypeVar("Q", bound=Query)
R_co = TypeVar("R_co", bound=Record, covariant=True)


class Lookup(ABC, Generic[Q, R_co]):
    """One question to a source: declared inputs in, a typed record out.

    The two type arguments say what the inputs are and what the record is:
    `class PersonByIin(Lookup[PersonQuery, Person])`.
    """

    name: ClassVar[str]
    """`source.what`, unique: `gbdfl.person`."""
    formerly: ClassVar[tuple[str, ...]] = ()
    """Names that it had before: what was found under one of them, and contracts that name it, count for it."""
    purpose: ClassVar[str]
    """Why the state may look: goes into the access log with each question."""
    legal_basis: ClassVar[str] = ""
    """The norm that allows it; empty: the one of the bus's settings."""
    idempotent: ClassVar[bool] = True
    """Whether asking twice is the same as asking once. Only then does the guard ask again by itself."""
    lenient: ClassVar[bool] = False
    """Whether it finds out by itself what a record needs of a reply that breaks its schema, as declared readings do.
    Else such a reply does not reach it, unless the source has `replies = "off"`."""

    decisive: ClassVar[tuple[str, ...]] = ()
    """Fields of its record without which nobody should decide: a dossier in which one of them could not be read is
    partial, and the question is asked again. Those that other lookups take inputs from count as well."""

    meaningless: ClassVar[tuple[str, ...]] = ()
    """How paths end of elements of its replies that the schema does not know, and that tell nothing which a record
    could lack: `ObjectInfo/RowNumber`. Operators name others in `[[sources.NAME.meaningless]]`."""

    @property
    def source(self) -> str:
        """The source that the question goes to: the first part of the name, unless overridden."""
        return self.name.partition(".")[0]

    def warnings(self) -> Sequence[str]:
        """Say what its source may refuse as things are configured, such as a consent that nobody has given.

        `appealbus check` prints it. The question is put all the same.
        """
        return ()

    @abstractmethod
    async def ask(self, query: Q, source: Source) -> Outcome[R_co] | Outcome[Record]:
        """Put the question and read the answer.

        CallFailed may pass through: the guard makes it an outcome. Any other exception is taken for a defect
        of the plugin and ends the question in `invalid`.
        """

    def fault(self, detail: etree._Element, query: Q) -> Outcome[Record] | None:
        """Return the outcome that a fault of the source means for the question; None where the wire's word holds.

        Args:
            detail: an element of the fault's detail: each is shown, in their order, until one means something. It may
                be about a person: nothing of its text belongs into a code or a reason.
            query: what was asked.
        """
        return None


def models_of(kind: type[Lookup[Any, Any]]) -> tuple[type[Query], type[Record]] | None:
    """Return the query and the record that a lookup's type arguments name, through classes between; None: none do."""
    for base in kind.__mro__:
        for generic in getattr(base, "__orig_bases__", ()):
            origin, given = get_origin(generic), get_args(generic)
            if isinstance(origin, type) and issubclass(origin, Lookup) and len(given) == 2:
                query, record = given
                if isinstance(query, type) and isinstance(record, type):
                    return query, record
    return None
