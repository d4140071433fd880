"""The work: who does it, what sources answer, which appeals wait and what falls due."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from appealbus.core.clocks import KAZAKHSTAN
from appealbus.core.domain.pauses import Pause
from appealbus.core.domain.source_state import BreakerState, SourceState
from appealbus.core.domain.waiting import DueSoon
from appealbus.core.escaping import one_line
from appealbus.core.health.facts import OVERDUE_FOR, Facts
from appealbus.core.health.finding import Finding, Severity
from appealbus.core.health.links import of_certificate, of_link

_TERMS_AHEAD = timedelta(days=75)
"""Before the last known day: the longest common term, 40 working days, with days to find and add the calendar."""
_BODIES = 10
"""Bodies that are named: a region's largest have most of what is late."""


def of_workers(facts: Facts) -> Iterator[Finding]:
    """Yield what is wrong with who works, and with their connections."""
    counts = facts.counts
    if not facts.workers:
        waits = counts.ready + counts.in_work + counts.suspect
        detail = f"none is alive{f', and {waits} appeals wait' if waits else ''}"
        yield Finding(Severity.CRITICAL, "workers", detail, "start `appealbus run`, and look at what its log ends with")
    several = len(facts.workers) > 1
    for worker in facts.workers:
        for link in worker.links:
            found = of_link(link, f" of worker {worker.host}:{worker.pid}" if several else "")
            if found is not None:
                yield found


def of_sources(facts: Facts) -> Iterator[Finding]:
    """Yield which sources are away, and who waits for them until when."""
    parked = {each.source: each for each in facts.parked}
    for source in facts.sources:
        for certificate in source.certificates:
            found = of_certificate(source.source, certificate, facts.at)
            if found is not None:
                yield found
        waits = parked.get(source.source)
        waiting = f"; {_appeals(waits.appeals)} for it" if waits else ""
        still = list(_standing_still(source, facts, waiting))
        if still or source.breaker != BreakerState.CLOSED:
            parked.pop(source.source, None)
        yield from still
        if not still and source.breaker != BreakerState.CLOSED:
            last = f"; last error: {source.last_error}" if source.last_error else ""
            detail = f"it does not answer, its breaker is {_word(source)}{waiting}{last}"
            todo = "tell its owner; what waits goes on by itself once it is back"
            yield Finding(Severity.WARNING, f"source {source.source}", detail, todo)
    known = {source.source for source in facts.sources}
    for name, pause in sorted(facts.pauses.items()):
        if name not in known and pause.until > facts.at:  # no worker has told of it
            waits = parked.pop(name, None)
            yield _paused(pause, f"; {_appeals(waits.appeals)} for it" if waits else "")
    for waits in parked.values():
        times = f"the first is asked for again at {_at(waits.first_at)}, the last at {_at(waits.last_at)}"
        todo = f"nothing, if it answers by then; `appealbus appeals --source {waits.source}` lists them"
        yield Finding(Severity.INFO, f"source {waits.source}", f"{_appeals(waits.appeals)} for it; {times}", todo)


def _standing_still(source: SourceState, facts: Facts, waiting: str) -> Iterator[Finding]:
    """Yield why nothing leaves for a source although nothing is wrong with it."""
    about = f"source {source.source}"
    pause = facts.pauses.get(source.source)
    if pause is not None and pause.until > facts.at:
        yield _paused(pause, waiting)
    if source.closed_until is not None and source.closed_until > facts.at:
        detail = f"it is closed until {_at(source.closed_until)}, by the windows of its settings{waiting}"
        yield Finding(Severity.INFO, about, detail, "nothing: it goes on by itself")
    for period, left in sorted(source.quota_left.items()):
        if left <= 0:
            detail = f"its quota of the {period} is used up{waiting}"
            todo = "ask its owner for more, or wait: it goes on by itself when the next one begins"
            yield Finding(Severity.WARNING, about, detail, todo)


def _paused(pause: Pause, waiting: str) -> Finding:
    detail = f"{pause.by} has it stand still until {_at(pause.until)}: {pause.reason}{waiting}"
    todo = f"nothing, or earlier: `appealbus source resume {pause.source}`"
    return Finding(Severity.INFO, f"source {pause.source}", detail, todo)


def of_appeals(facts: Facts) -> Iterator[Finding]:
    """Yield which appeals nobody works on, and what falls due without its facts."""
    counts, due = facts.counts, facts.due
    if due.appeals:
        over = f", {due.overdue} of them overdue" if due.overdue else ""
        many = f"more than {due.appeals}" if due.more else str(due.appeals)
        detail = f"{many} fall due until {due.until:%Y-%m-%d} and lack facts{over}: {', '.join(due.numbers)}"
        detail += _by_body(due)
        within = timedelta(days=facts.bus.due_within_days)
        since, before = due.until - within - OVERDUE_FOR, due.until + timedelta(days=1)
        days = f"--due-from {since:%Y-%m-%d} --due-before {before:%Y-%m-%d}"
        todo = f"`appealbus appeals {days} --completeness partial`, then `appealbus why NUMBER`"
        yield Finding(Severity.CRITICAL if due.overdue else Severity.WARNING, "due dates", detail, todo)
    for name, count in counts.lacking.items():
        detail = f"{_appeals(count)} for a lookup that is not loaded"
        todo = "`appealbus check` says why; of one that is gone for good, bus.retired says so"
        yield Finding(Severity.WARNING, f"lookup {name}", detail, todo)
    if counts.held:
        todo = "`appealbus appeals --held` and `appealbus why NUMBER`, then `appealbus release NUMBER`"
        yield Finding(Severity.WARNING, "held", f"{counts.held} appeals are not worked", todo)
    if counts.suspect:
        detail = f"{counts.suspect} appeals were left by workers that died, and are taken one at a time"
        todo = "look for worker.died in the log; what kills again is held by itself"
        yield Finding(Severity.WARNING, "suspect", detail, todo)


def of_terms(facts: Facts) -> Iterator[Finding]:
    """Yield which terms come to the end of what they can count: a year's calendar is published before it begins."""
    today = facts.at.astimezone(KAZAKHSTAN).date()
    for name, last in sorted(facts.terms_until.items()):
        if last - today < _TERMS_AHEAD:
            detail = f"no term can be counted that ends after {last:%Y-%m-%d}; such appeals have no day and come last"
            todo = "add the next year to the calendar; docs/terms.md says how" if name == "law" else "see its plugin"
            yield Finding(Severity.WARNING, f"terms {name}", detail, todo)


def _by_body(due: DueSoon) -> str:
    """Say which bodies they are written to, where any is named."""
    if not any(each.body for each in due.bodies):
        return ""
    told = [
        f"{one_line(each.body) or 'no body'} {each.appeals}" + (f" ({each.overdue} overdue)" if each.overdue else "")
        for each in due.bodies[:_BODIES]
    ]
    more = f", {len(due.bodies) - _BODIES} bodies more" if len(due.bodies) > _BODIES else ""
    return f"; by body: {', '.join(told)}{more}"


def _word(source: SourceState) -> str:
    return source.breaker.replace("_", " ")


def _appeals(count: int) -> str:
    return "1 appeal waits" if count == 1 else f"{count} appeals wait"


def _at(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M}"
