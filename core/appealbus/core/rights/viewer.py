"""Who looks: a client, a role or a receiver, with its mask and with the appeals that it may see."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from appealbus.core.domain.client import Client, Role
from appealbus.core.domain.listing import AppealRow, AppealState
from appealbus.core.domain.places import within
from appealbus.core.rights.actions import MAY, Action
from appealbus.core.rights.mask import Mask
from appealbus.core.rights.paths import Path
from appealbus.schemas.dossier import Completeness

_ROW: dict[str, Sequence[Path]] = {
    "due_on": [("appeal", ("due_on",))],
    "closed": [("changes", ())],
    "kind": [("appeal", ("kind",))],
    "place": [("appeal", ("place",)), ("appeal", ("addressee",))],
}
"""Of an appeal in a list: what it tells of which fields."""


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

    """

    name: str
    role: Role | None
    mask: Mask
    places: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    purpose_needed: bool = False
    channel: str = ""

    @property
    def actions(self) -> frozenset[Action]:
        """What it may do."""
        return frozenset(Action) if self.role is None else MAY[self.role]

    def may(self, action: Action) -> bool:
        """Whether it may do that at all."""
        return action in self.actions

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
        if mask.plain:
            return row
        gone: dict[str, Any] = {name: None for name, paths in _ROW.items() if not all(map(mask.whole, paths))}
        told = replace(row, **gone, signal=None, number=mask.text(row.number))
        if not mask.process:
            # When it is worked on tells when something of it has changed.
            told = replace(told, held_reason=None, due_at=None, state=_at_rest(row))
        if mask.hidden(("completeness", ())):
            told = replace(told, completeness=None)
        if mask.hidden(("number", ())):
            told = replace(told, number="")
        # A channel knows the ids of its own messages.
        if not self.channel and not mask.whole(("appeal", ("message_id",))):
            told = replace(told, message_id="")
        lookups = tuple(each for each in row.lacks if mask.shows_lookup(each))
        sources = tuple(each for each in row.waits_for if mask.process or mask.shows_lookup(f"{each}.any"))
        return replace(told, lacks=lookups, waits_for=sources, message_id=mask.text(told.message_id))


def _at_rest(row: AppealRow) -> AppealState:
    if row.state is AppealState.HELD:
        return row.state
    return AppealState.IDLE if row.completeness == Completeness.COMPLETE.value else AppealState.PARKED


def of_client(client: Client, mask: Mask, *, purpose_needed: bool) -> Viewer:
    """Return who a client is as it looks."""
    own = client.channel if client.role is Role.CHANNEL else ""
    return Viewer(client.name, client.role, mask, client.places, client.kinds, purpose_needed, own)
