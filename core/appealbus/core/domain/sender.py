"""Who sends changes: by which kinds of change it may touch which appeals, as these are before and would be after."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Self

import orjson

from appealbus.core.domain.change import Order
from appealbus.core.domain.places import within
from appealbus.schemas.change import Change, ChangeKind
from appealbus.schemas.identifiers import parse_kato, parse_or_none

EVERY = "*"
"""In the place of a kind of change: all of them, those too that only a later release knows."""
OF_CITIZENS = frozenset({ChangeKind.CORRECTED.value, ChangeKind.WITHDRAWN.value})
"""What a channel may send about its own appeals where nothing says otherwise: what whoever wrote one may do to it."""
FOREIGN, OUT_OF_SCOPE, NOT_ALLOWED = "change.foreign", "change.out_of_scope", "change.not_allowed"
REFUSED = frozenset({FOREIGN, OUT_OF_SCOPE})
"""Codes of which a sender is told nothing: else it would learn which appeals there are."""
_ALIKE = {"due_on": ChangeKind.DUE, "addressee": ChangeKind.REDIRECTED}
"""Fields of which a correction does what another kind of change does: it needs that right, too."""
_AHEAD = timedelta(minutes=5)
"""How far a register's clock may be ahead."""
_LONGEST = 300
"""Characters of a code with all that stands between its digits."""


@dataclass(frozen=True, slots=True)
class Touched:
    """Of an appeal what decides who may change it: as it is, or as it would be."""

    channel: str
    place: str | None = None
    kind: str | None = None

    def after(self, changes: Iterable[tuple[Order, Change]]) -> Self:
        """Return the same after changes, in the order in which they count."""
        place, kind = self.place, self.kind
        for _, change in sorted(changes, key=lambda pair: pair[0]):
            if change.kind != ChangeKind.CORRECTED:
                continue
            if change.corrected is not None and change.corrected.kind is not None:
                kind = str(change.corrected.kind)
            if change.corrected is not None and change.corrected.place is not None:
                kato = change.corrected.place.kato
                place = place if kato is None else _parsed(kato)
            kind = None if "kind" in change.removed else kind
            place = None if {"place", "place.kato"}.intersection(change.removed) else place
        return replace(self, place=place, kind=kind)


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends changes, and what it may touch.

    Attributes:
        channel: whose appeals it may touch alone; empty: those of all channels.
        places: territories by КАТО, with all below them; empty: all.
        kinds: of appeals; empty: all, and those of no known kind.
        changes: kinds of change that it may send, or `*`.
        client: of the HTTP API, by its name; empty: what an intake or a command brings.
        role: of that client.

    """

    channel: str = ""
    places: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    changes: frozenset[str] = frozenset()
    client: str = ""
    role: str = ""

    @property
    def scoped(self) -> bool:
        """Whether place and kind of an appeal decide whether it may touch it."""
        return bool(self.places or self.kinds)

    def may_send(self, change: Change) -> bool:
        """Whether it may send such a change at all, whatever the appeal."""
        if EVERY in self.changes:
            return True
        needed = {"" if change.kind is None else str(change.kind)}
        if change.kind == ChangeKind.CORRECTED:
            given = (
                set() if change.corrected is None else {name for name, value in change.corrected if value is not None}
            )
            fields = given | {path.partition(".")[0] for path in change.removed}
            needed |= {kind.value for field, kind in _ALIKE.items() if field in fields}
        return needed <= self.changes

    def refusal(self, before: Touched, after: Touched) -> str | None:
        """Return the code for which it may not touch an appeal that is so before, and so after; None: it may."""
        if self.channel and before.channel != self.channel:
            return FOREIGN
        return None if self._covers(before) and self._covers(after) else OUT_OF_SCOPE

    def refusal_ahead(self, change: Change, at: datetime) -> str | None:
        """Return why it may not send a change that counts after all that others say from now on; None: it may."""
        if not self.scoped or change.dated_at is None or change.dated_at <= at + _AHEAD:
            return None
        given = change.corrected
        stated = given is not None and (given.place is not None or given.kind is not None)
        removed = any(path.partition(".")[0] in ("place", "kind") for path in change.removed)
        return OUT_OF_SCOPE if change.kind == ChangeKind.CORRECTED and (stated or removed) else None

    def _covers(self, it: Touched) -> bool:
        return (not self.kinds or it.kind in self.kinds) and within(self.places, it.place)

    def kept(self) -> str:
        """Return it as the journal keeps it beside a message: what it may send, the policy says anew."""
        told: dict[str, Any] = {"channel": self.channel, "places": self.places, "kinds": self.kinds}
        return orjson.dumps({**told, "client": self.client, "role": self.role}).decode()

    @classmethod
    def read(cls, kept: str | None, channel: str) -> Self:
        """Return the sender of a message that is kept; one of which nothing is kept may touch its own appeals."""
        if kept is None:
            return cls(channel)
        told = orjson.loads(kept)
        return cls(
            told["channel"], tuple(told["places"]), tuple(told["kinds"]), client=told["client"], role=told["role"]
        )


def _parsed(kato: str) -> str | None:
    return parse_or_none(parse_kato, kato) if len(kato) <= _LONGEST else None
