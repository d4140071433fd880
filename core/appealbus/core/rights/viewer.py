"""A viewer: a client, a role or a receiver, with its mask, its visible appeals and its allowed actions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from hashlib import sha256
from typing import Any

from appealbus.core.domain.client import Role
from appealbus.core.domain.event import by_api, by_person
from appealbus.core.domain.listing import AppealRow, AppealState
from appealbus.core.journal.appeals.suspects import REASON
from appealbus.core.rights.fields import is_of_the_dossier
from appealbus.core.rights.identifiers import HIDDEN
from appealbus.core.rights.mask import EVERYTHING, Mask
from appealbus.core.rights.paths import Path
from appealbus.schemas.dossier import Completeness
from appealbus.schemas.territory import within


class Action(StrEnum):
    """Something that a client asks for."""

    SUBMIT = "submit"
    """Put an appeal in."""
    CHANGE = "change"
    """Put a change of an appeal in."""
    FIND = "find"
    """Find an appeal by its number or the id of its message."""
    SEARCH = "search"
    """Find appeals by an identifier of a person, an organisation or a parcel."""
    STATE = "state"
    """See how an appeal stands."""
    DOSSIER = "dossier"
    """Read a version of a dossier."""
    VERSIONS = "versions"
    """See which versions there are."""
    DIFFERENCE = "difference"
    """See in what two versions differ."""
    WHY = "why"
    """See what a dossier lacks, and why."""
    EXPLAIN = "explain"
    """See where a field comes from."""
    TERM = "term"
    """See until when an appeal has to be answered, and why."""
    SURGES = "surges"
    """See of what more is written than its past explains."""
    ALARM = "alarm"
    """Take an alarm on, and close it, in the console."""
    REPEATS = "repeats"
    """See which other appeals are about the same, and what is new beside them."""
    HISTORY = "history"
    """See what happened to an appeal."""
    FEED = "feed"
    """Follow new versions."""
    READERS = "readers"
    """See who has read the feed up to where."""
    REPORT = "report"
    """Read the figures of a period."""
    LOG = "log"
    """Read the log."""
    EXPORT = "export"
    """Take dossiers out in bulk."""
    OPERATE = "operate"
    """Have an appeal asked for again, held, released, read again or delivered again, in the console."""


_READ = frozenset({Action.FIND, Action.STATE, Action.DOSSIER, Action.VERSIONS, Action.WHY, Action.HISTORY})
_READ_ALL = _READ | {Action.DIFFERENCE, Action.EXPLAIN, Action.TERM, Action.REPEATS}

MAY: dict[Role, frozenset[Action]] = {
    Role.CHANNEL: frozenset({Action.SUBMIT, Action.CHANGE, Action.FIND, Action.STATE}),
    Role.REGISTRY: _READ_ALL
    | {Action.CHANGE, Action.SEARCH, Action.SURGES, Action.ALARM, Action.REPORT}
    | {Action.FEED, Action.READERS, Action.EXPORT},
    Role.REVIEWER: _READ_ALL | {Action.SEARCH, Action.SURGES, Action.ALARM, Action.REPORT},
    Role.INTEGRATOR: _READ_ALL,
    Role.OPS: frozenset({Action.FIND, Action.STATE, Action.VERSIONS, Action.WHY, Action.HISTORY})
    | {Action.FEED, Action.READERS, Action.OPERATE},
    Role.AUDITOR: frozenset({Action.FIND, Action.STATE, Action.HISTORY, Action.READERS, Action.LOG, Action.EXPORT})
    | {Action.REPORT},
}
"""Allowed actions by role; masks decide which content is visible."""

_ROW: dict[str, Sequence[Path]] = {
    "closed": [("changes", ("kind",))],
    "kind": [("appeal", ("kind",))],
    "place": [("appeal", ("place",)), ("appeal", ("addressee",))],
    "body": [("appeal", ("addressee",))],
}
"""Columns of an appeal in a list, and the fields they disclose. Due dates disclose more, see `_COUNTED`."""
_COUNTED: Sequence[Path] = (
    *(("appeal", (name,)) for name in ("due_on", "kind", "received_at")),
    *(("changes", (name,)) for name in ("kind", "dated_at")),
    ("receipt", ("accepted_at",)),
)
"""Inputs of a due date: knowing the date may disclose them."""
_BY_PROCESS: Sequence[Path] = (
    ("appeal", ("addressee",)),
    *(("changes", (name,)) for name in ("to", "part", "due_on", "result", "answered_on")),
)
"""Inputs of a due date that count only by their presence or change."""
_OF_TERMS: Sequence[Path] = (("number", ()), ("changes", ()))
"""What the proof of a term also discloses: what happened, and when."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """A viewer and its permissions.

    Attributes:
        name: of the client or the receiver; for a role the role's.
        role: None for a receiver, or for unrestricted local access.
        places: visible territories by КАТО, including all below; empty: all.
        kinds: visible kinds of appeals; empty: all, and appeals without a known kind.
        channel: the only visible channel; empty: all.
        counted: further inputs of due dates, by the loaded terms.
        actor: its name in the log.
    """

    name: str
    role: Role | None
    mask: Mask
    places: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    purpose_needed: bool = False
    channel: str = ""
    counted: tuple[Path, ...] = ()
    actor: str = ""

    @property
    def actions(self) -> frozenset[Action]:
        return frozenset(Action) if self.role is None else MAY[self.role]

    @property
    def scoped(self) -> bool:
        """Whether some appeals are not visible to it."""
        return bool(self.places or self.kinds or self.channel)

    @property
    def sieve(self) -> Callable[[AppealRow], bool] | None:
        """A filter for visible appeals; None: all are visible."""
        return self.sees if self.scoped else None

    @property
    def eyes(self) -> str:
        """A key shared by viewers that see the same: all properties of a viewer and its mask are included."""
        own = repr(replace(self, name="", actor="", mask=EVERYTHING)).encode()
        return sha256(self.mask.written + own).hexdigest()

    def may(self, action: Action) -> bool:
        return action in self.actions

    @property
    def sees_terms(self) -> bool:
        """Whether all inputs of terms are fully visible."""
        return self.sees_due_dates and all(map(self.mask.whole, (*_BY_PROCESS, *_OF_TERMS)))

    @property
    def sees_due_dates(self) -> bool:
        """Whether due dates are visible: they would disclose their inputs."""
        if self.mask.plain:
            return True
        besides = () if self.mask.process else _BY_PROCESS
        return all(map(self.mask.whole, (*_COUNTED, *besides, *self.counted))) and all(
            map(is_of_the_dossier, self.counted)
        )

    @property
    def knows_messages(self) -> bool:
        """Whether message ids are visible; a channel knows those of its own."""
        return bool(self.channel) or self.mask.whole(("appeal", ("message_id",)))

    def reads_purposes_of(self, actor: str) -> bool:
        """Whether it may read the purposes that the actor stated: auditors and the actor may."""
        return self.may(Action.LOG) or actor == self.actor

    def reads_reasons_of(self, actor: str) -> bool:
        """Whether it may read the actor's free-text reasons: those with the same permission may."""
        return self.may(Action.OPERATE) or self.reads_purposes_of(actor)

    def sees(self, row: AppealRow) -> bool:
        return (not self.channel or row.channel == self.channel) and self.covers(row.place, row.kind)

    def covers(self, place: str | None, kind: str | None) -> bool:
        if self.kinds and kind not in self.kinds:
            return False
        return within(self.places, place)

    def row(self, row: AppealRow) -> AppealRow:
        """Return an appeal's row without what would disclose hidden fields."""
        mask = self.mask
        by = row.held_by or ""
        actor = by if by.startswith(by_api("")) else by_person(by)
        if row.held_reason not in (None, REASON) and not self.reads_reasons_of(actor):
            row = replace(row, held_reason=HIDDEN)
        if mask.plain:
            return row
        gone: dict[str, Any] = {name: None for name, paths in _ROW.items() if not all(map(mask.whole, paths))}
        due_on = row.due_on if self.sees_due_dates else None
        shown = replace(row, **gone, due_on=due_on, signal=None, number=mask.text(row.number))
        is_done = row.completeness in (Completeness.COMPLETE, Completeness.SETTLED)
        if mask.hidden(("gaps", ())):
            shown = replace(shown, lacks=(), waits_for=())
        if not mask.plain:
            shown = replace(shown, unassessed=(), misdated=False)
        if not mask.shows_plan:
            shown = replace(shown, lacks=())
        if mask.hidden(("completeness", ())):
            shown, is_done = replace(shown, completeness=None), True
        if not (mask.process and mask.shows_lookups):
            # When it is worked on, and what it waits for, tells when something of it has changed.
            shown = replace(shown, held_reason=None, due_at=None, waits_for=(), state=_at_rest(row, is_done=is_done))
        if mask.hides_numbers:
            shown = replace(shown, number="")
        if not self.knows_messages:
            shown = replace(shown, message_id="")
        if not self.channel and mask.hidden(("appeal", ("channel",))):
            shown = replace(shown, channel="")
        lookups = tuple(lack for lack in shown.lacks if mask.shows_lookup(lack))
        why = None if shown.held_reason is None else mask.text(shown.held_reason)
        return replace(shown, lacks=lookups, held_reason=why)

    def may_choose_by(self, name: str) -> bool:
        """Whether appeals may be filtered by a column: a filter discloses its value."""
        if name == "completeness":
            return not self.mask.hidden(("completeness", ()))
        if name == "due_on":
            return self.sees_due_dates
        return all(map(self.mask.whole, _ROW[name]))


def _at_rest(row: AppealRow, *, is_done: bool) -> AppealState:
    if row.state is AppealState.HELD:
        return row.state
    return AppealState.IDLE if is_done else AppealState.PARKED
