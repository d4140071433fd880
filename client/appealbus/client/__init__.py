"""A small typed client of the appeal bus's HTTP API, for programs with an event loop and for those without."""

from appealbus.client.asynchronous import AsyncClient
from appealbus.client.cache import Cache
from appealbus.client.errors import (
    ClientError,
    CursorAhead,
    Differs,
    FeedRestart,
    Invalid,
    NotAllowed,
    NotTaken,
    Problem,
    PurposeMissing,
    Quarantined,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
    UnexpectedAnswer,
    Unknown,
    Unreachable,
)
from appealbus.client.models import Dossier, FeedEntry, FeedPage, Found, Operation, State, Submitted, Version
from appealbus.client.retrying import Retries
from appealbus.client.sync import Client
from appealbus.client.version import __version__

__all__ = [
    "AsyncClient",
    "Cache",
    "Client",
    "ClientError",
    "CursorAhead",
    "Differs",
    "Dossier",
    "FeedEntry",
    "FeedPage",
    "FeedRestart",
    "Found",
    "Invalid",
    "NotAllowed",
    "NotTaken",
    "Operation",
    "Problem",
    "PurposeMissing",
    "Quarantined",
    "Retries",
    "State",
    "Submitted",
    "TooManyRequests",
    "Unauthenticated",
    "Unavailable",
    "UnexpectedAnswer",
    "Unknown",
    "Unreachable",
    "Version",
    "__version__",
]
