"""Converts log entries to spans, deterministically: the same entry always gives the same span.

A trace is an appeal; its id is a hash of the journal's id and the appeal's id. Spans have only fixed words, names from
the configuration and times; no number, no person, no value.
"""

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from appealbus.core import EventType, LogEntry, __version__

_REMEMBERED = 10_000
"""Appeals whose run and newest version are remembered; spans of a forgotten one have no duration."""
_FAILED = frozenset({"refused", "unavailable", "timed_out", "invalid"})
_SCOPE = InstrumentationScope("appealbus", __version__)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OF_DELIVERIES = frozenset(
    {EventType.DELIVERED, EventType.FAILED, EventType.SET_ASIDE, EventType.SKIPPED, EventType.RESENT}
)


@dataclass(slots=True)
class _Known:
    run: bytes | None = None
    claimed_at: datetime | None = None
    version_at: datetime | None = None


class Spans:
    def __init__(self, journal: str, name: str) -> None:
        self._journal = journal
        self._resource = Resource.create({"service.name": name, "service.version": __version__})
        self._known: OrderedDict[int, _Known] = OrderedDict()

    def of(self, entry: LogEntry) -> Iterator[ReadableSpan]:
        """Yield the spans of an entry; none for an entry without an appeal."""
        if entry.appeal_id is None or entry.position is None:
            return
        known = self._of_appeal(entry.appeal_id)
        detail = entry.detail
        match entry.what:
            case EventType.CLAIMED:
                known.run, known.claimed_at = b"run%d" % entry.position, entry.at
            case EventType.ENDED:
                yield from self._question(entry, known)
            case EventType.VERSION | EventType.PARKED:
                about = {"appealbus.completeness": detail.get("completeness"), "appealbus.state": detail.get("state")}
                about["appealbus.version"] = detail.get("version")
                name = f"version {detail['version']}" if entry.what == EventType.VERSION else "nothing new"
                yield self._span(entry, name, known.claimed_at or entry.at, entry.at, about, own=known.run)
                known.run = known.claimed_at = None
                known.version_at = entry.at
            case EventType.ACCEPTED:
                known.run, known.claimed_at = b"run%d" % entry.position, entry.at
                yield self._span(entry, "appeal", entry.at, entry.at, {"appealbus.channel": entry.about}, own=b"root")
            case what if what in _OF_DELIVERIES:
                began = known.version_at or entry.at
                about = {"appealbus.receiver": entry.about, "appealbus.version": detail.get("version")}
                failed = what in (EventType.FAILED, EventType.SET_ASIDE)
                yield self._span(entry, f"{what} {entry.about}", began, entry.at, about, failed=failed)
            case EventType.ASKED:
                return  # its end tells all of it
            case what:
                yield self._span(entry, what, entry.at, entry.at, {})

    def _question(self, entry: LogEntry, known: _Known) -> Iterator[ReadableSpan]:
        detail, own = entry.detail, b"q%d" % (entry.position or 0)
        kind, code = detail.get("kind", ""), detail.get("code", "")
        ended = _moment(detail.get("ended")) or entry.at
        began = _moment(detail.get("asked")) or ended
        about = {"appealbus.lookup": entry.about, "appealbus.outcome": kind, "appealbus.code": code}
        about["appealbus.attempts"] = detail.get("attempts")
        yield self._span(entry, entry.about, began, ended, about, own=own, parent=known.run, failed=kind in _FAILED)
        for number, attempt in enumerate(detail.get("tries", ()), 1):
            left = _moment(attempt.get("at")) or began
            how = attempt.get("kind", kind)
            said = {"appealbus.outcome": how, "appealbus.code": attempt.get("code", code)}
            back = left + timedelta(milliseconds=attempt.get("ms", 0))
            of = b"%s.%d" % (own, number)
            failed = how in _FAILED
            yield self._span(entry, f"attempt {number}", left, back, said, own=of, parent=own, failed=failed, out=True)

    def _span(
        self,
        entry: LogEntry,
        name: str,
        began: datetime,
        ended: datetime,
        about: Mapping[str, Any],
        *,
        own: bytes | None = None,
        parent: bytes | None = None,
        failed: bool = False,
        out: bool = False,
    ) -> ReadableSpan:
        own = own or b"e%d" % (entry.position or 0)
        fields = {key: value for key, value in about.items() if value not in (None, "")}
        fields["appealbus.appeal_id"] = entry.appeal_id
        if entry.actor.startswith("worker:"):
            fields["appealbus.worker"] = entry.actor.removeprefix("worker:")
        return ReadableSpan(
            name,
            context=self._context(entry.appeal_id, own),
            parent=None if own == b"root" else self._context(entry.appeal_id, parent or b"root"),
            resource=self._resource,
            attributes=fields,
            kind=SpanKind.CLIENT if out else SpanKind.INTERNAL,
            status=Status(StatusCode.ERROR if failed else StatusCode.UNSET),
            start_time=_nanoseconds(min(began, ended)),
            end_time=_nanoseconds(ended),
            instrumentation_scope=_SCOPE,
        )

    def _context(self, appeal_id: int | None, span: bytes) -> SpanContext:
        of = f"{self._journal} {appeal_id}".encode()
        trace = int.from_bytes(sha256(of).digest()[:16])
        return SpanContext(
            trace, int.from_bytes(sha256(of + b" " + span).digest()[:8]), False, TraceFlags(TraceFlags.SAMPLED)
        )

    def _of_appeal(self, appeal_id: int) -> _Known:
        known = self._known.setdefault(appeal_id, _Known())
        self._known.move_to_end(appeal_id)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return known


def _moment(microseconds: Any) -> datetime | None:
    return None if microseconds is None else _EPOCH + timedelta(microseconds=microseconds)


def _nanoseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000
