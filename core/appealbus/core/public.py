"""What plugins may build on: they import it from `appealbus.core`."""

from appealbus.core.config.types import NoSettings, Secret, Settings
from appealbus.core.domain.access import AccessRow
from appealbus.core.domain.case import Case, KeptAnswer, LookupState
from appealbus.core.domain.change import KeptChange
from appealbus.core.domain.counts import (
    Check,
    Counts,
    DueAtBody,
    DueSoon,
    Figures,
    SourceCalls,
    Warned,
    WeekCount,
    WeekCounts,
    WeekPart,
)
from appealbus.core.domain.event import Cursor, EventType, LogEntry, LogPage
from appealbus.core.domain.listing import AppealRow, AppealState, VersionRow
from appealbus.core.domain.source_state import BreakerState, CertificateState, SourceState
from appealbus.core.errors import AppealBusError, ConfigError, JournalError
from appealbus.core.interfaces.answer import Answer, Answers, Kept, RawReply
from appealbus.core.interfaces.assessor import Assessor, records
from appealbus.core.interfaces.delivery import Delivery, Handed, Outgoing, Refused
from appealbus.core.interfaces.intake import Acceptor, Inbound, Intake, Quarantined, Taken
from appealbus.core.interfaces.journal_part import JournalPart
from appealbus.core.interfaces.link import LinkState, LinkStatus
from appealbus.core.interfaces.lookup import (
    From,
    FromAll,
    Lookup,
    Query,
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
from appealbus.core.interfaces.notes import Notes, ReplyCheck
from appealbus.core.interfaces.pages import (
    AppealLog,
    AppealsPage,
    Asgi,
    OperationStanding,
    PageRefused,
    Pages,
    PagesContext,
    PageViewer,
    ReceiverStanding,
)
from appealbus.core.interfaces.part import Factory
from appealbus.core.interfaces.past import Comparison, Other, Past, PastAssessor, PastFinder
from appealbus.core.interfaces.service import JournalView, RunningBus, Service
from appealbus.core.interfaces.source import Source
from appealbus.core.interfaces.terms import Terms
from appealbus.core.interfaces.wire import (
    Call,
    CallFailed,
    Form,
    Health,
    MessageContract,
    Payload,
    Reply,
    Request,
    Shape,
    SingleUse,
    Wire,
)
from appealbus.core.interfaces.work import Waiting, WorkQueue
from appealbus.core.journal.errors import CursorRefused
from appealbus.core.loading.hookspecs import hookimpl
from appealbus.core.plugin_calls.threads import NoThread
from appealbus.core.version import API_VERSION, __version__
from appealbus.schemas.outcome import Outcome, OutcomeKind

_NOUNS = (
    "appeals deliveries feed health log operations outages people quarantine records settings sources tables viewing"
    " workers"
)
PUBLIC_MODULES = (
    "appealbus.core.backoff",
    "appealbus.core.clocks",
    "appealbus.core.commands",
    "appealbus.core.config.files",
    "appealbus.core.config.types",
    "appealbus.core.escaping",
    "appealbus.core.fair_share",
    "appealbus.core.language",
    "appealbus.core.management",
    "appealbus.core.masking",
    "appealbus.core.readings",
    "appealbus.core.replies.codes",
    "appealbus.core.replies.convert",
    "appealbus.core.replies.names",
    "appealbus.core.replies.subject",
    "appealbus.core.replies.xmlread",
    "appealbus.core.replies.xmlschema",
    "appealbus.core.serving",
    "appealbus.core.testing",
    "appealbus.core.texts",
    *(f"appealbus.core.management.{noun}" for noun in _NOUNS.split()),
)
"""What plugins may import beside this module: for declared lookups, replies, tests, settings, stamps and pauses, to
mask numbers and to compare texts; for pages, commands and processes that read and operate a bus."""

What = EventType
"""Deprecated, until 0.4: the earlier name."""

# A plugin and its settings.
__all__ = ["API_VERSION", "PUBLIC_MODULES", "NoSettings", "Secret", "Settings", "__version__", "hookimpl"]
# Errors.
__all__ += ["AppealBusError", "CallFailed", "ConfigError", "JournalError", "NoThread"]
# A lookup: its questions and how they end.
__all__ += ["From", "FromAll", "Lookup", "Outcome", "OutcomeKind", "Query", "Source"]
__all__ += [
    "awaiting",
    "found",
    "invalid",
    "not_applicable",
    "not_found",
    "refused",
    "skipped",
    "timed_out",
    "unavailable",
]
# An assessor.
__all__ += ["Assessor", "Comparison", "Other", "Past", "PastAssessor", "PastFinder", "records"]
# What a plugin keeps in the journal.
__all__ += ["JournalPart"]
# A connector and its wires.
__all__ += [
    "Call",
    "CertificateState",
    "Factory",
    "Form",
    "Health",
    "LinkState",
    "LinkStatus",
    "MessageContract",
    "Notes",
    "Payload",
    "Reply",
    "ReplyCheck",
    "Request",
    "Shape",
    "SingleUse",
    "Wire",
]
__all__ += ["Answer", "Answers", "Kept", "KeptAnswer", "RawReply"]
# Ways in and out.
__all__ += ["Acceptor", "Inbound", "Intake", "Quarantined", "Taken"]
__all__ += ["Delivery", "Handed", "Outgoing", "Refused"]
__all__ += ["Waiting", "WorkQueue"]
# Until when appeals have to be answered.
__all__ += ["Terms"]
# Pages in the server of the API.
__all__ += ["AppealLog", "AppealsPage", "Asgi", "OperationStanding", "PageRefused", "PageViewer", "Pages"]
__all__ += ["PagesContext", "ReceiverStanding"]
# A service and what it is handed.
__all__ += ["JournalView", "RunningBus", "Service"]
__all__ += ["BreakerState", "Check", "Counts", "Figures", "SourceCalls", "SourceState"]
__all__ += ["AccessRow", "AppealRow", "AppealState", "Case", "KeptChange", "LookupState", "VersionRow"]
__all__ += ["DueAtBody", "DueSoon", "Warned", "WeekCount", "WeekCounts", "WeekPart"]
__all__ += ["Cursor", "CursorRefused", "EventType", "LogEntry", "LogPage", "What"]
