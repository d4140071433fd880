"""Colour and shape of words: the kinds of `ui.badge`."""

from datetime import date
from enum import StrEnum

from appealbus.core import AppealState
from appealbus.schemas.dossier import Completeness
from appealbus.schemas.outcome import OutcomeKind
from appealbus.schemas.signal import Severity

_SOON = 3
"""Days before the due date from which it is highlighted, as on dossiers."""
_KINDS: dict[StrEnum, str] = {
    AppealState.READY: "calm",
    AppealState.IN_WORK: "calm",
    AppealState.PARKED: "warn",
    AppealState.IDLE: "plain",
    AppealState.SUSPECT: "bad",
    AppealState.HELD: "bad",
    Completeness.PARTIAL: "warn",
    Completeness.COMPLETE: "good",
    Completeness.SETTLED: "bad",
    Severity.INFO: "calm",
    Severity.WARNING: "warn",
    Severity.CRITICAL: "bad",
    OutcomeKind.FOUND: "good",
    OutcomeKind.NOT_FOUND: "plain",
    OutcomeKind.NOT_APPLICABLE: "plain",
    OutcomeKind.REFUSED: "bad",
    OutcomeKind.UNAVAILABLE: "warn",
    OutcomeKind.TIMED_OUT: "warn",
    OutcomeKind.INVALID: "bad",
    OutcomeKind.AWAITING: "calm",
    OutcomeKind.SKIPPED: "plain",
}


def mark(word: StrEnum) -> str:
    return _KINDS.get(word, "plain")


def short(text: str, most: int = 20_000) -> str:
    return text if len(text) <= most else f"{text[:most]} … ({len(text):,})"


def urgency(due: date, today: date) -> str:
    """Return the CSS class of a due date: `late`, `soon` or none."""
    left = (due - today).days
    return "late" if left < 0 else "soon" if left <= _SOON else ""
