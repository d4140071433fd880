"""The log is the truth about the past: how all stands, recomputed from the log alone and compared with the tables.

It is written from what each word of the log means (docs/design.md), and knows nothing of who writes it. What leases and
clocks decide by themselves is left out: an appeal in work, and a parked one whose time has come, may stand as ready;
a ready one that has a version may stand with those whose time has come.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import orjson
from sqlalchemy import Connection, NullPool, Row, Table, create_engine, select

from appealbus.core.journal import events, tables
from appealbus.core.journal.drivers.encoding import to_number
from appealbus.core.packing import unpack

Key = tuple[Any, ...]
_OPEN = frozenset({"unavailable", "timed_out", "invalid", "awaiting"})
_ANSWERED_NO = frozenset({"refused", "not_found"})
_IDENTIFIER = re.compile(
    r"(?<![0-9A-Za-z-])[0-9]{12}(?![0-9A-Za-z-])|(?<![0-9A-Za-z-])\d\d[:-]\d{3}[:-]\d{3}[:-]\d{3,5}\b"
)
_TEXTS = frozenset({"number", "message_id", "change", "reason", "purpose", "by", "owner"})
"""The beginning of a worker's name is twelve characters, one time in three hundred of digits alone."""
_KILLED = "three workers died, one after the other, while each worked on this appeal alone"


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the log as it lies there."""

    position: int
    at: int
    what: str
    appeal_id: int
    actor: str
    about: str
    detail: Mapping[str, Any]


@dataclass(slots=True)
class Past:
    """Where all appeals stand after so much of the log."""

    appeals: dict[int, dict[str, Any]] = field(default_factory=dict)
    lookups: dict[Key, dict[str, Any]] = field(default_factory=dict)
    dossiers: dict[Key, dict[str, Any]] = field(default_factory=dict)
    deliveries: dict[Key, dict[str, Any]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    """What cannot be, whatever the tables say."""
    renamed: Mapping[Key, str] = field(default_factory=dict)
    """Of the questions that had other keys before the journal got another one: what they are called since."""

    def take(self, entry: Entry) -> None:
        """Go on by one entry."""
        if entry.what == "pruned":
            self._pruned(entry.detail)
            return
        if entry.what == "accepted":
            self._accepted(entry)
            return
        if (entry.what, entry.about) == ("migrated", "key"):
            self.lookups = {(*key[:2], self.renamed.get(key, key[2])): each for key, each in self.lookups.items()}
        known = self.appeals.get(entry.appeal_id)
        if known is None:  # it came before the log did, or the log's beginning is gone
            return
        happen = _HAPPEN.get(entry.what)
        if happen is not None:
            happen(self, known, entry)

    def _accepted(self, entry: Entry) -> None:
        if entry.appeal_id in self.appeals:
            self.wrong.append(f"appeal {entry.appeal_id} was accepted twice")
        detail = entry.detail
        self.appeals[entry.appeal_id] = {
            "channel": entry.about,
            "message_id": detail["message_id"],
            "number": detail["number"],
            "accepted_by": detail["by"],
            "urgency": detail["urgency"],
            "content": detail["content"],
            "state": "in_work" if detail.get("owner") else "ready",
            "due": None,
            "deaths": None,
            "held_by": None,
            "held_reason": None,
            "version": 0,
            "completeness": None,
            "pending": None,
            "lacks": None,
            "waits_for": None,
            "signal": None,
            "closed": None,
            "changes": 0,
        }

    def _claimed(self, known: dict[str, Any], entry: Entry) -> None:
        lacks = known["state"] == "idle" and known["lacks"]  # whoever does not takes it from there
        if known["state"] in ("held", "idle", "in_work") and not lacks:
            self.wrong.append(f"appeal {entry.appeal_id} was claimed while {known['state']}")
        known["state"] = "in_work"

    def _given_back(self, known: dict[str, Any], entry: Entry) -> None:
        due = entry.detail.get("due")
        if due is None:
            known.update(state=_waiting(known), due=None)
        else:
            known.update(state="parked", due=due, deaths=None, waits_for=None)

    def _suspected(self, known: dict[str, Any], entry: Entry) -> None:
        known["deaths"] = entry.detail["deaths"]
        if entry.detail.get("held"):
            known.update(state="held", due=None, held_by="appealbus", held_reason=_KILLED)
        else:
            known.update(state="suspect", due=entry.detail.get("due"))

    def _ended(self, known: dict[str, Any], entry: Entry) -> None:
        names = ("kind", "code", "attempts", "runs", "asked", "ended", "next", "fact")
        key = (entry.appeal_id, entry.about, entry.detail["key"])
        self.lookups[key] = {name: entry.detail.get(name) for name in names}

    def _version(self, known: dict[str, Any], entry: Entry) -> None:
        detail, version = entry.detail, entry.detail["version"]
        if version != known["version"] + 1:
            self.wrong.append(f"appeal {entry.appeal_id}: version {version} follows {known['version']}")
        self._parked(known, entry)
        known["version"] = version
        self.dossiers[entry.appeal_id, version] = {"completeness": detail["completeness"], "parts": detail["parts"]}
        for receiver in detail["receivers"]:
            self.deliveries[entry.appeal_id, receiver, version] = {"stands": "waits", "attempts": 0, "said": None}

    def _parked(self, known: dict[str, Any], entry: Entry) -> None:
        detail = entry.detail
        known.update(state=detail["state"], completeness=detail["completeness"])
        known.update(due=detail.get("due"), deaths=detail.get("deaths"))
        for name in ("pending", "lacks", "waits_for"):
            known[name] = f" {' '.join(detail[name])} " if detail.get(name) else None
        if carried := detail.get("carried"):
            known["lacks"] = f" {' '.join([*detail.get('lacks', ()), *(f'~{name}' for name in carried)])} "
        if entry.what == "version":
            known["signal"] = detail.get("signal")
        # Where changes have made another form of the appeal.
        known.update(content=detail.get("content", known["content"]), urgency=detail.get("urgency", known["urgency"]))

    def _answered(self, known: dict[str, Any], entry: Entry) -> None:
        if known["state"] in ("parked", "idle"):
            known.update(state=_waiting(known), due=None)

    def _term_moved(self, known: dict[str, Any], entry: Entry) -> None:
        known["urgency"] = entry.detail["urgency"]

    def _asked_again(self, known: dict[str, Any], entry: Entry) -> None:
        known.update(state=_waiting(known), due=None)
        refresh = entry.what == "refreshed"
        kinds = _OPEN | (_ANSWERED_NO if refresh or entry.detail.get("everything") else set())
        kinds |= {"found"} if refresh else set()
        count = 0
        for (appeal_id, lookup, _), state in self.lookups.items():
            if appeal_id == entry.appeal_id and _is_due(entry.detail, lookup, state, kinds):
                state["next"] = entry.detail["due"]
                count += 1
        if count != entry.detail["questions"]:
            self.wrong.append(f"appeal {entry.appeal_id}: {entry.detail['questions']} questions again, not {count}")

    def _reread(self, known: dict[str, Any], entry: Entry) -> None:
        known.update(state=_waiting(known), due=None)  # how the question stands, `ended` has said before

    def _held(self, known: dict[str, Any], entry: Entry) -> None:
        by = entry.actor.removeprefix("person:")
        known.update(state="held", due=None, held_by=by, held_reason=entry.detail["reason"])

    def _released(self, known: dict[str, Any], entry: Entry) -> None:
        deaths = None if known["deaths"] is None else 0
        known.update(state="ready" if deaths is None else "suspect", deaths=deaths, due=None)
        known.update(held_by=None, held_reason=None)

    def _changed(self, known: dict[str, Any], entry: Entry) -> None:
        detail = entry.detail
        self._answered(known, entry)
        known.update(urgency=detail["urgency"], closed=detail.get("closed"), changes=detail["changes"])
        known["lacks"] = f" {' '.join(detail['lacks'])} " if detail.get("lacks") else None

    def _handed_later(self, known: dict[str, Any], entry: Entry) -> None:
        detail = entry.detail
        key = (entry.appeal_id, entry.about, detail["version"])
        newest = max((version for one, to, version in self.deliveries if (one, to) == key[:2]), default=0)
        if newest >= detail["version"]:
            self.wrong.append(f"appeal {entry.appeal_id}: version {detail['version']} to {entry.about} after {newest}")
        self.deliveries[key] = {"stands": "waits", "attempts": 0, "said": None, "id": detail["id"]}

    def _delivery(self, known: dict[str, Any], entry: Entry) -> None:
        detail = entry.detail
        made = self.deliveries.get((entry.appeal_id, entry.about, detail["version"]))
        if made is None:
            self.wrong.append(f"appeal {entry.appeal_id}: {entry.what} version {detail['version']} to {entry.about}")
            return
        if made.setdefault("id", detail["id"]) != detail["id"]:
            self.wrong.append(f"appeal {entry.appeal_id}: one delivery under two ids")
        match entry.what:
            case "delivered":
                made.update(stands="delivered", attempts=made["attempts"] + 1, said=None)
            case "failed":
                made.update(attempts=made["attempts"] + 1, said=detail["code"])
            case "set_aside":
                made.update(stands="alone", attempts=made["attempts"] + 1, said=detail["code"])
            case "skipped" if detail.get("deleted"):
                del self.deliveries[entry.appeal_id, entry.about, detail["version"]]
            case "skipped":
                made.update(stands="skipped", said=detail["reason"])
            case "resent":
                made.update(stands="waits", attempts=0, said=None)

    def _pruned(self, detail: Mapping[str, Any]) -> None:
        gone = set(detail.get("ids", ()))
        if detail["table"] == "appeal":
            for each in gone:
                self.appeals.pop(each, None)
            for table in (self.lookups, self.dossiers, self.deliveries):
                for key in [key for key in table if key[0] in gone]:
                    del table[key]
        elif detail["table"] == "dossier":
            for appeal_id, version in detail["versions"]:
                self.dossiers.pop((appeal_id, version), None)


_HAPPEN: dict[str, Callable[[Past, dict[str, Any], Entry], None]] = {
    "claimed": Past._claimed,
    "given_back": Past._given_back,
    "suspected": Past._suspected,
    "ended": Past._ended,
    "version": Past._version,
    "parked": Past._parked,
    "answered": Past._answered,
    "term_moved": Past._term_moved,
    "retried": Past._asked_again,
    "refreshed": Past._asked_again,
    **dict.fromkeys(("assessed", "reread", "retracted"), Past._reread),
    "held": Past._held,
    "released": Past._released,
    "changed": Past._changed,
    "handed_later": Past._handed_later,
    **dict.fromkeys(("delivered", "failed", "set_aside", "skipped", "resent"), Past._delivery),
}


def _is_due(detail: Mapping[str, Any], lookup: str, state: Mapping[str, Any], kinds: Collection[str]) -> bool:
    """Whether a question is asked again: all that are open, or those to a source that is back."""
    if "lookups" not in detail:
        return state["kind"] in kinds or state["code"] == "source.stale"
    kinds = ("unavailable", "timed_out", "not_found", "refused")
    unanswered = state["kind"] in kinds or state["code"] in ("source.stale", "refresh.failed", "record.withdrawn")
    waits = lookup in detail["lookups"] and state["next"] is not None
    return waits and unanswered and state["ended"] < detail["ended_before"]


def _waiting(known: Mapping[str, Any]) -> str:
    return "ready" if known["deaths"] is None else "suspect"


def check_the_past(url: str, renamed: Mapping[Key, str] | None = None) -> int:
    """Fail where the log and the tables of a journal disagree; return how many entries the log has.

    Whoever works the journal must have stopped: the log and the tables are read one after the other.
    """
    engine = create_engine(url, poolclass=NullPool)
    try:
        with engine.connect() as connection:
            return check_in(connection, renamed)
    finally:
        engine.dispose()


def check_in(connection: Connection, renamed: Mapping[Key, str] | None = None) -> int:
    """Do so over a connection that is there."""
    entries = list(_entries(connection))
    past = Past(renamed=renamed or {})
    for entry in entries:
        past.take(entry)
    wrong = [*_out_of_order(entries), *_personal(entries), *past.wrong, *_disagreements(connection, past)]
    if wrong:
        raise AssertionError("\n".join([f"{len(wrong)} differences between the log and the tables", *wrong[:20]]))
    return len(entries)


def _entries(connection: Connection) -> Iterable[Entry]:
    """Return all entries, those without a position last, in the order in which they will get theirs."""
    placed, rest = events.log_entry, events.log_unplaced
    last = 0
    for row in connection.execute(select(placed).order_by(placed.c.position)):
        last = row.position
        yield _entry(row, last)
    for row in connection.execute(select(rest).order_by(rest.c.id)):
        last += 1
        yield _entry(row, last)


def _entry(row: Any, position: int) -> Entry:
    detail = orjson.loads(row.detail) if row.detail else {}
    at = to_number(row.at)
    if at is None:
        raise ValueError("an entry has a time")
    return Entry(position, at, row.what, row.appeal_id, row.actor, row.about, detail)


def _out_of_order(entries: list[Entry]) -> list[str]:
    positions = [entry.position for entry in entries]
    first = positions[0] if positions else 1
    return [] if positions == [*range(first, first + len(positions))] else ["the positions of the log have a gap"]


def _personal(entries: list[Entry]) -> Iterator[str]:
    """Tell of what names people or parcels in clear, but for texts of senders and of people who use commands."""
    for entry in entries:
        for name, value in entry.detail.items():
            if name not in _TEXTS and _IDENTIFIER.search(orjson.dumps(value).decode()):
                yield f"entry {entry.position}: {entry.what} has an identifier in {name}"


def _disagreements(connection: Connection, past: Past) -> Iterator[str]:
    known = set(past.appeals)

    def rows(table: Table, key: str) -> Iterator[Row[Any]]:
        return (row for row in connection.execute(select(table)) if getattr(row, key) in known)

    appeals = {row.id: _of_appeal(row) for row in rows(tables.appeal, "id")}
    for key, told in past.appeals.items():
        if key in appeals:
            _excuse(told, appeals[key])
    yield from _compared("appeal", past.appeals, appeals)
    lookups = {(row.appeal_id, row.lookup, row.key): _of_lookup(row) for row in rows(tables.lookup, "appeal_id")}
    yield from _compared("lookup", past.lookups, lookups)
    dossiers = {(row.appeal_id, row.version): _of_dossier(row) for row in rows(tables.dossier, "appeal_id")}
    yield from _compared("dossier", past.dossiers, dossiers)
    deliveries = {
        (row.appeal_id, row.receiver, row.version): _of_delivery(row) for row in rows(tables.outbox, "appeal_id")
    }
    yield from _compared("outbox", past.deliveries, deliveries)


def _compared(table: str, told: Mapping[Any, dict[str, Any]], found: Mapping[Any, dict[str, Any]]) -> Iterator[str]:
    for key in told.keys() - found.keys():
        yield f"{table} {key}: the log knows it, the table does not"
    for key in found.keys() - told.keys():
        yield f"{table} {key}: the table has it, the log does not"
    for key in told.keys() & found.keys():
        for name, value in found[key].items():
            if told[key].get(name) != value:
                yield f"{table} {key}: {name} is {value!r} in the table and {told[key].get(name)!r} by the log"


def _excuse(told: dict[str, Any], found: dict[str, Any]) -> None:
    """Leave out what a clock or a lease may have decided since, which is no event."""
    if found["state"] == "in_work":  # a lease that nobody has ended; whose it is, is no past
        told["state"], found["due"] = "in_work", told["due"]
    if told["state"] == "parked" and found["state"] in ("ready", "suspect") and found["due"] is None:
        told.update(state=found["state"], due=None)
    if told["state"] == "ready" and told["version"] and found["state"] == "parked":
        told.update(state="parked", due=found["due"])
    if found["waits_for"] == "":  # it waits for a place alone
        found["waits_for"] = None


def _of_appeal(row: Row[Any]) -> dict[str, Any]:
    found = {
        name: getattr(row, name)
        for name in (
            *("channel", "message_id", "number", "accepted_by", "urgency", "state", "deaths", "version"),
            *("completeness", "held_by", "held_reason", "closed", "changes"),
        )
    }
    found |= {"due": to_number(row.due_at), "content": row.content.hex()}
    return found | {name: getattr(row, name) for name in ("pending", "lacks", "waits_for", "signal")}


def _of_lookup(row: Row[Any]) -> dict[str, Any]:
    found = {name: getattr(row, name) for name in ("kind", "code", "attempts", "runs")}
    moments = {"asked": row.asked_at, "ended": row.ended_at, "next": row.next_attempt_at}
    fact = None if row.fact is None else row.fact.hex()
    return {**found, **{name: to_number(moment) for name, moment in moments.items()}, "fact": fact}


def _of_dossier(row: Row[Any]) -> dict[str, Any]:
    return {"completeness": row.completeness, "parts": sha256(unpack(row.document) + (row.parts or b"")).hexdigest()}


def _of_delivery(row: Row[Any]) -> dict[str, Any]:
    if row.sent_at is not None:
        stands = "delivered"
    elif row.skipped_at is not None:
        stands = "skipped"
    else:
        stands = "waits" if row.alone_since is None else "alone"
    return {"stands": stands, "attempts": row.attempts, "said": row.last_error}
