"""Clients of the bus, and which appeals the sender of a change may touch."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self, TypeAlias

import orjson

from appealbus.schemas.change import Change, ChangeKind
from appealbus.schemas.identifiers import parse_kato, parse_or_none
from appealbus.schemas.territory import within


class Role(StrEnum):
    """Role of a client; docs/api.md has a table of permissions."""

    CHANNEL = "channel"
    """Submits appeals and changes, and sees their states but no contents."""
    REGISTRY = "registry"
    """The register of appeals: dossiers, versions, why, explain, history, feed."""
    REVIEWER = "reviewer"
    """An official who reviews appeals: the same without the feed, and with a purpose for each read."""
    INTEGRATOR = "integrator"
    """Developer of agencies: outcomes and causes, without personal data."""
    OPS = "ops"
    """Operator: states, history, the feed and its readers, without personal data."""
    AUDITOR = "auditor"
    """Auditor of accesses: history, log and readers of the feed, without personal data."""


@dataclass(frozen=True, slots=True)
class Client:
    """A client in the journal.

    Attributes:
        channel: of its appeals, with the role `channel`; else empty.
        places: visible territories by КАТО, normalized; empty: all.
        kinds: visible kinds of appeals; empty: all, also unknown ones.
        per_minute: limit of requests over all servers; None: as configured.
        created_by: an actor of the log.
    """

    name: str
    role: Role
    channel: str
    places: tuple[str, ...]
    kinds: tuple[str, ...]
    per_minute: int | None
    created_at: datetime
    created_by: str
    revoked_at: datetime | None = None


OF_PEOPLE = ("link", "session")
"""Credentials of people in the console; numerous, and deleted on expiry."""


@dataclass(frozen=True, slots=True)
class Credential:
    """A token or certificate, of which only the SHA-256 is stored.

    Attributes:
        id: the public part of a token, used to find it; of a certificate the fingerprint.
        kind: `token` or `certificate`; in the console `link` or `session`.
    """

    id: str
    kind: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None


EVERY = "*"
"""Stands for all kinds of change, also those of later releases."""
OF_CITIZENS = frozenset({ChangeKind.CORRECTED.value, ChangeKind.WITHDRAWN.value})
"""Default rights of a channel for its own appeals: those of an appeal's author."""
FOREIGN, OUT_OF_SCOPE, NOT_ALLOWED = "change.foreign", "change.out_of_scope", "change.not_allowed"
REFUSED = frozenset({FOREIGN, OUT_OF_SCOPE})
"""Codes hidden from senders, since they would reveal which appeals exist."""
_ALIKE = {"due_on": ChangeKind.DUE, "addressee": ChangeKind.REDIRECTED}
"""Fields whose correction acts like another kind of change and needs that right, too."""
_AHEAD = timedelta(minutes=5)
_LONGEST = 300
"""Characters of a code with separators."""


@dataclass(frozen=True, slots=True)
class Touched:
    """The data of an appeal, current or changed, that decides about rights."""

    channel: str
    place: str | None = None
    kind: str | None = None

    def after(self, moves: Mapping[str, str | None]) -> Self:
        return replace(self, place=moves.get("place", self.place), kind=moves.get("kind", self.kind))


@dataclass(frozen=True, slots=True)
class Says:
    """The data of a change that decides about rights; always small."""

    kinds: frozenset[str]
    """Kinds of change by effect; each needs a right."""
    moves: Mapping[str, str | None]
    """New values of the appeal's `place` and `kind`, if changed."""

    @classmethod
    def of(cls, change: Change) -> Self:
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
        """Serialize for storage with a change."""
        return orjson.dumps([sorted(self.kinds), self.moves]).decode()

    @classmethod
    def read(cls, kept: str) -> Self:
        kinds, moves = orjson.loads(kept)
        return cls(frozenset(kinds), moves)


@dataclass(frozen=True, slots=True)
class Sender:
    """A sender and its rights.

    Attributes:
        channel: only its appeals; empty: all.
        places: territories by КАТО with those below; empty: all.
        kinds: of appeals; empty: all, also unknown ones.
        changes: kinds of change, or `*`.
        client: name of the HTTP API's client, with its role; empty: an intake or command.
    """

    channel: str = ""
    places: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    changes: frozenset[str] = frozenset()
    client: str = ""
    role: str = ""

    @property
    def scoped(self) -> bool:
        """Whether place or kind of an appeal restrict access."""
        return bool(self.places or self.kinds)

    def may_send(self, says: Says) -> bool:
        """Whether the change is allowed for any appeal."""
        return EVERY in self.changes or says.kinds <= self.changes

    def refusal(self, before: Touched, says: Says, dated_at: datetime, at: datetime) -> str | None:
        """Return the code of a refusal; None: allowed.

        The appeal is checked before the change, and as if the change came last. A sender with scopes may not move it
        with a future date.
        """
        if self.scoped and says.moves and dated_at > at + _AHEAD:
            return OUT_OF_SCOPE
        if self.channel and before.channel != self.channel:
            return FOREIGN
        return None if self._covers(before) and self._covers(before.after(says.moves)) else OUT_OF_SCOPE

    def _covers(self, it: Touched) -> bool:
        return (not self.kinds or it.kind in self.kinds) and within(self.places, it.place)

    def kept(self) -> str:
        """Serialize for storage with a message. Kinds of change are left out; the current policy decides."""
        scope: dict[str, Any] = {"channel": self.channel, "places": self.places, "kinds": self.kinds}
        return orjson.dumps({**scope, "client": self.client, "role": self.role}).decode()

    @classmethod
    def read(cls, kept: str | None, channel: str) -> Self:
        every = frozenset({EVERY})
        if kept is None:
            return cls(channel, changes=every)
        document = orjson.loads(kept)
        scope = document["channel"], tuple(document["places"]), tuple(document["kinds"]), every
        return cls(*scope, client=document["client"], role=document["role"])


SenderOf: TypeAlias = Callable[[str | None, str], Sender]
"""Returns the sender of a stored message, given its serialized form and channel."""


def _parsed(kato: str) -> str | None:
    return parse_or_none(parse_kato, kato) if len(kato) <= _LONGEST else None
