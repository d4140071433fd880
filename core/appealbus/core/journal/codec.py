"""Between the journal's rows and the models: columns of appeals, states of questions, digests of messages."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from sqlalchemy import Row, RowMapping

from appealbus.core.domain.case import CLOSED, Case, LookupState, Try
from appealbus.core.domain.document import Document, fact_parts
from appealbus.core.domain.listing import AppealRow, AppealState
from appealbus.core.domain.public_id import public_id
from appealbus.core.journal.drivers import bulk
from appealbus.core.journal.drivers.encoding import to_number
from appealbus.core.journal.tables import MARKS, MISDATED, UNASSESSED, lookup
from appealbus.core.packing import unpack
from appealbus.schemas.appeal import Appeal, Receipt
from appealbus.schemas.base import printable
from appealbus.schemas.change import Change
from appealbus.schemas.identifiers import parse_bin, parse_kato, parse_or_none
from appealbus.schemas.outcome import OutcomeKind
from appealbus.schemas.record import stored_record
from appealbus.schemas.signal import Severity
from appealbus.schemas.stored import APPEAL, INPUTS, PROVENANCE

RULE = b"\x02"
"""First byte of a digest. Whatever makes another digest of the same message has another rule: a reading that has
learnt to use more, a default that has changed. Digests of different rules say nothing of each other."""
_BYTES = 16
"""Of the digest: 128 bits, so that no two of all messages ever sent have the same one by chance."""
_MADE = {"mentions", "warnings"}


def digest(message: Appeal | Change) -> bytes:
    """Return a short stand-in for all that the sender gave.

    It is made of the model, so order, spelling, JSON or XML and written-out defaults make no difference; what the bus
    itself adds is left out. Take it before the bus gives a number.
    """
    said = message.model_dump_json(exclude=_MADE, exclude_defaults=True)
    content = message.corrected if isinstance(message, Change) else message
    # A default of its model, and so left out of the dump.
    kind = content.applicant.type if content is not None and content.applicant else ""
    return RULE + blake2b(f"{kind}\n{said}".encode(), digest_size=_BYTES).digest()


def differ(first: bytes | None, second: bytes) -> bool:
    """Whether digests are of different messages; a message without one counts as the same."""
    return first is not None and first[:1] == second[:1] and first != second


def state_to_row(appeal_id: int, state: LookupState) -> dict[str, Any]:
    inputs = INPUTS.write(state.inputs) if state.inputs else None
    fact = state.fact and state.fact.digest
    return bulk.row_of(lookup, state, appeal_id=appeal_id, kind=state.kind.value, inputs=inputs, fact=fact)


def tries_to_json(state: LookupState) -> list[dict[str, Any]]:
    """Return the attempts of the last run for the log, without what equals the end of the question."""
    return [_try_to_json(state, attempt) for attempt in state.tries]


def _try_to_json(state: LookupState, attempt: Try) -> dict[str, Any]:
    detail: dict[str, Any] = {"at": to_number(attempt.at), "ms": attempt.ms}
    if attempt.kind is not state.kind:
        detail["kind"] = attempt.kind.value
    if attempt.code != state.code:
        detail["code"] = printable(attempt.code)
    if attempt.question != state.question:
        detail["question"] = attempt.question
    if attempt.message != attempt.question:
        detail["message"] = attempt.message
    return detail


def state_from_row(row: Row[Any]) -> LookupState:
    body = None if row.fact is None else _body(row)
    record, provenance = (None, None) if body is None else fact_parts(body)
    state = LookupState(
        **_same(row, "lookup", "key", "code", "reason", "attempts", "runs", "asked_at", "ended_at", "next_attempt_at"),
        kind=OutcomeKind.stored(row.kind),
        inputs=INPUTS.read(row.inputs) if row.inputs else (),
        record=stored_record(record) if record else None,
        provenance=PROVENANCE.read(provenance) if provenance else None,
    )
    return state if body is None else state.kept(Document(row.fact, body))


def _same(row: Any, *names: str) -> dict[str, Any]:
    """Return what stands in these columns as it is."""
    return {name: getattr(row, name) for name in names}


def _body(row: Row[Any]) -> bytes:
    """Return the joined document, unpacked. ValueError: it is damaged or gone."""
    if not isinstance(row.body, bytes):
        raise ValueError("there is no document")
    return unpack(row.body)


def names_to(names: Iterable[str]) -> str | None:
    """Return names as a column holds them, with a space around each; None for none."""
    text = " ".join(map(one_word, names))
    return f" {text} " if text else None


def one_word(name: str) -> str:
    """Return a name as such a column holds it: without spaces."""
    return "_".join(name.split())


def names_from(text: str | None) -> list[str]:
    return [name for name in (text or "").split(" ") if name]


def lacked(text: str | None) -> list[str]:
    """Return the lookups in such a column that could not be asked, without those whose facts are there."""
    return [name for name in names_from(text) if not name.startswith(MARKS)]


def receipt(row: Mapping[str, Any] | RowMapping) -> Receipt:
    return Receipt(**{name: row[name] for name in ("number", "accepted_at", "accepted_by", "message_id", "channel")})


def case_from_row(row: Row[Any], states: tuple[LookupState, ...]) -> Case:
    return Case(
        appeal_id=row.id,
        appeal=APPEAL.read(_body(row)),
        receipt=receipt(row._mapping),
        states=states,
        **_same(row, "version", "size", "content", "deaths", "changes"),
        due_on=due_of(row.urgency),
    )


def appeal_from_row(row: Row[Any]) -> AppealRow:
    lacks = names_from(row.lacks)
    return AppealRow(
        **_same(row, "number", "channel", "message_id", "accepted_at", "changed_at", "kind", "place", "signal"),
        **_same(row, "due_at", "version", "completeness", "held_by", "held_reason", "closed"),
        appeal_id=row.id,
        public_id=public_id_of(row),
        state=AppealState.stored(row.state),
        lacks=tuple(lacked(row.lacks)),
        unassessed=tuple(name.removeprefix(UNASSESSED) for name in lacks if name.startswith(UNASSESSED)),
        misdated=MISDATED in lacks,
        due_on=due_of(row.urgency),
        waits_for=tuple(names_from(row.waits_for)) if row.state == AppealState.PARKED else (),
        body=row.addressee,
    )


def public_id_of(row: Row[Any]) -> str:
    """Return the public id; empty where the tag is damaged."""
    try:
        return public_id(row.id, row.tag or b"")
    except ValueError:
        return ""


_NO_DATE = date.max.toordinal()


def urgency_of(due_on: date | None) -> int:
    """Return the due date as a day number; the smaller, the more urgent."""
    return _NO_DATE if due_on is None else due_on.toordinal()


def due_of(urgency: int) -> date | None:
    """Return the date of an urgency; None if it has none."""
    return None if urgency == _NO_DATE else date.fromordinal(urgency)


_SPELT = 300
"""Characters of a code with all that stands between its digits."""
_WORST_FIRST = (Severity.CRITICAL.value, Severity.WARNING.value, Severity.INFO.value)


def columns_of(appeal: Appeal | Mapping[str, Any]) -> dict[str, str | None]:
    """Return the columns that an appeal, or its JSON, gives by itself; malformed codes give None."""
    kind, applicant = _of(appeal, "kind"), _of(appeal, "applicant")
    addressee, place = _of(appeal, "addressee"), _of(appeal, "place")
    body = _code(parse_bin, addressee, "bin")
    return {
        "kind": None if kind is None else str(kind),
        "category": _of(_of(appeal, "category"), "code") or None,
        "place": _code(parse_kato, place, "kato"),
        "addressee": _code(parse_kato, addressee, "kato") if body is None else body,
        "applicant": _of(applicant, "type"),
    }


def worst_severity(severities: Iterable[str]) -> str | None:
    """Return the worst severity; one of another release, which nobody here can rank, comes first."""
    there = set(map(str, severities))
    unknown = sorted(there.difference(_WORST_FIRST))
    return next((severity for severity in (*unknown, *_WORST_FIRST) if severity in there), None)


def pending_of(states: Iterable[LookupState]) -> list[str]:
    return sorted({state.lookup for state in states if state.pending and state.code != CLOSED})


def _of(value: Any, name: str) -> Any:
    if value is None:
        return None
    return (value if type(value) is dict else value.__dict__).get(name)


def _code(parse: Callable[[str], str], value: Any, name: str) -> str | None:
    written = _of(value, name)
    return _parsed(parse, written) if written and len(written) <= _SPELT else None


# Of bodies and places there are few.
@lru_cache(maxsize=4096)
def _parsed(parse: Callable[[str], str], written: str) -> str | None:
    return parse_or_none(parse, written)
