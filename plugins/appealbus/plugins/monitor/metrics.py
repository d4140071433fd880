"""The metrics page, computed from the bus on each scrape, so that counting costs the bus nothing.

Labels are names from the configuration and fixed words. docs/metrics.md explains each metric.
"""

import math
import platform
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from appealbus.core import BreakerState, Counts, DueSoon, Figures, LinkStatus, RunningBus, SourceState, __version__
from appealbus.core.clocks import wall
from appealbus.core.masking import masked
from appealbus.schemas.outcome import OutcomeKind

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
# The plan ends the others; no source is asked for them.
_OF_SOURCES = [kind for kind in OutcomeKind if kind not in (OutcomeKind.NOT_APPLICABLE, OutcomeKind.SKIPPED)]
_CHANNELS = 100
"""Maximum number of channels with quarantine metrics: senders choose channel names, and the page must stay bounded."""
_BODIES = 20
"""Maximum number of bodies with due appeals, the largest first; the others are summed."""
K = TypeVar("K", bound=tuple[str, ...])


@dataclass(frozen=True, slots=True)
class Holdings:
    """State of the journal, the same for all workers."""

    counts: Counts
    next_due: datetime | None
    due: DueSoon
    warned: Mapping[tuple[str, str], float]
    """By channel and code, the share of its newest appeals with that warning."""


class Page(Collector):
    """Renders the page. `holdings` is None if the journal does not answer."""

    def __init__(self, bus: RunningBus, worker: int) -> None:
        self._bus = bus
        self._worker = str(worker)
        self._holdings: Holdings | None = None
        self._lag = 0.0
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def render(self, holdings: Holdings | None, loop_lag: float) -> bytes:
        self._holdings, self._lag = holdings, loop_lag
        return generate_latest(self._registry)

    def describe(self) -> list[Metric]:
        """Return nothing: the metrics are known only on collection."""
        return []

    def collect(self) -> Iterator[Metric]:
        figures = self._bus.figures()
        yield from self._process(figures)
        yield from self._flow(figures)
        yield from self._sources(figures)
        yield from self._links()
        yield from self._journal(figures)

    def _process(self, figures: Figures) -> Iterator[Metric]:
        about = {(__version__, platform.python_version()): 1.0}
        yield _gauge("appealbus_build_info", "Version of the bus and of Python.", about, "version", "python")
        yield _gauge("appealbus_worker_info", "Which worker this process is.", {(self._worker,): 1.0}, "worker")
        yield _gauge("appealbus_draining", "1 while the bus ends.", {(): float(self._bus.draining)})
        text = "How late the event loop was at worst within the last minute."
        yield _gauge("appealbus_event_loop_lag_seconds", text, {(): self._lag})
        stood = {(plugin,): seconds for plugin, seconds in figures.stood_still.items()}
        text = "How long the event loop stood still, by the plugin that held it."
        yield _counter("appealbus_event_loop_stood_still_seconds", text, stood, "plugin")
        defects = {(part,): float(count) for part, count in figures.defects.items()}
        yield _counter("appealbus_plugin_defects", "What plugins raised where they should not.", defects, "part")

    def _flow(self, figures: Figures) -> Iterator[Metric]:
        # What has not happened yet is there as 0: Prometheus sees no increase from nothing to one.
        messages = {key: float(count) for key, count in figures.messages.items()}
        yield _counter("appealbus_messages", "Messages in, by intake and result.", messages, "intake", "result")
        new = sum(count for (_, result), count in messages.items() if result == "new")
        yield _counter("appealbus_appeals_accepted", "Appeals that are on disk and have a receipt.", {(): new})
        yield _gauge(
            "appealbus_appeals_in_flight", "Appeals that this process works on.", {(): float(figures.in_flight)}
        )
        dossiers = {(completeness,): float(count) for completeness, count in figures.dossiers.items()}
        yield _counter("appealbus_dossiers", "Dossier versions made.", dossiers, "completeness")
        delays = HistogramMetricFamily(
            "appealbus_dossier_delay_seconds", "From acceptance to a version of the dossier.", labels=["version"]
        )
        for name, timing in figures.delays.items():
            delays.add_metric([name], _buckets(timing.within), timing.seconds)
        yield delays
        results = {key: float(count) for key, count in figures.deliveries.items()}
        yield _counter("appealbus_deliveries", "Attempts to hand a version over.", results, "receiver", "result")

    def _sources(self, figures: Figures) -> Iterator[Metric]:
        states = {state.source: state for state in self._bus.sources()}
        ended = {
            (name, kind.value): float(state.outcomes.get(kind.value, 0))
            for name, state in states.items()
            for kind in _OF_SOURCES
        }
        yield _counter("appealbus_lookups", "Questions that ended, by source and outcome.", ended, "source", "outcome")
        paths = {
            (name, what, path): float(count)
            for name, state in states.items()
            for what, counts in (
                ("unread", state.unread),
                ("unreadable", state.unreadable),
                ("different", state.differences),
                ("unknown", {name: drift.replies for name, drift in state.drifts.items() if drift.share is None}),
                ("fell", {name: drift.replies for name, drift in state.drifts.items() if drift.share is not None}),
            )
            for path, count in counts.items()
        }
        yield _counter(
            "appealbus_reply_paths",
            "Elements of replies that no declaration takes, optional values that could not be read, places where the "
            "schema is broken, and fields of records that are unknown for either, or told far more seldom than before.",
            paths,
            "source",
            "state",
            "path",
        )
        late = {key: float(count) for key, count in figures.answers.items()}
        yield _counter("appealbus_answers", "Answers that came by themselves, hours later.", late, "source", "state")
        calls = HistogramMetricFamily(
            "appealbus_source_call_duration_seconds", "How long calls to the source took.", labels=["source"]
        )
        for name, timing in figures.calls.items():
            calls.add_metric([name], _buckets(timing.within), timing.seconds)
        yield calls
        left = {(name,): float(timing.left_behind) for name, timing in figures.calls.items()}
        text = "Calls whose lookup went on after its time."
        yield _counter("appealbus_source_calls_left_behind", text, left, "source")
        breakers = {
            (name, state.value): float(states[name].breaker == state) for name in states for state in BreakerState
        }
        yield _gauge("appealbus_source_breaker_state", "1 for the state it is in.", breakers, "source", "state")
        yield from _standing_still(states.values())
        ends: dict[tuple[str, ...], float] = {}
        for name, state in states.items():
            for one in state.certificates:
                # Files of one name in two folders are one series: of them the one that ends first.
                key, end = (name, one.name, one.purpose), one.not_after.timestamp()
                ends[key] = min(end, ends.get(key, end))
        text = "When a certificate that the source's wire uses ends."
        yield _gauge("appealbus_certificate_expires_timestamp_seconds", text, ends, "source", "certificate", "purpose")
        flying = {(name,): float(state.in_flight) for name, state in states.items()}
        yield _gauge("appealbus_source_calls_in_flight", "Calls that have not ended.", flying, "source")
        waiting = {(name,): float(state.waiting) for name, state in states.items()}
        yield _gauge("appealbus_source_questions_waiting", "Questions that wait for a place.", waiting, "source")

    def _links(self) -> Iterator[Metric]:
        links = self._bus.links()
        up = {(link.name,): float(link.status is LinkStatus.UP) for link in links}
        yield _gauge("appealbus_link_up", "1 while a connection that stays open is up.", up, "link")
        states = {(link.name, state.value): float(link.status is state) for link in links for state in LinkStatus}
        yield _gauge("appealbus_link_state", "1 for the state it is in.", states, "link", "state")
        warned = {(link.name,): float(link.warning) for link in links}
        yield _gauge(
            "appealbus_link_warning", "1 while it is up and has something to mend all the same.", warned, "link"
        )
        lie = {(link.name, queue): float(count) for link in links for queue, count in link.messages.items()}
        text = "Messages that lie in a queue of the broker, as of a minute ago."
        yield _gauge("appealbus_queue_messages", text, lie, "link", "queue")
        again = {(link.name,): float(link.reconnects) for link in links}
        yield _counter("appealbus_link_reconnects", "How often it was up again after a loss.", again, "link")
        events = {(link.name, name): float(count) for link in links for name, count in link.counts.items()}
        yield _counter("appealbus_link_events", "What else happened on it.", events, "link", "event")

    def _journal(self, figures: Figures) -> Iterator[Metric]:
        held = self._holdings
        yield _gauge("appealbus_journal_up", "1 if the journal answered just now.", {(): float(held is not None)})
        waiting = {(): float(figures.waiting_writes)}
        yield _gauge("appealbus_journal_writes_waiting", "Writes that wait for the writer.", waiting)
        failed = {(): float(figures.failed_writes)}
        yield _counter("appealbus_journal_failed_writes", "Writes that failed.", failed)
        doubt = {(): float(figures.clock_in_doubt)}
        yield _gauge("appealbus_clock_doubt", "1 while the clock is in doubt: nothing is deleted or given up.", doubt)
        unwritten = {(): float(figures.checkpoint_failed)}
        yield _gauge("appealbus_checkpoint_failed", "1 while the checkpoint cannot be written.", unwritten)
        if held is not None:
            yield _falls_due(held.due)
            channels = sorted({channel for channel, _ in held.warned})[:_CHANNELS]
            shares = {key: share for key, share in held.warned.items() if key[0] in channels}
            text = "The part of a channel's newest appeals that have a warning of a code."
            yield _gauge("appealbus_warned_appeals_ratio", text, shares, "intake", "code")
            yield from self._holding(held.counts, held.next_due, {name for name, _ in figures.deliveries})

    def _holding(self, counts: Counts, next_due: datetime | None, receivers: set[str]) -> Iterator[Metric]:
        now = wall()
        states = {"ready": counts.ready, "in_work": counts.in_work, "parked": counts.parked, "idle": counts.idle}
        states |= {"suspect": counts.suspect, "held": counts.held}
        appeals = {(state,): float(count) for state, count in states.items()}
        yield _gauge("appealbus_appeals", "Appeals in the journal, by state.", appeals, "state")
        text = "Appeals for which a lookup could not be asked since it is not loaded."
        here = {part.partition(".")[2]: 0 for part in self._bus.figures().defects if part.startswith("lookup.")}
        lacking = {(name,): float(count) for name, count in (here | counts.lacking).items()}
        yield _gauge("appealbus_appeals_lacking", text, lacking, "lookup")
        text = "Appeals whose newest dossier an assessor raised over."
        here = {part.partition(".")[2]: 0 for part in self._bus.figures().defects if part.startswith("assessor.")}
        unassessed = {(name,): float(count) for name, count in (here | counts.unassessed).items()}
        yield _gauge("appealbus_appeals_unassessed", text, unassessed, "assessor")
        text = "Since when the oldest appeal that is neither idle nor held is with us."
        unfinished = _age(now, counts.oldest_unfinished)
        yield _gauge("appealbus_oldest_unfinished_age_seconds", text, {(): unfinished})
        text = "How long ago the most overdue parked appeal should have been worked on."
        yield _gauge("appealbus_overdue_age_seconds", text, {(): _age(now, next_due)})
        text = "Changes whose appeal is not known yet."
        yield _gauge("appealbus_waiting_changes", text, {(): float(counts.waiting_changes - counts.refused_changes)})
        text = "How near the waiting changes of a channel are to their bound; at 1 more go into quarantine."
        full = {(name,): part for name, part in list(self._bus.waiting_fullness(counts).items())[:_CHANNELS]}
        yield _gauge("appealbus_waiting_changes_fullness", text, full, "intake")
        quarantine = {(): float(counts.quarantine)}
        yield _gauge(
            "appealbus_quarantine_messages", "Messages in quarantine that nobody has replayed or closed.", quarantine
        )
        text = "How near the quarantine of a channel is to its bounds; at 1 the oldest messages are dropped."
        full = {(name,): part for name, part in list(self._bus.quarantine_fullness(counts).items())[:_CHANNELS]}
        yield _gauge("appealbus_quarantine_fullness", text, full, "intake")
        receivers = receivers | counts.outbox.keys() | counts.alone.keys()
        depth = {(name,): float(counts.outbox.get(name, 0)) for name in sorted(receivers)}
        yield _gauge("appealbus_outbox_versions", "Versions that a receiver has not confirmed.", depth, "receiver")
        alone = {(name,): float(counts.alone.get(name, 0)) for name in sorted(receivers)}
        yield _gauge("appealbus_outbox_alone_versions", "Versions that a receiver will not take.", alone, "receiver")
        text = "Since when the oldest version waits that a receiver has not confirmed."
        ages = {(name,): _age(now, counts.oldest_undelivered.get(name)) for name in sorted(receivers)}
        yield _gauge("appealbus_oldest_undelivered_age_seconds", text, ages, "receiver")
        yield _counter("appealbus_log_entries", "Entries of the log ever.", {(): float(counts.log_position)})
        text = "Entries of the log that have no position yet, up to 100,000."
        yield _gauge("appealbus_log_unplaced", text, {(): float(counts.log_unplaced)})
        text = "Since when the oldest of them waits."
        yield _gauge("appealbus_log_unplaced_age_seconds", text, {(): _age(now, counts.oldest_unplaced)})
        behind = {(reader.client,): float(reader.lag) for reader in counts.feed_readers}
        text = "Entries of the log that follow what the client has read of the feed."
        yield _gauge("appealbus_feed_reader_lag", text, behind, "client")
        silent = {(reader.client,): _age(now, reader.at) for reader in counts.feed_readers}
        text = "Since when the client has read nothing of the feed."
        yield _gauge("appealbus_feed_reader_silent_seconds", text, silent, "client")


def _age(now: datetime, since: datetime | None) -> float:
    return 0.0 if since is None else max(timedelta(), now - since).total_seconds()


def _buckets(within: Iterable[tuple[float, int]]) -> list[tuple[str, float]]:
    return [("+Inf" if bound == math.inf else str(bound), float(count)) for bound, count in within]


def _falls_due(due: DueSoon) -> Metric:
    """Return incomplete due appeals by body. Without any there is a 0, so that an alert resolves."""
    counts: Counter[tuple[str, ...]] = Counter({("none", "soon"): 0, ("none", "overdue"): 0})
    named = [row.body for row in due.bodies if row.body][:_BODIES]
    for row in due.bodies:
        body = row.body if row.body in named else "others" if row.body else "none"
        counts[body, "overdue"] += row.overdue
        counts[body, "soon"] += row.appeals - row.overdue
    text = "Appeals that fall due within bus.due_within_days, or did within a month, and lack facts."
    family = GaugeMetricFamily("appealbus_due_appeals", text, labels=("body", "term"))
    for key, count in counts.items():
        family.add_metric(key, count)  # not masked: what passes for a БИН is no ИИН, and masked bodies may coincide
    return family


def _standing_still(states: Iterable[SourceState]) -> Iterator[Metric]:
    ends = {
        (state.source, what): until.timestamp()
        for state in states
        for what, until in (("paused", state.paused_until), ("closed", state.closed_until))
        if until is not None
    }
    text = "Until when nothing leaves for the source, while that is so."
    yield _gauge("appealbus_source_stands_still_until_seconds", text, ends, "source", "state")
    left = {(state.source, period): float(n) for state in states for period, n in state.quota_left.items()}
    yield _gauge("appealbus_source_quota_left", "Calls that are left of its quotas.", left, "source", "period")


def _gauge(name: str, text: str, values: Mapping[K, float], *labels: str) -> Metric:
    return _filled(GaugeMetricFamily(name, text, labels=labels), values)


def _counter(name: str, text: str, values: Mapping[K, float], *labels: str) -> Metric:
    return _filled(CounterMetricFamily(name, text, labels=labels), values)


def _filled(family: GaugeMetricFamily | CounterMetricFamily, values: Mapping[K, float]) -> Metric:
    totals: dict[tuple[str, ...], float] = {}
    for labels, value in values.items():
        # Masked names may coincide, and a page with one sample twice is refused as a whole.
        shown = tuple(map(masked, labels))
        totals[shown] = totals.get(shown, 0.0) + value
    for shown, value in totals.items():
        family.add_metric(shown, value)
    return family
