"""Clients: systems that submit appeals or read results."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


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
