"""The end of a run in one transaction: the dossier's next version, its deliveries, and where the appeal stands."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from datetime import date, datetime
from hashlib import sha256
from typing import Any, Self

from sqlalchemy import Connection, func, select

from appealbus.core.domain.document import Document, FormDocument
from appealbus.core.domain.event import Event, EventType, by_worker
from appealbus.core.errors import JournalError
from appealbus.core.journal import documents, events
from appealbus.core.journal.appeals import forms
from appealbus.core.journal.awaiting import ANSWERS
from appealbus.core.journal.codec import names_from, names_to, urgency_of
from appealbus.core.journal.drivers import bulk, direct
from appealbus.core.journal.drivers.encoding import to_number
from appealbus.core.journal.errors import LeaseLost, VersionConflict
from appealbus.core.journal.key import JournalKey, Marked
from appealbus.core.journal.naming import named_by_appeal
from appealbus.core.journal.part_rows import NOTHING, Kept
from appealbus.core.journal.tables import CARRIED, MISDATED, UNASSESSED, WAITS, appeal, dossier, outbox
from appealbus.core.journal.writes import EPOCH, NOW, WALL, Write, filled
from appealbus.schemas.dossier import Completeness


@dataclass(frozen=True, slots=True)
class Conclusion:
    appeal_id: int
    """The appeal; its lease ends."""
    _: KW_ONLY
    dossier: bytes | None
    """The new version as JSON, with `parts` its skeleton; None where the run has nothing new to tell: then nothing is
    delivered."""
    version: int
    """Exactly one more than the newest version; the newest one itself where `dossier` is None."""
    completeness: Completeness
    """Of the dossier."""
    parts: bytes | None = None
    """The digests of its documents."""
    documents: Sequence[Document] = ()
    """Those of them that the journal does not have yet."""
    size: int = 0
    """Bytes of the version with them."""
    receivers: Sequence[str] = ()
    """Names of the deliveries that get this version."""
    due_at: datetime | None = None
    """When the appeal is worked on again (it is parked until then); None: not by itself (it is idle)."""
    region: str = ""
    """The region that the dossier belongs to; receivers choose by it."""
    answers_seen: Collection[str] | None = None
    """Ids of the questions whose late answers the run knew; None where none of its sources answers later."""
    owner: str | None = None
    """The worker that must hold the lease; None: it is not checked."""
    changes_seen: int = 0
    """How many changes of the appeal the run knew."""
    form: FormDocument | None = None
    """The appeal as it is by now, where changes have made it another."""
    signal: str | None = None
    """The worst severity of its signals; told with a dossier alone."""
    pending: Sequence[str] = ()
    """Names of the lookups that are still open."""
    doubted: bool = False
    """Whether a suspect stays one: a question was left out of the run because workers may have died over it."""
    lacks: Sequence[str] = ()
    """Lookups that the contract wants and that could not be asked at all."""
    carried: Sequence[str] = ()
    """Others of these that told facts earlier, which stay: whoever has them again works the appeal once more."""
    unassessed: Sequence[str] | None = ()
    """Assessors that raised over the newest dossier; None: as it was."""
    misdated: bool = False
    """Whether a date of it does not count."""
    waits_for: Sequence[str] = ()
    """Sources that are asked again by themselves."""
    plan: bytes = b""
    """The digest of the plan that the run followed."""
    due_on: date | None = None
    """Until when it has to be answered; None: as its form says, or as before."""


@dataclass(frozen=True, slots=True)
class Concluding(Write[bool]):
    turn = 1  # it ends the lease under which what was queued before it is written
    conclusion: Conclusion
    kept: Kept = NOTHING
    """Rows of parts, of its new form."""
    at: datetime = WALL
    """The time of day: when the version was made."""
    now: datetime = NOW
    """The time by the journal's clock: from then on the version is due for its receivers."""
    epoch: int = EPOCH
    """The journal's; the version belongs to it."""
    named: Sequence[Marked] = filled(lambda journal, item: _named(journal.key, item.conclusion.form))
    """Marks of whom and what the appeal names in its new form."""

    def bare(self) -> tuple[Self, Kept]:
        """Return it without the rows of parts, and these."""
        return replace(self, kept=NOTHING), self.kept


_VERSIONS = (
    select(
        *(
            appeal.c[name]
            for name in ("id", "version", "lease_owner", "deaths", "signal", "changes", "urgency", "lacks")
        )
    )
    .where(direct.among(appeal.c.id, "ids"))
    .order_by(appeal.c.id)
    .with_for_update(key_share=True)
)
_latest = func.max(outbox.c.next_attempt_at).label("at")
# A later version is not due before an earlier one is tried again, or each poll would look at it.
_UNSENT = (
    select(outbox.c.appeal_id, outbox.c.receiver, _latest)
    .where(direct.among(outbox.c.appeal_id, "ids"), WAITS)
    .group_by(outbox.c.appeal_id, outbox.c.receiver)
)


def _named(key: JournalKey, form: FormDocument | None) -> Sequence[Marked]:
    return () if form is None else key.marked(named_by_appeal(form.appeal))


@Concluding.batch
def conclude(connection: Connection, items: Sequence[Concluding]) -> list[JournalError | bool]:
    """Write versions, deliveries and states of appeals; return for each whether it is ready again."""
    conclusions = [item.conclusion for item in items]
    seen = {
        conclusion.appeal_id: conclusion.answers_seen
        for conclusion in conclusions
        if conclusion.answers_seen is not None
    }
    rows, come, unsent = direct.ask(
        connection,
        (_VERSIONS, {"ids": [conclusion.appeal_id for conclusion in conclusions]}),
        (ANSWERS, {"ids": list(seen)}),
        (
            _UNSENT,
            {
                "ids": [
                    conclusion.appeal_id
                    for conclusion in conclusions
                    if conclusion.version > 1 and conclusion.receivers
                ]
            },
        ),
    )
    newest = {row.id: (row.version, row.lease_owner) for row in rows}
    before = {row.id: row for row in rows}
    errors = [_admit(newest, conclusion) for conclusion in conclusions]
    good = [item for item, error in zip(items, errors, strict=True) if error is None]
    again = {row.appeal_id for row in come if row.correlation_id not in seen[row.appeal_id]}
    again |= {
        conclusion.appeal_id
        for conclusion in (item.conclusion for item in good)
        if before[conclusion.appeal_id].changes != conclusion.changes_seen
    }
    states = [_state_of(item, again, before[item.conclusion.appeal_id]) for item in good]
    bulk.update(connection, appeal, states)
    formed = [
        forms.Forming(each.appeal_id, each.form, item.named, item.kept)
        for item in good
        for each in (item.conclusion,)
        if each.form is not None
    ]
    forms.form(connection, formed)
    behind = {(row.appeal_id, row.receiver): row.at for row in unsent}
    _insert_versions(connection, [item for item in good if item.conclusion.dossier is not None], behind)
    events.note(
        connection,
        [
            _ended(item.conclusion, state, before[item.conclusion.appeal_id])
            for item, state in zip(good, states, strict=True)
        ],
    )
    return [error or item.conclusion.appeal_id in again for item, error in zip(items, errors, strict=True)]


def _ended(item: Conclusion, state: Mapping[str, Any], before: Any) -> Event:
    detail: dict[str, Any] = {"completeness": state["completeness"], "state": state["state"]}
    if state["due_at"] is not None:
        detail["due"] = to_number(state["due_at"])
    if state["deaths"] is not None:
        detail["deaths"] = state["deaths"]
    lacks = [name for name in names_from(state["lacks"]) if not name.startswith(CARRIED)]
    if lacks:
        detail["lacks"] = lacks
    if item.carried:
        detail["carried"] = list(item.carried)
    if item.form is not None:
        detail["content"] = item.form.document.digest.hex()
    if item.form is not None or state["urgency"] != before.urgency:
        detail["urgency"] = state["urgency"]
    if item.waits_for:
        detail["waits_for"] = list(item.waits_for)
    if item.pending:
        detail["pending"] = list(item.pending)
    if item.dossier is None:
        return Event(EventType.PARKED, item.appeal_id, by_worker(item.owner), detail=detail)
    detail |= {
        "version": item.version,
        "parts": sha256(item.dossier + (item.parts or b"")).hexdigest(),
        "receivers": list(dict.fromkeys(item.receivers)),
    }
    if item.signal is not None:
        detail["signal"] = item.signal
    if item.plan:
        detail["plan"] = item.plan.hex()
    return Event(EventType.VERSION, item.appeal_id, by_worker(item.owner), detail=detail)


def _insert_versions(
    connection: Connection, items: Sequence[Concluding], behind: Mapping[tuple[int, str], datetime]
) -> None:
    versions = [_version(item, item.conclusion) for item in items]
    new = [(item.conclusion.appeal_id, document) for item in items for document in item.conclusion.documents]
    documents.keep(connection, new)
    bulk.insert(connection, dossier, versions)
    deliveries = [
        {
            "appeal_id": conclusion.appeal_id,
            "receiver": receiver,
            "version": conclusion.version,
            "attempts": 0,
            "next_attempt_at": max(item.now, behind.get((conclusion.appeal_id, receiver), item.now)),
        }
        for item in items
        for conclusion in (item.conclusion,)
        for receiver in dict.fromkeys(conclusion.receivers)
    ]
    bulk.insert(connection, outbox, deliveries)
    if deliveries:
        direct.notify(connection)


def _version(item: Concluding, conclusion: Conclusion) -> dict[str, Any]:
    # A version without parts is whole: it stays as it is handed over.
    raw, kind = conclusion.dossier, conclusion.completeness.value
    body = documents.packed(raw) if raw and conclusion.parts else raw
    return bulk.row_of(dossier, conclusion, completeness=kind, created_at=item.at, document=body, epoch=item.epoch)


def _admit(newest: dict[int, tuple[int, str | None]], item: Conclusion) -> JournalError | None:
    if item.appeal_id not in newest:
        return JournalError("there is no such appeal", "unknown_appeal")
    before, owner = newest[item.appeal_id]
    if item.owner is not None and item.owner != owner:
        return LeaseLost()
    if item.version != before + (item.dossier is not None):
        return VersionConflict(before, item.version)
    newest[item.appeal_id] = item.version, None
    return None


def _state_of(item: Concluding, again: Collection[int], before: Any) -> dict[str, object]:
    conclusion, deaths = item.conclusion, before.deaths
    at_once = conclusion.appeal_id in again
    parked = "idle" if conclusion.due_at is None else "parked"
    if not conclusion.doubted or (parked == "idle" and not at_once):
        deaths = None
    return {
        "id": conclusion.appeal_id,
        "version": conclusion.version,
        "completeness": conclusion.completeness.value,
        "state": ("ready" if deaths is None else "suspect") if at_once else parked,
        "deaths": deaths,
        "due_at": None if at_once else conclusion.due_at,
        "lacks": names_to(
            [
                *conclusion.lacks,
                *_unassessed(conclusion, before),
                # Of what has come meanwhile the run does not know.
                *[MISDATED] * (MISDATED in names_from(before.lacks) if at_once else conclusion.misdated),
                *(f"{CARRIED}{name}" for name in conclusion.carried),
            ]
        ),
        "waits_for": names_to(conclusion.waits_for),
        "changed_at": item.now,  # its age is what retention goes by
        "lease_owner": None,
        "lease_until": None,
        "signal": before.signal if conclusion.dossier is None else conclusion.signal,
        "pending": names_to(conclusion.pending),
        "urgency": _urgency(conclusion, before, at_once=at_once),
    }


def _unassessed(item: Conclusion, before: Any) -> list[str]:
    if item.unassessed is None:
        return [name for name in names_from(before.lacks) if name.startswith(UNASSESSED)]
    return [UNASSESSED + name for name in item.unassessed]


def _urgency(item: Conclusion, before: Any, *, at_once: bool) -> int:
    urgency: int = before.urgency
    if item.due_on is not None:
        urgency = item.due_on.toordinal()
    elif item.form is not None:
        urgency = urgency_of(item.form.appeal.due_on)
    # What has come meanwhile may be due sooner: its own run says exactly.
    return min(urgency, before.urgency) if at_once else urgency
