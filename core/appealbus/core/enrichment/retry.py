"""Computes when a parked lookup is asked again."""

from datetime import datetime, timedelta

from appealbus.core.backoff import doubled, half_jitter
from appealbus.core.config.models import RetrySettings
from appealbus.core.domain.case import Case, LookupState
from appealbus.core.domain.pauses import HELD_BACK
from appealbus.schemas.outcome import OutcomeKind

BUSY = "source.busy"
"""Code of a question that was not sent because the source's queue was full."""
_ENOUGH = 200
"""Attempts after which a question older than `give_up_after` is given up in any case, however short its pauses."""


def next_attempt(
    settings: RetrySettings,
    state: LookupState,
    accepted_at: datetime,
    retry_after: float | None,
    *,
    not_before: datetime | None = None,
    now: datetime | None = None,
    gives_up: bool = True,
) -> datetime | None:
    """Return when to ask again; None if that cannot help or the question is given up.

    Args:
        accepted_at: starts the time until giving up. Fewer attempts than usual in that time extend it.
        retry_after: pause requested or announced by the source, in seconds.
        not_before: exact time of the next attempt, if still in the future.
        now: start of the pause by the journal's clock; None: the question's end.
        gives_up: False while the appeal's age is uncertain.
    """
    if state.kind.final or state.kind is OutcomeKind.SKIPPED:
        return None
    retry_after = None if retry_after is None else min(retry_after, settings.give_up_after + 1)  # 1e308 is no pause
    if state.kind is OutcomeKind.AWAITING or state.code == BUSY:
        # Here `retry_after` says how long the answer may take, or when the question has its turn.
        pause = settings.awaiting if retry_after is None else retry_after
        if state.code != BUSY:  # a source that says 0 would be asked without end
            pause = max(pause, min(settings.first, settings.awaiting))
        retry_after = None
    else:
        due = doubled(settings.first, settings.max, max(0, state.runs - 1), settings.factor)
        # Half fixed, half jitter: parked lookups of one outage must not come back all at once.
        pause = half_jitter(due)
    begins = now or state.ended_at
    at = begins + timedelta(seconds=pause + min(retry_after or 0.0, settings.max))
    if not_before is not None and not_before > begins:
        at = min(not_before, begins + timedelta(seconds=settings.give_up_after + 1))
    if state.code in HELD_BACK and not_before is not None:  # nobody has tried, so nobody gives up
        return max(begins, not_before)
    if not gives_up or at <= accepted_at + timedelta(seconds=settings.give_up_after):
        return at
    # A question that waited for a quota, a window or a bus that was off has been put less often than its pauses allow.
    longest = max(settings.max, (at - begins).total_seconds())
    return at if state.runs < _ENOUGH and state.runs * longest < settings.give_up_after else None


def after_defect(settings: RetrySettings, case: Case, now: datetime, *, gives_up: bool = True) -> datetime | None:
    """Return when to retry a case whose run raised, or None if the appeal is too old. The pause grows with its age."""
    age = (now - case.receipt.accepted_at).total_seconds()
    if gives_up and age > settings.give_up_after:
        return None
    return now + timedelta(seconds=min(settings.max, max(settings.first, age)))
