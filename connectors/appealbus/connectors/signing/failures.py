"""Failures of rejected signatures."""

from appealbus.core import CallFailed
from appealbus.schemas.outcome import OutcomeKind

_MENDED = 300.0
"""Seconds of pause: nobody fixes keys or settings faster, and each question discloses a person for nothing."""


def failed(code: str, reason: str, kind: OutcomeKind = OutcomeKind.INVALID) -> CallFailed:
    return CallFailed(kind, code, reason)


def failed_as_all(code: str, reason: str, kind: OutcomeKind = OutcomeKind.INVALID) -> CallFailed:
    """Return the failure of a message rejected for a reason that affects all messages of its sender."""
    return CallFailed(kind, code, reason, retry_after=_MENDED)
