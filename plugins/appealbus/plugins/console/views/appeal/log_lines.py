"""Log entries as lines in the reader's language; each query appears once."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from appealbus.core import EventType, LogEntry
from appealbus.core.management.log import moment_of
from appealbus.core.management.people import OF_PEOPLE, Served
from appealbus.plugins.console.marks import mark
from appealbus.plugins.console.views.deliveries.refusals import why
from appealbus.plugins.console.words import Words, said
from appealbus.schemas.change import ChangeKind
from appealbus.schemas.dossier import Completeness
from appealbus.schemas.outcome import OutcomeKind

_RUN_ENDS = frozenset({EventType.VERSION, EventType.PARKED, EventType.GIVEN_BACK, EventType.SUSPECTED})
_SAID: Mapping[str, str] = {
    EventType.ACCEPTED: said("accepted"),
    EventType.REPEATED: said("came once more"),
    EventType.DIFFERS: said("another message under its id"),
    EventType.QUARANTINED: said("put into quarantine"),
    EventType.REPLAYED: said("left quarantine"),
    EventType.CLOSED: said("closed in quarantine"),
    EventType.CHANGED: said("a change came"),
    EventType.CLAIMED: said("in work"),
    EventType.GIVEN_BACK: said("given back unfinished"),
    EventType.SUSPECTED: said("its worker died"),
    EventType.ASKED: said("asked"),
    EventType.ENDED: said("question ended"),
    EventType.VERSION: said("version made"),
    EventType.PARKED: said("nothing new"),
    EventType.ANSWERED: said("an answer came by itself"),
    EventType.TERM_MOVED: said("due date moved"),
    EventType.DELIVERED: said("delivered"),
    EventType.FAILED: said("delivery failed"),
    EventType.SET_ASIDE: said("delivery set aside"),
    EventType.SKIPPED: said("delivery given up"),
    EventType.RESENT: said("sent again"),
    EventType.HANDED_LATER: said("handed over later"),
    EventType.RETRIED: said("asked again by order"),
    EventType.REFRESHED: said("refreshed by order"),
    EventType.ASSESSED: said("assessed again by order"),
    EventType.REREAD: said("read again"),
    EventType.RETRACTED: said("record withdrawn"),
    EventType.HELD: said("held"),
    EventType.RELEASED: said("released"),
    EventType.READ: said("looked at"),
    EventType.ORDERED: said("ordered for many"),
    EventType.CARRIED_OUT: said("carried out for many"),
    EventType.STOPPED: said("stopped for many"),
    EventType.WENT_ON: said("goes on for many"),
    EventType.VIEW_KEPT: said("list kept"),
    EventType.VIEW_DROPPED: said("list forgotten"),
    EventType.ALARM_TAKEN: said("alarm taken on"),
    EventType.ALARM_CLOSED: said("alarm closed"),
    EventType.PAUSED: said("source switched off"),
    EventType.RESUMED: said("source switched on"),
    EventType.PRUNED: said("old deleted"),
    EventType.RESTORED: said("a new epoch begins"),
    EventType.CLIENT_ADDED: said("client added"),
    EventType.CLIENT_ROTATED: said("new credential"),
    EventType.CLIENT_REVOKED: said("counts no more"),
    EventType.MIGRATED: said("journal migrated"),
    EventType.CLOCK_TRUSTED: said("clock accepted"),
}
_LOOKED: Mapping[str, str] = {
    "dossier": said("dossier"),
    "difference": said("difference of versions"),
    "explain": said("trail of a field"),
    "why": said("why something is missing"),
    "history": said("history"),
    "changes": said("changes"),
    "term": said("due date with its proof"),
    "terms": said("what falls due"),
    "repeats": said("repeats"),
    "appeals": said("list of appeals"),
    "report": said("figures"),
    "surges": said("surges"),
    "access": said("access log"),
    "looks": said("who looked"),
    "export dossiers": said("export of dossiers"),
    "export log": said("export of the log"),
    "quarantine": said("quarantine"),
    "reread": said("replies read again"),
}
"""Names of logged accesses; an unknown one is shown as logged."""
_STYLES: Mapping[str, str] = {
    EventType.VERSION: "good",
    EventType.DELIVERED: "good",
    EventType.READ: "calm",
    EventType.CHANGED: "calm",
}


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the timeline.

    Attributes:
        at: time.
        what: event in a word.
        kind: of the badge.
        about: lookup, receiver or channel.
        outcome: how a query ended.
        details: further details in words.
        tries: attempts: for a query code or outcome and duration, for a delivery time and code.
        who: the actor, if it is a person or a client.
    """

    at: datetime
    what: str
    kind: str
    about: str = ""
    outcome: OutcomeKind | None = None
    details: list[str] = field(default_factory=list)
    tries: list[str] = field(default_factory=list)
    who: str = ""


def told(entries: Iterable[LogEntry], words: Words, *, only_failed: bool = False) -> Iterator[Line]:
    """Yield lines of entries: a query's end only, and of failed deliveries the last; both with all attempts."""
    entries = list(entries)
    deliveries = defaultdict[object, list[LogEntry]](list)
    for each in entries:
        if each.what == EventType.FAILED:
            deliveries[_delivery(each)].append(each)
    heard = {each.detail.get("question") for each in entries if each.what == EventType.ENDED}
    over = any(each.what in _RUN_ENDS for each in entries)
    for entry in entries:
        if only_failed and not entry.failed:
            continue
        if entry.what == EventType.ASKED and entry.detail.get("question") in heard:
            continue
        if entry.what == EventType.CLAIMED and over:
            continue
        if entry.what != EventType.FAILED:
            yield line(entry, words)
        elif (tries := deliveries[_delivery(entry)])[-1] is entry:
            attempts = [f"{words.moment(each.at)}, {each.detail.get('code', '')}" for each in tries]
            yield replace(line(entry, words), tries=attempts[:-1] and attempts)


def _delivery(entry: LogEntry) -> object:
    return entry.about, entry.detail.get("version")


def line(entry: LogEntry, words: Words) -> Line:
    detail, what = entry.detail, entry.what
    outcome = OutcomeKind.stored(str(detail["kind"])) if what == EventType.ENDED and detail.get("kind") else None
    is_of_lookup = what in (EventType.ASKED, EventType.ENDED, EventType.REREAD, EventType.RETRACTED)
    about = words.lookup(str(detail.get("lookup", entry.about))) if is_of_lookup else entry.about
    if what == EventType.CHANGED:
        about = words.word(ChangeKind.stored(about))
    tries = [f"{_ended(each, words)}, {_took(each.get('ms') or 0, words)}" for each in entry.tries]
    kind, _, name = entry.actor.partition(":")
    style = "bad" if entry.failed else _STYLES.get(what, "plain")
    return Line(
        entry.at,
        _head(entry, words),
        mark(outcome) if outcome is not None else style,
        about,
        outcome,
        list(_details(detail, words, handed=what in (EventType.FAILED, EventType.SET_ASIDE))),
        tries,
        name if kind in ("person", "api") else "",
    )


def kind_said(what: str, words: Words) -> str:
    return words.say(_SAID[what]) if what in _SAID else what.replace("_", " ")


def looked_said(what: str, words: Words) -> str:
    return words.say(_LOOKED[what]) if what in _LOOKED else what.replace("_", " ")


def _head(entry: LogEntry, words: Words) -> str:
    """Return an event in words: a new session is a sign-in, and one revoked credential is not all of a client's."""
    kind = entry.detail.get("kind")
    if entry.what == EventType.CLIENT_ROTATED and kind in OF_PEOPLE:
        return words.say("signed in") if kind == "session" else words.say("link made")
    if entry.what == EventType.CLIENT_REVOKED and entry.detail.get("credential"):
        return words.say("credential ended")
    if entry.what == EventType.ASKED and entry.detail.get("served") == Served.NOTHING:
        return words.say("did not leave after all")
    return kind_said(entry.what, words)


def _ended(attempt: Mapping[str, Any], words: Words) -> str:
    return str(attempt.get("code") or words.word(OutcomeKind.stored(str(attempt.get("kind", "")))))


def _took(ms: float, words: Words) -> str:
    if ms < 1000:
        return words.say("{n} ms", n=words.number(round(ms)))
    return words.say("{n} s", n=words.number(round(ms / 1000, 1)))


def _details(detail: Mapping[str, Any], words: Words, *, handed: bool) -> Iterator[str]:
    if detail.get("version"):
        yield words.say("version {version}", version=detail["version"])
    if detail.get("completeness"):
        yield words.word(Completeness.stored(str(detail["completeness"])))
    if code := detail.get("code"):
        means = why(words, str(code)) if handed else words.reason(str(code), "")
        yield f"{means} [{code}]" if means else f"[{code}]"
    if detail.get("as"):
        yield looked_said(str(detail["as"]), words)
    for name in ("reason", "purpose"):
        if detail.get(name):
            yield str(detail[name])
    yield from _ordered(detail, words)
    if detail.get("questions"):
        yield words.say_n("{n} question", "{n} questions", int(detail["questions"]))
    if detail.get("receivers"):
        yield words.say("for {receivers}", receivers=", ".join(map(str, detail["receivers"])))
    if detail.get("pending"):
        yield words.say("waits for {lookups}", lookups=", ".join(words.lookup(str(each)) for each in detail["pending"]))
    if (again := moment_of(detail.get("next") or detail.get("due"))) is not None:
        yield words.say("again {moment}", moment=words.moment(again))


def _ordered(detail: Mapping[str, Any], words: Words) -> Iterator[str]:
    if detail.get("role"):
        yield words.say(str(detail["role"]))
    if isinstance(count := detail.get("count"), int):
        yield words.number(count)
    if (until := moment_of(detail.get("until"))) is not None:
        yield words.say("until {moment}", moment=words.moment(until))
