"""The bus. What plugins import is here; the rest is the bus's own business."""

from appealbus.core.assessor import Assessor
from appealbus.core.config.base import ConfigError, NoSettings, Settings
from appealbus.core.config.types import Secret
from appealbus.core.delivery import Delivery, Outgoing
from appealbus.core.hookspecs import hookimpl
from appealbus.core.intake import Acceptor, Inbound, Intake, Quarantined, Taken
from appealbus.core.link import LinkState, LinkStatus
from appealbus.core.lookup import From, FromAll, Lookup, Query
from appealbus.core.outcomes import (
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
from appealbus.core.service import Service
from appealbus.core.source import Source
from appealbus.core.version import __version__
from appealbus.core.wire import Call, CallFailed, Connector, Health, Layer, Reply, Request, Wire
from appealbus.core.work import Waiting, WorkQueue
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
    "Health",
    "Inbound",
    "Intake",
    "Layer",
    "LinkState",
    "LinkStatus",
    "Lookup",
    "NoSettings",
    "Outcome",
    "OutcomeKind",
    "Outgoing",
    "Quarantined",
    "Query",
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
