"""Log entries for people, one line each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import orjson

from appealbus.core.cli.render import local
from appealbus.core.domain.event import NO_ANSWER, EventType, LogEntry, moment_of
from appealbus.core.domain.pauses import STALE
from appealbus.schemas.outcome import OutcomeKind

_WHO = 24
"""Characters of a name; a worker's has 32 hexadecimal ones, of which the first eight identify it."""

Detail = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of output. Without `at` it continues the line above."""

    at: datetime | None
    head: str
    text: str
    style: str = ""


def tell(entry: LogEntry, *, several: bool = False) -> Line:
    """Format an entry for people. With `several` questions of its lookup, the line names the question."""
    detail = entry.detail
    if entry.what in (EventType.ENDED, EventType.ASKED):
        head = f"{entry.about} #{str(detail.get('key', ''))[:4]}" if several and detail.get("key") else entry.about
    else:
        head = entry.what.replace("_", " ")
    words = _TOLD.get(entry.what, _unknown)
    try:
        text = words(entry.about, detail)
    except (TypeError, ValueError, AttributeError):  # a later version tells it in other words
        text = _unknown(entry.about, detail)
    return Line(entry.at, head, f"{text}{_again(entry)}{_by(entry)}".strip(), _style(entry))


def entry_as_json(entry: LogEntry) -> dict[str, Any]:
    """Return an entry for programs, without its position."""
    fields: dict[str, Any] = {"at": entry.at, "what": entry.what}
    if entry.appeal_id is not None:
        fields |= {"appeal_id": entry.appeal_id, "number": entry.number}
    return {**fields, "actor": entry.actor, "about": entry.about, "detail": entry.detail}


def local_second(moment: datetime) -> str:
    """Format a time in the local zone, to the second."""
    return f"{local(moment):%Y-%m-%d %H:%M:%S}"


def span(ms: float) -> str:
    for size, unit in ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min")):
        if ms >= 2 * size:
            return f"{ms / size:.0f} {unit}"
    return f"{ms / 1000:.1f} s" if ms >= 1000 else f"{ms:.0f} ms"


def _style(entry: LogEntry) -> str:
    if entry.what == EventType.ENDED:
        kind = entry.detail.get("kind")
        return "green" if kind == OutcomeKind.FOUND.value else "yellow" if str(kind) in NO_ANSWER else ""
    if entry.what in (EventType.VERSION, EventType.ACCEPTED):
        return "bold"
    return "red" if entry.failed else ""


def _by(entry: LogEntry) -> str:
    """Return the actor if informative; clients are shown as channels, and questions belong to their worker."""
    kind, _, name = entry.actor.partition(":")
    if kind == "worker":
        return f", by worker {name[:8]}" if entry.what in _BY_WORKER else ""
    if kind in ("client", "bus"):
        return ""
    return f", by {name[:_WHO]}" if kind == "person" else f", by {entry.actor[:_WHO]}"


_BY_WORKER = frozenset({EventType.CLAIMED, EventType.GIVEN_BACK, EventType.SUSPECTED})
_GOES_ON = frozenset({EventType.ENDED, EventType.VERSION, EventType.PARKED, EventType.GIVEN_BACK, EventType.FAILED})


def _unknown(about: str, detail: Detail) -> str:
    """Show an entry of a later release as raw data."""
    return f"{about} {orjson.dumps(detail).decode() if detail else ''}".strip()


def _accepted(about: str, detail: Detail) -> str:
    due = _due_on(detail)
    until = f", {due}" if due else ""
    return f"from {about}, message {detail.get('message_id', '')}, by {detail.get('by', '')}{until}"


def _due_on(detail: Detail) -> str:
    due = detail.get("urgency", date.max.toordinal())
    return f"due {date.fromordinal(due)}" if due < date.max.toordinal() else ""


def _repeated(about: str, detail: Detail) -> str:
    which = f"change {detail['change']} " if detail.get("change") else ""
    return f"{which}came once more from {about}: the same receipt"


def _asked(about: str, detail: Detail) -> str:
    served, question = detail.get("served", "source"), detail.get("question", "")
    if served == "nothing":
        return f"did not leave for {detail.get('source', '')} after all, question {question}"
    way = f"asked {detail.get('source', '')}" if served == "source" else f"answered from memory ({served})"
    return f"{way}, question {question}"


def _ended(about: str, detail: Detail) -> str:
    kind, code = str(detail.get("kind", "")), detail.get("code")
    tries: Sequence[Detail] = detail.get("tries") or []
    end = f"{kind} [{code}]" if code else kind
    if code == STALE:
        end += ", provisional: from memory, as its source could not be asked"
    if len(tries) == 1 and tries[0].get("kind") == kind:
        end += f" after {span(tries[0].get('ms', 0))}" if tries[0].get("ms") else ""
    elif tries:
        end += f" after {len(tries)} attempt{'s' if len(tries) != 1 else ''}: {', then '.join(map(_try, tries))}"
    elif not detail.get("attempts") or kind in NO_ANSWER:
        end += ", nothing left for the source"
    own = detail.get("question")
    foreign = next((attempt for attempt in tries if attempt.get("question", own) != own), None)
    if foreign is not None:
        end += f", answered with question {foreign['question']}"
    return end


def _try(attempt: Detail) -> str:
    return f"{attempt.get('code') or attempt.get('kind')} {span(attempt.get('ms', 0))}"


def _version(about: str, detail: Detail) -> str:
    receivers = detail.get("receivers")
    to = f", for {', '.join(map(str, receivers))}" if receivers else ""
    signal = f", signal {detail['signal']}" if detail.get("signal") else ""
    return f"{detail.get('version')} {detail.get('completeness')}{signal}{_open(detail)}{to}{_stands(detail)}"


def _open(detail: Detail) -> str:
    pending, lacks = ([str(lookup) for lookup in detail.get(name) or ()] for name in ("pending", "lacks"))
    waits = f", waits for {', '.join(pending)}" if pending else ""
    lookups = ", ".join(lack for lack in lacks if not lack.startswith("!"))
    marks = (lack[1:].replace("assessor.", "unassessed by ") for lack in lacks if lack.startswith("!"))
    return ", ".join((waits + (f", cannot ask {lookups}" if lookups else ""), *marks))


def _stands(detail: Detail) -> str:
    return {"ready": "; worked again at once", "suspect": "; worked again, alone"}.get(str(detail.get("state")), "")


def _again(entry: LogEntry) -> str:
    """Format the time of the next attempt, with the date unless it is today."""
    moment = moment_of(entry.detail.get("next") or entry.detail.get("due")) if entry.what in _GOES_ON else None
    if moment is None:
        return ""
    same_day = local(moment).date() == local(entry.at).date()
    return f"; again at {f'{local(moment):%H:%M:%S}' if same_day else local_second(moment)}"


def _suspected(about: str, detail: Detail) -> str:
    deaths = detail.get("deaths") or 0
    so_far = f", for the {_ordinal(deaths)} time in its turn" if deaths else ""
    return f"its worker died with it in work{so_far}{'; held' if detail.get('held') else ''}"


def _ordinal(number: int) -> str:
    return {1: "first", 2: "second", 3: "third"}.get(number, f"{number}th")


def _to_receiver(about: str, detail: Detail) -> str:
    why = detail.get("code") or detail.get("reason")
    return f"version {detail.get('version')} to {about}{f': {why}' if why else ''}"


def _retried(about: str, detail: Detail) -> str:
    count = detail.get("questions") or 0
    back = f", as {about} is back" if about else ""
    return f"{count} question{'s' if count != 1 else ''} to be asked again{back}{_why(detail)}"


def _ordered(about: str, detail: Detail) -> str:
    by = detail.get("selected_by")
    how = ", ".join(f"{name} {value}" for name, value in by.items()) if isinstance(by, dict) else ""
    why = f": {detail['reason']}" if detail.get("reason") else ""
    count = f" {detail['count']}" if "count" in detail else ""
    return f"{about}{count} by {how or 'hand'}, operation {detail.get('hash')}{why}"


def _carried_out(about: str, detail: Detail) -> str:
    verdicts = detail.get("verdicts")
    text = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.items()) if isinstance(verdicts, dict) else ""
    return f"{about}, operation {detail.get('hash')}: {text.replace('_', ' ')}"


def _operation(detail: Detail) -> str:
    return f", operation {detail.get('hash')}{_why(detail)}"


def _why(detail: Detail) -> str:
    """Return a person's reason, and the operation."""
    operation = f", operation {detail['operation']}" if detail.get("operation") else ""
    reason = f": {detail['reason']}" if detail.get("reason") else ""
    return f"{operation}{reason}"


def _paused(about: str, detail: Detail) -> str:
    until = moment_of(detail.get("until"))
    return f"{about}{f' until {local_second(until)}' if until else ''}: {detail.get('reason')}"


def _of(detail: Detail) -> str:
    return f", its credential {detail['credential']}" if detail.get("credential") else ""


def _resumed(about: str, detail: Detail) -> str:
    reason = detail.get("reason")
    return f"{about}: {reason}" if reason else about


def _changed(about: str, detail: Detail) -> str:
    fields = detail.get("fields")
    what = f" of {', '.join(map(str, fields))}" if fields else ""
    return f"{about or 'of no known kind'}{what}, from {detail.get('channel')}, message {detail.get('change')}"


def _read(about: str, detail: Detail) -> str:
    version = f" version {detail['version']}" if detail.get("version") else ""
    message = f" {detail['id']}" if detail.get("id") else ""
    rows = f", {detail['rows']} rows after {detail.get('after')}" if "rows" in detail else ""
    number = f", {detail['found']} found" if "found" in detail else ""
    purpose = f": {detail['purpose']}" if detail.get("purpose") else ""
    return f"{detail.get('as', '')}{version}{message}{rows}{number}{purpose}"


def _reread(about: str, detail: Detail) -> str:
    fields = detail.get("differs")
    what = f": {', '.join(map(str, fields))}" if fields else ""
    return f"what was kept of {detail.get('lookup')} says something else now{what}{_why(detail)}"


_TOLD: dict[str, Callable[[str, Detail], str]] = {
    EventType.ACCEPTED: _accepted,
    EventType.REPEATED: _repeated,
    EventType.DIFFERS: lambda about, detail: (
        f"another message under the id of one that is here, from {about}, in quarantine as {detail.get('quarantine')}"
    ),
    EventType.QUARANTINED: lambda about, detail: f"message {detail.get('id')} from {about} [{detail.get('code')}]",
    EventType.REPLAYED: lambda about, detail: f"message {detail.get('id')} left quarantine",
    EventType.CLOSED: lambda about, detail: f"message {detail.get('id')} of quarantine: {detail.get('reason')}",
    EventType.CHANGED: _changed,
    EventType.CLAIMED: lambda about, detail: "in work",
    EventType.GIVEN_BACK: lambda about, detail: "unfinished",
    EventType.SUSPECTED: _suspected,
    EventType.ASKED: _asked,
    EventType.ENDED: _ended,
    EventType.VERSION: _version,
    EventType.PARKED: lambda about, detail: (
        f"nothing new, {detail.get('completeness')}{_open(detail)}{_stands(detail)}"
    ),
    EventType.TERM_MOVED: lambda about, detail: _due_on(detail) or "nothing says until when",
    EventType.ANSWERED: lambda about, detail: f"an answer came from {about}",
    EventType.DELIVERED: _to_receiver,
    EventType.FAILED: lambda about, detail: f"version {detail.get('version')} to {about} [{detail.get('code')}]",
    EventType.SET_ASIDE: _to_receiver,
    EventType.SKIPPED: _to_receiver,
    EventType.RESENT: _to_receiver,
    EventType.HANDED_LATER: _to_receiver,
    EventType.RETRIED: _retried,
    EventType.REFRESHED: _retried,
    EventType.ASSESSED: lambda about, detail: f"to be assessed again{_why(detail)}",
    EventType.HELD: lambda about, detail: str(detail.get("reason", "")),
    EventType.RELEASED: lambda about, detail: f"worked again{_why(detail)}",
    EventType.ORDERED: _ordered,
    EventType.CARRIED_OUT: _carried_out,
    EventType.STOPPED: lambda about, detail: f"{about}{_operation(detail)}",
    EventType.WENT_ON: lambda about, detail: f"{about}{_operation(detail)}",
    EventType.VIEW_KEPT: lambda about, detail: f"{about}: {detail.get('query')}",
    EventType.VIEW_DROPPED: lambda about, detail: about,
    EventType.PAUSED: _paused,
    EventType.RESUMED: _resumed,
    EventType.ALARM_TAKEN: lambda about, detail: f"alarm {about} until {detail.get('until')}{_why(detail)}",
    EventType.ALARM_CLOSED: lambda about, detail: f"alarm {about} as {detail.get('verdict')}{_why(detail)}",
    EventType.READ: _read,
    EventType.REREAD: _reread,
    EventType.RETRACTED: lambda about, detail: f"the record of {about} is withdrawn: {detail.get('reason')}",
    EventType.PRUNED: lambda about, detail: f"{detail.get('count')} of {detail.get('table')}",
    EventType.RESTORED: lambda about, detail: f"epoch {detail.get('epoch')} begins",
    EventType.CLIENT_ADDED: lambda about, detail: f"client {about}, as {detail.get('role')}",
    EventType.CLIENT_ROTATED: lambda about, detail: f"client {about} has a new {detail.get('kind')}",
    EventType.CLIENT_REVOKED: lambda about, detail: f"client {about}{_of(detail)}",
    EventType.MIGRATED: lambda about, detail: f"revision {detail.get('revision')}",
    EventType.CLOCK_TRUSTED: lambda about, detail: "the clock is right now",
}
