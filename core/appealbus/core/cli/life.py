"""The history of an appeal for people, from the log; repeated questions and runs are folded."""

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from appealbus.core.cli.log_lines import Line, local_second, tell
from appealbus.core.domain.event import EventType, LogEntry

_RUN_ENDS = frozenset({EventType.VERSION, EventType.PARKED, EventType.GIVEN_BACK, EventType.SUSPECTED})
_OF_RUN = frozenset({EventType.CLAIMED, EventType.ASKED, EventType.ENDED})

Likeness: TypeAlias = frozenset[Hashable] | None
"""Key for folding repeats; None: show always, and fold nothing across it."""


@dataclass(slots=True)
class Run:
    """Log entries of one run over an appeal, with its questions."""

    entries: list[LogEntry] = field(default_factory=list)

    @property
    def over(self) -> bool:
        return bool(self.entries) and self.entries[-1].what in _RUN_ENDS

    @property
    def ended(self) -> list[LogEntry]:
        return [entry for entry in self.entries if entry.what == EventType.ENDED]


def life(entries: Iterable[LogEntry]) -> Iterator[Line]:
    return _folded(((run, _brought(run)) for run in _runs(entries)), "runs like")


def failures(entries: Iterable[LogEntry]) -> Iterator[Line]:
    alone = ((entry, Run([entry])) for entry in entries if entry.failed)
    return _folded(((run, _failed(entry)) for entry, run in alone), "like")


def _runs(entries: Iterable[LogEntry]) -> Iterator[Run]:
    run = Run()
    for entry in entries:
        begins = entry.what == EventType.CLAIMED or (entry.what == EventType.ACCEPTED and "owner" in entry.detail)
        if begins and run.entries:
            yield run
            run = Run()
        run.entries.append(entry)
        if run.over or not (begins or len(run.entries) > 1):
            yield run
            run = Run()
    if run.entries:
        yield run


def _brought(run: Run) -> Likeness:
    """Return the folding key of a run; None if it produced something unique."""
    if run.entries[-1].what != EventType.PARKED or any(entry.what not in _OF_RUN for entry in run.entries[:-1]):
        return None
    return frozenset((*_question(entry), str(entry.detail.get("kind"))) for entry in run.ended)


def _failed(entry: LogEntry) -> Likeness:
    """Return the folding key of a failed question or delivery; None if it must be shown."""
    return frozenset({_question(entry)}) if entry.what in (EventType.ENDED, EventType.FAILED) else None


def _question(entry: LogEntry) -> tuple[str, str, str]:
    return entry.what, entry.about, str(entry.detail.get("key"))


def _folded(runs: Iterable[tuple[Run, Likeness]], called: str) -> Iterator[Line]:
    """Fold runs that repeat those right before them. Adjacent runs are seldom equal, since questions alternate."""
    more: list[Run] = []
    seen: set[Hashable] = set()
    shown = 0
    for run, likeness in runs:
        if likeness is not None and shown and likeness <= seen:
            more.append(run)
            continue
        yield from _together(more, called, shown)
        yield from _whole(run)
        more = []
        seen, shown = (set(), 0) if likeness is None else (seen | likeness, shown + 1)
    yield from _together(more, called, shown)


def _whole(run: Run) -> Iterator[Line]:
    heard = {entry.detail.get("question") for entry in run.ended}
    keys = Counter(about for _, about, _ in {_question(entry) for entry in run.ended})
    for entry in run.entries:
        if entry.what == EventType.ASKED and entry.detail.get("question") in heard:
            continue  # its end says more
        if entry.what == EventType.CLAIMED and run.over:
            continue
        yield tell(entry, several=keys[entry.about] > 1)


def _together(runs: Sequence[Run], called: str, like: int) -> Iterator[Line]:
    if len(runs) < 2:  # one alone is told in as many lines as what would stand for it
        for run in runs:
            yield from _whole(run)
        return
    ended = [entry for run in runs for entry in run.ended]
    left = sum(len(entry.tries) for entry in ended)
    codes = Counter(str(entry.detail.get("code") or entry.detail.get("kind") or entry.what) for entry in ended)
    kinds = ", ".join(code if count == 1 else f"{count} times {code}" for code, count in codes.most_common(3))
    last = local_second(runs[-1].entries[-1].at)
    attempts = f", {left or 'no'} attempt{'' if left == 1 else 's'}: {kinds}" if ended else ""
    yield Line(None, "…", f"{len(runs)} more {called} {'this' if like == 1 else 'these'} until {last}{attempts}", "dim")
