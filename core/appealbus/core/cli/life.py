"""The life of an appeal for people: what the log has of it, each question once and what repeats itself once."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from appealbus.core.cli.telling import Line, local_second, tell
from appealbus.core.domain.event import LogEntry, What

_RUN_ENDS = frozenset({What.VERSION, What.PARKED, What.GIVEN_BACK, What.SUSPECTED})


@dataclass(slots=True)
class Run:
    """What happened to an appeal from its being claimed on: questions that ended, and what came of it."""

    entries: list[LogEntry] = field(default_factory=list)

    @property
    def over(self) -> bool:
        """Whether it has ended, or was none."""
        return bool(self.entries) and self.entries[-1].what in _RUN_ENDS

    @property
    def likeness(self) -> frozenset[tuple[object, int]] | None:
        """What it has in common with a run that brought the same; None where it brought something of its own."""
        if not self.entries or self.entries[-1].what != What.PARKED:
            return None
        if any(entry.what not in (What.CLAIMED, What.ASKED, What.ENDED) for entry in self.entries[:-1]):
            return None
        how = Counter((entry.about, entry.detail.get("key"), entry.detail.get("kind")) for entry in _ended(self))
        return frozenset(how.items())


def life(entries: Iterable[LogEntry]) -> Iterator[Line]:
    """Return what is shown of entries of one appeal, in their order."""
    like: list[Run] = []
    for run in _runs(entries):
        if like and run.likeness is not None and run.likeness == like[0].likeness:
            like.append(run)
            continue
        yield from _folded(like[1:])
        yield from _whole(run)
        like = [run]
    yield from _folded(like[1:])


def _runs(entries: Iterable[LogEntry]) -> Iterator[Run]:
    run = Run()
    for entry in entries:
        if entry.what == What.CLAIMED and run.entries:
            yield run
            run = Run()
        run.entries.append(entry)
        if run.over or run.entries[0].what != What.CLAIMED:
            yield run
            run = Run()
    if run.entries:
        yield run


def _whole(run: Run) -> Iterator[Line]:
    heard = {entry.detail.get("question") for entry in _ended(run)}
    keys = Counter(about for about, _ in {(entry.about, entry.detail.get("key")) for entry in _ended(run)})
    for entry in run.entries:
        if entry.what == What.ASKED and entry.detail.get("question") in heard:
            continue  # its end says more
        if entry.what == What.CLAIMED and run.over:
            continue  # who had it stands in what came of it
        yield tell(entry, several=keys[entry.about] > 1)


def _folded(runs: Sequence[Run]) -> Iterator[Line]:
    """Return one line for runs that brought what the one before them did."""
    if len(runs) < 2:
        for run in runs:
            yield from _whole(run)
        return
    ended = [entry for run in runs for entry in _ended(run)]
    tries = sum(len(entry.detail.get("tries") or ()) for entry in ended)
    codes = Counter(str(entry.detail.get("code") or entry.detail.get("kind")) for entry in ended)
    told = ", ".join(code if count == 1 else f"{count} times {code}" for code, count in codes.most_common(3))
    until = local_second(runs[-1].entries[-1].at)
    attempts = f"{tries or 'no'} attempt{'' if tries == 1 else 's'}"
    yield Line(
        None, "…", f"{len(runs)} more runs like this until {until}, {attempts}: {told or 'nothing asked'}", "dim"
    )


def _ended(run: Run) -> list[LogEntry]:
    return [entry for entry in run.entries if entry.what == What.ENDED]
