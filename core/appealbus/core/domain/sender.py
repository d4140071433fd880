"""Who sends changes: by which kinds of change it may touch which appeals, as these are before and would be after."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Self, TypeAlias

import orjson

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

    def after(self, moves: Mapping[str, str | None]) -> Self:
        """Return the same after a change that makes this of it."""
        return replace(self, place=moves.get("place", self.place), kind=moves.get("kind", self.kind))


@dataclass(frozen=True, slots=True)
class Says:
    """Of a change what decides who may make it: small, whatever the change."""

    kinds: frozenset[str]
    """Kinds of change that it is by what it does: its sender needs the right to each."""
    moves: Mapping[str, str | None]
    """What it makes of the `place` and the `kind` of its appeal, where it does."""

    @classmethod
    def of(cls, change: Change) -> Self:
        """Return it of a change."""
        kinds, moves = {"" if change.kind is None else str(change.kind)}, dict[str, str | None]()
        if change.kind == ChangeKind.CORRECTED:
            given = {name: value for name, value in change.corrected or () if value is not None}
            fields = given.keys() | {path.partition(".")[0] for path in change.removed}
            kinds |= {kind.value for field, kind in _ALIKE.items() if field in fields}
            if "kind" in given:
                moves["kind"] = str(given["kind"])
            if "place" in given and given["place"].kato is not None:
                moves["place"] = _parsed(given["place"].kato)
            moves |= {"kind": None} if "kind" in change.removed else {}
            moves |= {"place": None} if {"place", "place.kato"}.intersection(change.removed) else {}
        return cls(frozenset(kinds), moves)

    def kept(self) -> str:
        """Return it as the journal keeps it beside a change."""
        return orjson.dumps([sorted(self.kinds), self.moves]).decode()

    @classmethod
    def read(cls, kept: str) -> Self:
        """Return it as it was kept."""
        kinds, moves = orjson.loads(kept)
        return cls(frozenset(kinds), moves)


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

    def may_send(self, says: Says) -> bool:
        """Whether it may send such a change at all, whatever the appeal."""
        return EVERY in self.changes or says.kinds <= self.changes

    def refusal(self, before: Touched, says: Says, dated_at: datetime, at: datetime) -> str | None:
        """Return the code for which it may not make a change that came at a moment; None: it may.

        The appeal is asked for as it is, and as it would be if the change counted last. One with scopes moves nothing
        by what counts after all that others say from now on.
        """
        if self.scoped and says.moves and dated_at > at + _AHEAD:
            return OUT_OF_SCOPE
        if self.channel and before.channel != self.channel:
            return FOREIGN
        return None if self._covers(before) and self._covers(before.after(says.moves)) else OUT_OF_SCOPE

    def _covers(self, it: Touched) -> bool:
        return (not self.kinds or it.kind in self.kinds) and within(self.places, it.place)

    def kept(self) -> str:
        """Return it as the journal keeps it beside a message: what it may send, the policy says anew."""
        told: dict[str, Any] = {"channel": self.channel, "places": self.places, "kinds": self.kinds}
        return orjson.dumps({**told, "client": self.client, "role": self.role}).decode()

    @classmethod
    def read(cls, kept: str | None, channel: str) -> Self:
        """Return the sender of a message that is kept; one of which nothing is kept may touch its own appeals."""
        every = frozenset({EVERY})
        if kept is None:
            return cls(channel, changes=every)
        told = orjson.loads(kept)
        scope = told["channel"], tuple(told["places"]), tuple(told["kinds"]), every
        return cls(*scope, client=told["client"], role=told["role"])


SenderOf: TypeAlias = Callable[[str | None, str], Sender]
"""Returns who sent a message that is kept, given what is kept of that and the channel."""


def _parsed(kato: str) -> str | None:
    return parse_or_none(parse_kato, kato) if len(kato) <= _LONGEST else None
