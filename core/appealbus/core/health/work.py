"""Checks of workers, sources, waiting appeals, deadlines and automatic rereading."""

import operator
from collections.abc import Iterator
from datetime import timedelta
from functools import reduce

from appealbus.core.clocks import day_of
from appealbus.core.domain.counts import DueSoon, ParkedFor
from appealbus.core.domain.pauses import Pause, Period
from appealbus.core.domain.reread_pass import RereadPass, Stage
from appealbus.core.domain.source_state import BreakerState, Drift, SourceState
from appealbus.core.escaping import one_line
from appealbus.core.health.facts import OVERDUE_FOR, Facts
from appealbus.core.health.finding import Finding, Severity
from appealbus.core.health.infrastructure import of_certificate, of_link
from appealbus.core.lazy_text import LazyText, WrittenText, told

_TERMS_AHEAD = timedelta(days=105)
"""Warning time before the last known day: the longest term, 90 days, and two weeks to add the calendar."""
_FIELDS = 5
_BODIES = 10
"""Most bodies named; the largest of a region have most late appeals."""


def of_workers(facts: Facts) -> Iterator[Finding]:
    counts = facts.counts
    if not facts.workers:
        waits = counts.ready + counts.in_work + counts.suspect
        waiting = told("none is alive, and {n} appeal waits", "none is alive, and {n} appeals wait", n=waits)
        says = waiting if waits else told("none is alive")
        does = told("start `appealbus run`, and look at what its log ends with")
        yield Finding(Severity.CRITICAL, told("workers"), [says], does)
    several = len(facts.workers) > 1
    for worker in facts.workers:
        for link in worker.links:
            finding = of_link(link, f"{worker.host}:{worker.pid}" if several else "")
            if finding is not None:
                yield finding


def of_sources(facts: Facts) -> Iterator[Finding]:
    """Yield unavailable sources, with waiting appeals and times."""
    parked = {parking.source: parking for parking in facts.parked}
    for source in facts.sources:
        for certificate in source.certificates:
            finding = of_certificate(source.source, certificate, facts.at)
            if finding is not None:
                yield finding
        waits = parked.get(source.source)
        waiting = [_waiting(waits)] if waits else []
        still = list(_standing_still(source, facts, waiting))
        if still or source.breaker != BreakerState.CLOSED:
            parked.pop(source.source, None)
        yield from still
        if source.drifts:
            yield _drifting(source)
        if not still and source.breaker != BreakerState.CLOSED:
            state = BreakerState(source.breaker) if source.breaker in set(BreakerState) else source.breaker
            says = [told("it does not answer, its breaker is {state}", state=state), *waiting]
            says += [told("last error: {error}", error=WrittenText(source.last_error))] if source.last_error else []
            does = told("tell its owner; what waits goes on by itself once it is back")
            yield Finding(Severity.WARNING, _source(source.source), says, does)
    known = {source.source for source in facts.sources}
    for name, pause in sorted(facts.pauses.items()):
        if name not in known and pause.until > facts.at:  # no worker has told of it
            waits = parked.pop(name, None)
            yield _paused(pause, [_waiting(waits)] if waits else [])
    for waits in parked.values():
        says = [
            _waiting(waits),
            told(
                "the first is asked for again at {first}, the last at {last}", first=waits.first_at, last=waits.last_at
            ),
        ]
        yield Finding(
            Severity.INFO,
            _source(waits.source),
            says,
            told(
                "nothing, if it answers by then; `appealbus appeals --source {source}` lists them", source=waits.source
            ),
        )
    yield from of_rereads(facts)


def _drifting(source: SourceState) -> Finding:
    total = reduce(operator.add, source.drifts.values())
    says = [
        told(
            "since {since} its replies tell otherwise than they are read: {fields}",
            since=total.since,
            fields=tuple(WrittenText(_drift(name, drift)) for name, drift in sorted(source.drifts.items())[:_FIELDS]),
        )
    ]
    does = told("its contract has changed: mend the reading or schema of its plugin; dossiers lack these until then")
    if total.beside:
        does = told(
            "{does}. Where a new element tells nothing, `appealbus sources --paths` has the line that says so",
            does=does,
        )
    return Finding(Severity.WARNING, _source(source.source), says, does)


def _drift(name: str, drift: Drift) -> str:
    share = "" if drift.share is None else "{} % > {} %, ".format(*drift.share)
    return f"{name} ({share}{drift.replies}{drift.at and f', {drift.at}'})"


def _standing_still(source: SourceState, facts: Facts, waiting: list[LazyText]) -> Iterator[Finding]:
    """Yield pauses, closed windows and exhausted quotas of a source."""
    about = _source(source.source)
    pause = facts.pauses.get(source.source)
    if pause is not None and pause.until > facts.at:
        yield _paused(pause, waiting)
    if source.closed_until is not None and source.closed_until > facts.at:
        says = told("it is closed until {until}, by the windows of its settings", until=source.closed_until)
        yield Finding(Severity.INFO, about, [says, *waiting], told("nothing: it goes on by itself"))
    for period, left in sorted(source.quota_left.items()):
        if left <= 0:
            which = Period(period) if period in set(Period) else period
            says = told("its quota of the {period} is used up", period=which)
            does = told("ask its owner for more, or wait: it goes on by itself when the next one begins")
            yield Finding(Severity.WARNING, about, [says, *waiting], does)


def _paused(pause: Pause, waiting: list[LazyText]) -> Finding:
    says = told(
        "{actor} has it stand still until {until}: {reason}", actor=pause.by, until=pause.until, reason=pause.reason
    )
    does = told("nothing, or earlier: `appealbus source resume {source}`", source=pause.source)
    return Finding(Severity.INFO, _source(pause.source), [says, *waiting], does)


def of_appeals(facts: Facts) -> Iterator[Finding]:
    """Yield appeals that nobody works, and those due without their facts."""
    counts, due = facts.counts, facts.due
    if due.appeals:
        says = [
            told(
                "{many} fall due until {until} and lack facts{overdue}: {numbers}",
                many=told("more than {number}", number=due.appeals) if due.more else due.appeals,
                until=due.until,
                overdue=told(", {number} of them overdue", number=due.overdue) if due.overdue else "",
                numbers=tuple(due.numbers),
            ),
            *_by_body(due),
        ]
        within = timedelta(days=facts.bus.due_within_days)
        since, before = due.until - within - OVERDUE_FOR, due.until + timedelta(days=1)
        days = f"--due-from {since:%Y-%m-%d} --due-before {before:%Y-%m-%d}"
        does = told("`appealbus appeals {days} --completeness partial,settled`, then `appealbus why NUMBER`", days=days)
        yield Finding(Severity.CRITICAL if due.overdue else Severity.WARNING, told("due dates"), says, does)
    for name, count in counts.lacking.items():
        what = told(
            "{n} appeal waits for a lookup that is not loaded",
            "{n} appeals wait for a lookup that is not loaded",
            n=count,
        )
        does = told("`appealbus check` says why; of one that is gone for good, bus.retired says so")
        yield Finding(Severity.WARNING, told("lookup {name}", name=name), [what], does)
    for name, count in counts.unassessed.items():
        what = told("it raised over {n} dossier", "it raised over {n} dossiers", n=count)
        does = told("mend it by assessor.raised in the log; then `appealbus assess --unassessed`, which asks nobody")
        yield Finding(Severity.WARNING, told("assessor {name}", name=name), [what], does)
    if counts.misdated:
        what = told(
            "{n} appeal has a date that is implausible or cannot be read, and counts without it",
            "{n} appeals have dates that are implausible or cannot be read, and count without them",
            n=counts.misdated,
        )
        does = told(
            "`appealbus appeals --misdated` lists them: have their senders send the last change anew, or correct the "
            "date, under another id"
        )
        yield Finding(Severity.WARNING, told("dates"), [what], does)
    if counts.held:
        what = told("{n} appeal is not worked", "{n} appeals are not worked", n=counts.held)
        does = told("`appealbus appeals --held` and `appealbus why NUMBER`, then `appealbus release NUMBER`")
        yield Finding(Severity.WARNING, told("held"), [what], does)
    if counts.suspect:
        what = told(
            "{n} appeal was left by workers that died, and is taken alone",
            "{n} appeals were left by workers that died, and are taken one at a time",
            n=counts.suspect,
        )
        does = told("look for worker.died in the log; what kills again is held by itself")
        yield Finding(Severity.WARNING, told("suspect"), [what], does)


def of_terms(facts: Facts) -> Iterator[Finding]:
    """Yield terms whose calendar ends soon; a year's calendar is published before it begins."""
    today = day_of(facts.at)
    for name, last in sorted(facts.terms_until.items()):
        if last - today < _TERMS_AHEAD:
            says = told(
                "no term can be counted that ends after {last}; such appeals have no day and come last", last=last
            )
            law = told("add the next year to the calendar; docs/terms.md says how")
            does = law if name == "law" else told("see its plugin")
            yield Finding(Severity.WARNING, told("terms {name}", name=name), [says], does)


def _by_body(due: DueSoon) -> Iterator[LazyText]:
    if not any(body.body for body in due.bodies):
        return
    some = []
    for row in due.bodies[:_BODIES]:
        body = one_line(row.body) or told("no body")
        if row.overdue:
            some.append(told("{body} {number} ({overdue} overdue)", body=body, number=row.appeals, overdue=row.overdue))
        else:
            some.append(told("{body} {number}", body=body, number=row.appeals))
    if len(due.bodies) > _BODIES:
        left = len(due.bodies) - _BODIES
        some.append(told("{n} body more", "{n} bodies more", n=left))
    yield told("by body: {bodies}", bodies=tuple(some))


def _source(name: str) -> LazyText:
    return told("source {name}", name=name)


def _waiting(waits: ParkedFor) -> LazyText:
    return told("{n} appeal waits for it", "{n} appeals wait for it", n=waits.appeals)


_ROLLING = timedelta(hours=1)
"""Time in which workers' readings may differ, since workers restart one after the other with a new plugin."""


def of_rereads(facts: Facts) -> Iterator[Finding]:
    for reread in facts.rereads:
        if reread.is_undone:
            does = told(
                "`appealbus reread --source {source}{since} --dry-run` shows what would be otherwise, and ends "
                "this; without --dry-run it is done",
                source=reread.source,
                since=f" --since {reread.since:%Y-%m-%d}" if reread.since else "",
            )
            yield Finding(Severity.WARNING, told("source {name}", name=reread.source), [_left(reread)], does)
    for name in sorted({name for worker in facts.workers for name in worker.readings or {}}):
        all_ = [None if worker.readings is None else worker.readings.get(name, {}) for worker in facts.workers]
        theirs = [readings for readings in all_ if readings != {}]  # one that does not ask it reads nothing of it
        if any(readings != theirs[0] for readings in theirs):
            newest = max(worker.started_at for worker in facts.workers)
            severity = Severity.INFO if facts.at - newest < _ROLLING else Severity.WARNING
            says = told("workers read its replies otherwise than each other, so that none that is kept is read again")
            does = told("start all of them with the same plugins, contracts and settings")
            yield Finding(severity, told("source {name}", name=name), [says], does)


def _left(reread: RereadPass) -> LazyText:
    match reread.stage:
        case Stage.STOPPED:
            return told(
                "its replies are read otherwise now, and of {compared} records {otherwise} would change where nothing "
                "is in doubt: none was changed",
                compared=reread.compared,
                otherwise=reread.otherwise,
            )
        case Stage.FAILED:
            return told(
                "the process that reads its kept replies again ends or hangs; {n} appeal was changed before",
                "the process that reads its kept replies again ends or hangs; {n} appeals were changed before",
                n=reread.changed,
            )
        case Stage.OTHER:
            return told("its plugins or contracts on the disk are not those that run: start the bus anew")
        case _:
            return told(
                "its kept replies were read again, and {left} of {gaps} with a gap were left as they are",
                left=reread.left,
                gaps=reread.gaps,
            )
