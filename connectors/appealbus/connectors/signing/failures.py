"""How a signature fails that is not taken."""

from appealbus.core import CallFailed
from appealbus.schemas.outcome import OutcomeKind

_MENDED = 300.0
"""Seconds in which nobody changes keys, certificates or settings. Until then no other answer would be taken either, so
the source is left alone: each question tells it about a person for nothing."""


def failed(code: str, reason: str, kind: OutcomeKind = OutcomeKind.INVALID) -> CallFailed:
    """Return the failure of a message that is not taken."""
    return CallFailed(kind, code, reason)


def failed_as_all(code: str, reason: str, kind: OutcomeKind = OutcomeKind.INVALID) -> CallFailed:
    """Return the failure of a message that is not taken for what all of its sender's have in common."""
    return CallFailed(kind, code, reason, retry_after=_MENDED)
