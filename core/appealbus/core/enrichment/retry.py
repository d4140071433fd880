"""When a parked lookup is asked again."""

from datetime import datetime, timedelta

from appealbus.core.backoff import doubled, half_jitter
from appealbus.core.config.models import RetrySettings
from appealbus.core.domain.case import Case, LookupState
from appealbus.core.domain.pauses import HELD_BACK
from appealbus.schemas.outcome import OutcomeKind

BUSY = "source.busy"
"""The code of a question that could not be sent, since too many others to its source were waiting."""
_ENOUGH = 200
"""So often a question may have been put at most that is put later than `give_up_after`. With more, and short pauses, a
source that is slow to fail would be asked for months; with less, who pauses for an hour at most would put it less often
than in time."""


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
    """Return when to ask again: None where asking again cannot change the outcome, or has been given up.

    Args:
        settings: the `[retry]` table.
        state: how the question ended this time.
        accepted_at: when the appeal was accepted; giving up counts from there, but not before the question was put as
            often as the longest pauses have room in that time, or 200 times.
        retry_after: seconds that the source wants to be left alone for, or that its answer may take, if it said so.
        not_before: the moment to ask again, where that is known: exactly then, if it is still to come.
        now: the moment that the pause begins with, by the journal's clock; None: when the question ended.
        gives_up: whether an old appeal is given up; not while nobody knows how old it is.

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
    """Return when to try a case again whose run raised, or None once the appeal is too old.

    Nobody counts such runs, so the pause grows with the age of the appeal.
    """
    age = (now - case.receipt.accepted_at).total_seconds()
    if gives_up and age > settings.give_up_after:
        return None
    return now + timedelta(seconds=min(settings.max, max(settings.first, age)))
