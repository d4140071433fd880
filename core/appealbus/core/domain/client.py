"""Clients: systems that put appeals in, and that read what became of them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Role(StrEnum):
    """What a client is there for; docs/api.md has the table of what each may do."""

    CHANNEL = "channel"
    """Puts appeals and changes in, and sees how its own stand, not what they say."""
    REGISTRY = "registry"
    """The register of appeals: dossiers, versions, why, explain, history, feed."""
    REVIEWER = "reviewer"
    """An official who reviews appeals: the same without the feed, and each read has a purpose."""
    INTEGRATOR = "integrator"
    """Whoever adds agencies: how questions ended and why, and nothing that is personal."""
    OPS = "ops"
    """Whoever keeps it running: how appeals stand, their history, the feed, who reads it; nothing personal."""
    AUDITOR = "auditor"
    """Whoever looks who looked: history, log, who reads the feed; nothing personal."""


@dataclass(frozen=True, slots=True)
class Client:
    """A client as it stands in the journal.

    Attributes:
        name: as people wrote it: Latin letters, digits, `_` and `-`.
        role: what it is there for.
        channel: with the role `channel`: the channel of its appeals; else empty.
        places: territories by КАТО in their normal form, of which it sees appeals; empty: all.
        kinds: of appeals that it sees; empty: all, and those of no known kind.
        per_minute: requests that it may make in a minute, over all servers; None: what the configuration says.
        created_at: when.
        created_by: by whom: an actor of the log.
        revoked_at: since when none of its credentials counts; None: they count.

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
"""Kinds of credentials by which people use the console: they come by the dozen, and are deleted once they are over."""


@dataclass(frozen=True, slots=True)
class Credential:
    """What a client shows of itself: a token or a certificate, of which only the SHA-256 is kept.

    Attributes:
        id: of a token, the part of it that may be seen: it finds the row; of a certificate its fingerprint.
        kind: `token` or `certificate`; of a person who uses the console `link` or `session`.
        created_at: when.
        expires_at: from when on it counts no more.
        revoked_at: since when it counts no more, before its time.

    """

    id: str
    kind: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None
