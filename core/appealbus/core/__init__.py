"""The bus. What plugins import is here; the rest is the bus's own business."""

from appealbus.core.config.base import ConfigError, NoSettings, Settings
from appealbus.core.config.types import Secret
from appealbus.core.hookspecs import hookimpl
from appealbus.core.interfaces.assessor import Assessor
from appealbus.core.interfaces.delivery import Delivery, Handed, Outgoing, Refused
from appealbus.core.interfaces.intake import Acceptor, Inbound, Intake, Quarantined, Taken
from appealbus.core.interfaces.link import LinkState, LinkStatus
from appealbus.core.interfaces.lookup import From, FromAll, Lookup, Query
from appealbus.core.interfaces.outcomes import (
    awaiting,
    found,
    invalid,
    not_applicable,
    not_found,
    refused,
    skipped,
    timed_out,
    unavailable,
)
from appealbus.core.interfaces.service import Service
from appealbus.core.interfaces.source import Source
from appealbus.core.interfaces.wire import Call, CallFailed, Connector, Health, Reply, Request, Wire
from appealbus.core.interfaces.work import Waiting, WorkQueue
from appealbus.core.version import __version__
from appealbus.schemas.outcome import Outcome, OutcomeKind

__all__ = [
    "Acceptor",
    "Assessor",
    "Call",
    "CallFailed",
    "ConfigError",
    "Connector",
    "Delivery",
    "From",
    "FromAll",
    "Handed",
    "Health",
    "Inbound",
    "Intake",
    "LinkState",
    "LinkStatus",
    "Lookup",
    "NoSettings",
    "Outcome",
    "OutcomeKind",
    "Outgoing",
    "Quarantined",
    "Query",
    "Refused",
    "Reply",
    "Request",
    "Secret",
    "Service",
    "Settings",
    "Source",
    "Taken",
    "Waiting",
    "Wire",
    "WorkQueue",
    "__version__",
    "awaiting",
    "found",
    "hookimpl",
    "invalid",
    "not_applicable",
    "not_found",
    "refused",
    "skipped",
    "timed_out",
    "unavailable",
]
