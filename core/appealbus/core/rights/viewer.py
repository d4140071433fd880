"""Who looks: a client, a role or a receiver, with its mask and with the appeals that it may see."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from appealbus.core.domain.client import Client, Role
from appealbus.core.domain.event import by_api, by_person
from appealbus.core.domain.listing import AppealRow, AppealState
from appealbus.core.domain.places import within
from appealbus.core.journal.appeals.suspects import REASON
from appealbus.core.rights.actions import MAY, Action
from appealbus.core.rights.builtin import EVERYTHING
from appealbus.core.rights.fields import is_of_the_dossier
from appealbus.core.rights.identifiers import HIDDEN
from appealbus.core.rights.mask import Mask
from appealbus.core.rights.paths import Path
from appealbus.schemas.dossier import Completeness

_ROW: dict[str, Sequence[Path]] = {
    "closed": [("changes", ("kind",))],
    "kind": [("appeal", ("kind",))],
    "place": [("appeal", ("place",)), ("appeal", ("addressee",))],
    "body": [("appeal", ("addressee",))],
}
"""Of an appeal in a list: what it tells of which fields. Its due date tells of more."""
_COUNTED: Sequence[Path] = (
    *(("appeal", (name,)) for name in ("due_on", "kind", "received_at")),
    *(("changes", (name,)) for name in ("kind", "dated_at")),
    ("receipt", ("accepted_at",)),
)
"""What a due date follows from: who knows the one may conclude the other."""
_BY_PROCESS: Sequence[Path] = (
    ("appeal", ("addressee",)),
    *(("changes", (name,)) for name in ("to", "part", "due_on", "result", "answered_on")),
)
"""The same, where it follows only from whether there is a value, and whether it is another than before."""
_OF_TERMS: Sequence[Path] = (("number", ()), ("changes", ()))
"""What the proof of a term tells of besides: what happened, and when."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks, and what of.

    Attributes:
        name: of the client or the receiver; of a role its own.
        role: None: of a receiver, or of whoever may see everything here.
        mask: what is seen of a dossier.
        places: territories by КАТО of which appeals are seen, with all below them; empty: all.
        kinds: of appeals that are seen; empty: all, and those of no known kind.
        purpose_needed: whether each read needs a purpose.
        channel: whose appeals are seen alone; empty: those of all.
        counted: what due dates rest on besides, by the terms that are loaded.
        actor: who it is in the log.

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
        """What it may do."""
        return frozenset(Action) if self.role is None else MAY[self.role]

    @property
    def scoped(self) -> bool:
        """Whether there are appeals that it may not see."""
        return bool(self.places or self.kinds or self.channel)

    @property
    def sieve(self) -> Callable[[AppealRow], bool] | None:
        """What tells the appeals that it may see from others; None: it may see all."""
        return self.sees if self.scoped else None

    @property
    def eyes(self) -> str:
        """The same of viewers to whom all looks the same: whatever is added to a viewer or its mask counts here."""
        own = repr(replace(self, name="", actor="", mask=EVERYTHING)).encode()
        return sha256(self.mask.written + own).hexdigest()

    def may(self, action: Action) -> bool:
        """Whether it may do that at all."""
        return action in self.actions

    @property
    def sees_terms(self) -> bool:
        """Whether all is shown whole that a term follows from."""
        return self.sees_due_dates and all(map(self.mask.whole, (*_BY_PROCESS, *_OF_TERMS)))

    @property
    def sees_due_dates(self) -> bool:
        """Whether due dates are shown: they would tell of all that they are counted from."""
        if self.mask.plain:
            return True
        besides = () if self.mask.process else _BY_PROCESS
        return all(map(self.mask.whole, (*_COUNTED, *besides, *self.counted))) and all(
            map(is_of_the_dossier, self.counted)
        )

    @property
    def knows_messages(self) -> bool:
        """Whether ids of messages are shown; a channel knows those of its own."""
        return bool(self.channel) or self.mask.whole(("appeal", ("message_id",)))

    def reads_purposes_of(self, actor: str) -> bool:
        """Whether it reads what somebody wrote that they look for: auditors do, and who wrote it."""
        return self.may(Action.LOG) or actor == self.actor

    def reads_reasons_of(self, actor: str) -> bool:
        """Whether it reads why somebody did something, in their own words: who may do the like reads that, too."""
        return self.may(Action.OPERATE) or self.reads_purposes_of(actor)

    def sees(self, row: AppealRow) -> bool:
        """Whether an appeal is one of those that it may see."""
        return (not self.channel or row.channel == self.channel) and self.covers(row.place, row.kind)

    def covers(self, place: str | None, kind: str | None) -> bool:
        """Whether appeals of this place and kind are within its scopes."""
        if self.kinds and kind not in self.kinds:
            return False
        return within(self.places, place)

    def row(self, row: AppealRow) -> AppealRow:
        """Return how an appeal stands, without what would tell of hidden fields."""
        mask = self.mask
        if row.held_reason not in (None, REASON) and not self.reads_reasons_of(by_person(row.held_by or "")):
            row = replace(row, held_reason=HIDDEN)
        if mask.plain:
            return row
        gone: dict[str, Any] = {name: None for name, paths in _ROW.items() if not all(map(mask.whole, paths))}
        due_on = row.due_on if self.sees_due_dates else None
        told = replace(row, **gone, due_on=due_on, signal=None, number=mask.text(row.number))
        is_done = row.completeness in (Completeness.COMPLETE, Completeness.SETTLED)
        if mask.hidden(("gaps", ())):
            told = replace(told, lacks=(), waits_for=())
        if not mask.plain:
            told = replace(told, unassessed=(), misdated=False)
        if not mask.shows_plan:
            told = replace(told, lacks=())
        if mask.hidden(("completeness", ())):
            told, is_done = replace(told, completeness=None), True
        if not (mask.process and mask.shows_lookups):
            # When it is worked on, and what it waits for, tells when something of it has changed.
            told = replace(told, held_reason=None, due_at=None, waits_for=(), state=_at_rest(row, is_done=is_done))
        if mask.hides_numbers:
            told = replace(told, number="")
        if not self.knows_messages:
            told = replace(told, message_id="")
        if not self.channel and mask.hidden(("appeal", ("channel",))):
            told = replace(told, channel="")
        lookups = tuple(each for each in told.lacks if mask.shows_lookup(each))
        why = None if told.held_reason is None else mask.text(told.held_reason)
        return replace(told, lacks=lookups, held_reason=why)

    def may_choose_by(self, name: str) -> bool:
        """Whether appeals may be chosen by something that a list tells of them: who does so learns what it is."""
        if name == "completeness":
            return not self.mask.hidden(("completeness", ()))
        if name == "due_on":
            return self.sees_due_dates
        return all(map(self.mask.whole, _ROW[name]))


def _at_rest(row: AppealRow, *, is_done: bool) -> AppealState:
    if row.state is AppealState.HELD:
        return row.state
    return AppealState.IDLE if is_done else AppealState.PARKED


def of_client(client: Client, mask: Mask, *, purpose_needed: bool, counted: tuple[Path, ...] = ()) -> Viewer:
    """Return who a client is as it looks."""
    own = client.channel if client.role is Role.CHANNEL else ""
    return Viewer(
        client.name, client.role, mask, client.places, client.kinds, purpose_needed, own, counted, by_api(client.name)
    )
