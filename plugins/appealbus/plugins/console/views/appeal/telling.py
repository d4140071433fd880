"""What happened, for people in their language: an entry of the log as a line, each question once."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from appealbus.core.cli.telling import failed, moment_of, span, tries_of
from appealbus.core.domain.event import LogEntry, What
from appealbus.plugins.console.marks import mark
from appealbus.plugins.console.words import Words, said
from appealbus.schemas.dossier import Completeness
from appealbus.schemas.outcome import OutcomeKind

_RUN_ENDS = frozenset({What.VERSION, What.PARKED, What.GIVEN_BACK, What.SUSPECTED})
_SAID: Mapping[str, str] = {
    What.ACCEPTED: said("accepted"),
    What.REPEATED: said("came once more"),
    What.DIFFERS: said("another message under its id"),
    What.QUARANTINED: said("put into quarantine"),
    What.REPLAYED: said("left quarantine"),
    What.CLOSED: said("closed in quarantine"),
    What.CHANGED: said("a change came"),
    What.CLAIMED: said("in work"),
    What.GIVEN_BACK: said("given back unfinished"),
    What.SUSPECTED: said("its worker died"),
    What.ASKED: said("asked"),
    What.ENDED: said("question ended"),
    What.VERSION: said("version made"),
    What.PARKED: said("nothing new"),
    What.ANSWERED: said("an answer came by itself"),
    What.TERM_MOVED: said("due date moved"),
    What.DELIVERED: said("delivered"),
    What.FAILED: said("delivery failed"),
    What.SET_ASIDE: said("delivery set aside"),
    What.SKIPPED: said("delivery given up"),
    What.RESENT: said("sent again"),
    What.HANDED_LATER: said("handed over later"),
    What.RETRIED: said("asked again by order"),
    What.REFRESHED: said("refreshed by order"),
    What.REREAD: said("read again"),
    What.HELD: said("held"),
    What.RELEASED: said("released"),
    What.READ: said("looked at"),
}
_STYLES: Mapping[str, str] = {What.VERSION: "good", What.DELIVERED: "good", What.READ: "calm", What.CHANGED: "calm"}


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the timeline.

    Attributes:
        at: when.
        what: in a word.
        kind: of badge.
        about: a lookup, a receiver, a channel.
        outcome: how a question ended.
        details: the rest, in words.
        tries: attempts of a question: code or outcome, and how long each took.
        who: the actor, where that is a person or a client.

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
    """Yield what is shown of entries: of a question its end alone, with all its attempts."""
    entries = list(entries)
    heard = {each.detail.get("question") for each in entries if each.what == What.ENDED}
    over = any(each.what in _RUN_ENDS for each in entries)
    for entry in entries:
        if only_failed and not failed(entry):
            continue
        if entry.what == What.ASKED and entry.detail.get("question") in heard:
            continue
        if entry.what == What.CLAIMED and over:
            continue
        yield line(entry, words)


def line(entry: LogEntry, words: Words) -> Line:
    """Return an entry as a line."""
    detail, what = entry.detail, entry.what
    outcome = OutcomeKind.stored(str(detail["kind"])) if what == What.ENDED and detail.get("kind") else None
    about = words.lookup(entry.about) if what in (What.ASKED, What.ENDED, What.REREAD) else entry.about
    tries = [f"{_ended(each, words)} {span(each.get('ms') or 0)}" for each in tries_of(entry)]
    kind, _, name = entry.actor.partition(":")
    style = "bad" if failed(entry) else _STYLES.get(what, "plain")
    return Line(
        entry.at,
        words.say(_SAID[what]) if what in _SAID else what.replace("_", " "),
        mark(outcome) if outcome is not None else style,
        about,
        outcome,
        list(_details(detail, words)),
        tries,
        name if kind in ("person", "api") else "",
    )


def _ended(attempt: Mapping[str, Any], words: Words) -> str:
    return str(attempt.get("code") or words.word(OutcomeKind.stored(str(attempt.get("kind", "")))))


def _details(detail: Mapping[str, Any], words: Words) -> Iterator[str]:
    if detail.get("version"):
        yield words.say("version {version}", version=detail["version"])
    if detail.get("completeness"):
        yield words.word(Completeness.stored(str(detail["completeness"])))
    if code := detail.get("code"):
        yield f"{words.reason(str(code), str(code))} [{code}]" if words.reason(str(code), "") else f"[{code}]"
    for name in ("reason", "purpose"):
        if detail.get(name):
            yield str(detail[name])
    if detail.get("as"):
        yield str(detail["as"])
    if detail.get("questions"):
        yield words.say_n("{n} question", "{n} questions", int(detail["questions"]))
    if detail.get("receivers"):
        yield words.say("for {receivers}", receivers=", ".join(map(str, detail["receivers"])))
    if detail.get("pending"):
        yield words.say("waits for {lookups}", lookups=", ".join(words.lookup(str(each)) for each in detail["pending"]))
    if (again := moment_of(detail.get("next") or detail.get("due"))) is not None:
        yield words.say("again {moment}", moment=words.moment(again))
