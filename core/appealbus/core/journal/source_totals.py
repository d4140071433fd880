"""How a source stands over all workers: sums, and of what cannot be summed the worst."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import groupby

from appealbus.core.domain.source_state import Drift, SourceState
from appealbus.core.domain.usual import Usual

_NEVER = datetime.min.replace(tzinfo=UTC)
_WORST_FIRST = ("open", "half_open", "closed")


def merged(states: Iterable[SourceState]) -> list[SourceState]:
    """Return one state for each source, by name."""
    by_name = sorted(states, key=lambda state: state.source)
    return [_one(list(of_one)) for _, of_one in groupby(by_name, key=lambda state: state.source)]


def _one(states: list[SourceState]) -> SourceState:
    newest = max(states, key=lambda state: state.last_error_at or _NEVER)
    latest = max(states, key=lambda state: state.at or _NEVER)
    outcomes: Counter[str] = Counter()
    unread: Counter[str] = Counter()
    unreadable: Counter[str] = Counter()
    differences: Counter[str] = Counter()
    drifts: dict[str, Drift] = {}
    usual: dict[str, Usual] = {}
    for state in states:
        outcomes.update(state.outcomes)
        unread.update(state.unread)
        unreadable.update(state.unreadable)
        differences.update(state.differences)
        for name, each in state.drifts.items():
            drifts[name] = drifts[name] + each if name in drifts else each
        for name, known in state.usual.items():
            usual[name] = usual[name] + known if name in usual else known
    return SourceState(
        source=newest.source,
        connector=newest.connector,
        breaker=min((state.breaker for state in states), key=_WORST_FIRST.index),
        in_flight=sum(state.in_flight for state in states),
        waiting=sum(state.waiting for state in states),
        rate=sum(state.rate for state in states),
        outcomes=dict(outcomes),
        unread=dict(unread),
        unreadable=dict(unreadable),
        differences=dict(differences),
        drifts=drifts,
        usual=usual,
        certificates=tuple(dict.fromkeys(certificate for state in states for certificate in state.certificates)),
        p50=max((state.p50 for state in states if state.p50 is not None), default=None),
        p95=max((state.p95 for state in states if state.p95 is not None), default=None),
        last_error=newest.last_error,
        last_error_at=newest.last_error_at,
        at=latest.at,
        paused_until=latest.paused_until,
        closed_until=latest.closed_until,
        quota_left=latest.quota_left,
    )
