"""`appealbus reread`: parses kept replies with current plugins; preview first, then the change."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated

import structlog
import typer
from rich.table import Table

from appealbus.core.bus.work.rereading import AppealRead, QuestionRead, RereadProcess, WriteResult, write_read
from appealbus.core.cli.context import Cli, cli_of
from appealbus.core.cli.exits import EXIT_ABSENT, EXIT_PROBLEMS
from appealbus.core.cli.person import checked_reason, person
from appealbus.core.cli.render import appeals
from appealbus.core.enrichment.rereading import RereadResult
from appealbus.core.errors import AppealBusError, JournalError
from appealbus.core.journal import access, replies
from appealbus.core.journal.appeals import lists
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.replies import ReplyPosition, ReplySpan
from appealbus.core.loading.parts import build

log = structlog.get_logger(__name__)

_PAGE = 50
_SAMPLE = 3
_LINES = 200
"""Most kinds of differences shown: an entirely different plugin has endless kinds."""
_AGAIN = 3
"""Rounds over appeals in work; a run takes about a second, as do the pauses."""
_PAUSE = 2.0
_NOTHING_TO_DO = frozenset({WriteResult.SAME, WriteResult.GONE})
_WHY = {
    "in_work": "a worker has it right now: give the same command again",
    "held": "it is held: `appealbus release`, then the same command again",
    WriteResult.ANSWERED: "it got another answer meanwhile: give the same command again",
    WriteResult.SAME: "it stands as it is read by now, since somebody else has read it again: nothing is left to do",
    WriteResult.NOT_KEPT: "its replies were deleted meanwhile: `appealbus refresh` asks the source again",
    "partly": "these replies were deleted meanwhile: `appealbus refresh` asks the source again",
    WriteResult.GONE: "it was deleted meanwhile: nothing is left to do",
    WriteResult.DIED: "reading it again ends the process, or takes more than a minute: mend the plugin",
}
"""Text per reason to skip an appeal, with advice."""
_BEGINNING = datetime.fromtimestamp(0).astimezone()


@dataclass(slots=True)
class Findings:
    """Result of rereading: the number of appeals, with examples, per lookup and difference."""

    looked_at: int = 0
    differ: dict[int, set[tuple[str, str]]] = field(default_factory=dict)
    counts: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    reads: list[AppealRead] = field(default_factory=list)
    """Filled only if values are to be shown."""
    sample: dict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))
    left: set[str] = field(default_factory=set)
    """Reasons of appeals that could not be read."""

    def add(self, read: AppealRead) -> None:
        self.looked_at += 1
        if differ := {(result.lookup, result.key) for result in read.results if result.verdict is RereadResult.DIFFERS}:
            self.differ[read.appeal_id] = differ
        kinds = {(result.lookup, text) for result in read.results for text in _texts(result)}
        if read.number is None:
            left = WriteResult.DIED if read.died else WriteResult.GONE
            kinds.add(("", _WHY[left]))
            self.left.add(left)
        for kind in kinds:
            line = kind if kind in self.counts or len(self.counts) < _LINES else ("", "more")
            self.counts[line] += 1
            if len(self.sample[line]) < _SAMPLE:
                self.sample[line].append(read.number or f"id {read.appeal_id}")


def reread(
    context: typer.Context,
    number: Annotated[str | None, typer.Argument(metavar="NUMBER", help="Of one appeal.")] = None,
    *,
    source: Annotated[str | None, typer.Option("--source", help="Of all appeals that asked this source.")] = None,
    since: Annotated[
        datetime | None, typer.Option("--since", help="With --source: only what came from then on.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    values: Annotated[bool, typer.Option("--values", help="With NUMBER: show the values of fields, too.")] = False,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for the log.")] = "",
) -> None:
    """Read replies again that were kept, with the plugins of today, and make new versions where that changes anything.

    Nothing is asked of a source. First it shows what would be otherwise, and in how many appeals.
    """
    if (number is None) == (source is None) or (source is None and since is not None) or (values and number is None):
        raise typer.BadParameter("write NUMBER, perhaps with --values, or --source NAME, perhaps with --since")
    if not dry_run:
        checked_reason(reason)
    cli = cli_of(context)
    build(cli.loaded, cli.host)
    span = None if source is None else ReplySpan(source, _utc(since), _utc(None, upto=True))
    run = _Run(cli, _Targets(number, span), reason, dry_run=dry_run, yes=yes, values=values)
    raise typer.Exit(asyncio.run(run.run()))


@dataclass(frozen=True, slots=True)
class _Targets:
    number: str | None
    span: ReplySpan | None

    async def ids(self, cli: Cli, journal: Journal) -> AsyncIterator[int]:
        if self.span is None:
            row = await journal.ask(lists.appeal_row, self.number or "")
            if row is None:
                cli.no_appeal(self.number or "")
            yield row.appeal_id
            return
        after: ReplyPosition | None = None
        while page := await journal.ask(replies.appeals_with_replies, self.span, after, _PAGE):
            for appeal_id, place in page:
                yield appeal_id
                after = place


@dataclass(slots=True)
class _Run:
    cli: Cli
    targets: _Targets
    reason: str
    dry_run: bool
    yes: bool
    values: bool
    process: RereadProcess = field(init=False)

    def __post_init__(self) -> None:
        span = self.targets.span
        self.process = RereadProcess(self.cli.loaded.file, span.source if span else "", values=self.values)

    async def run(self) -> int:
        """Preview, confirm and change; return the exit code."""
        cli = self.cli
        try:
            async with cli.journal() as journal:
                findings = await self._look(journal)
            if self.values:
                async with cli.journal(write=True) as journal:
                    await journal.do(access.Look("reread", number=self.targets.number, about={}))
                for read in findings.reads:
                    _show_values(cli, read)
            _show(cli, findings, self.targets.span)
            await self._looked()
            if self.dry_run or not findings.differ:
                return self._code(findings.left)
            if not self.yes and not typer.confirm(f"Change {appeals(len(findings.differ))}?"):
                cli.out.print("Nothing is changed.")
                return 0
            async with cli.journal(write=True) as journal:
                left = await self._change(journal, findings.differ)
        finally:
            await self.process.end()
        return self._code(findings.left | left)

    async def _looked(self) -> None:
        """Record that a person has seen what the bus left undone, if anything."""
        source = self.targets.span.source if self.targets.span else ""
        async with self.cli.journal() as journal:
            left = any(row.is_undone for row in await journal.ask(replies.passes) if row.source == source)
        if left:
            async with self.cli.journal(write=True) as journal:
                await journal.do(replies.LookedAt(source))

    def _code(self, left: set[str]) -> int:
        gone = self.targets.number is not None and WriteResult.GONE in left
        return EXIT_ABSENT if gone else EXIT_PROBLEMS if left - _NOTHING_TO_DO else 0

    async def _look(self, journal: Journal) -> Findings:
        findings = Findings()
        try:
            async for appeal_id in self.targets.ids(self.cli, journal):
                read = await self.process.read(appeal_id)
                findings.add(read)
                if self.values:
                    findings.reads.append(read)
        except asyncio.CancelledError:
            self.cli.err.print(f"Stopped after {appeals(findings.looked_at)}; nothing is changed.")
            raise
        return findings

    async def _change(self, journal: Journal, was: Mapping[int, set[tuple[str, str]]]) -> set[str]:
        """Reread and save changes page by page; return the reasons of skipped appeals."""
        came: dict[int, tuple[str, str]] = {}
        done, again = 0, list(was)
        try:
            for number in range(_AGAIN):
                await asyncio.sleep(_PAUSE if number and again else 0)
                for at in range(0, len(again), _PAGE):
                    reads = [await self.process.read(appeal_id) for appeal_id in again[at : at + _PAGE]]
                    results = await asyncio.gather(*(write_read(journal, read, self.reason) for read in reads))
                    for read, result in zip(reads, results, strict=True):
                        why = result.code if isinstance(result, JournalError) else result
                        name = read.number or f"id {read.appeal_id}"
                        if why in (WriteResult.CHANGED, WriteResult.SAME) and (
                            deleted := _unread(read, was[read.appeal_id])
                        ):
                            why, name = "partly", f"{name} ({', '.join(deleted)})"
                        came[read.appeal_id] = why, name
                    done += results.count(WriteResult.CHANGED)
                again = [appeal_id for appeal_id, (why, _) in came.items() if why in ("in_work", WriteResult.ANSWERED)]
        except (asyncio.CancelledError, AppealBusError):
            text = f"Stopped: at least {appeals(done)} of {len(was)} changed. The same command goes on with the rest."
            self.cli.err.print(text)
            raise
        left = {why for why, _ in came.values()} - {WriteResult.CHANGED}
        for reason in left:
            names = [name for why, name in came.values() if why == reason]
            how = "wholly " if reason == "partly" else ""
            self.cli.err.print(f"{appeals(len(names))} not {how}changed: {_WHY[reason]}", style="yellow")
            if reason not in _NOTHING_TO_DO:
                self.cli.err.print(", ".join(names))
        log.warning("appeals.reread", count=done, actor=person())
        self.cli.out.print(f"{appeals(done)} changed, and worked on next; each new version is delivered.")
        return left


def _show(cli: Cli, findings: Findings, span: ReplySpan | None) -> None:
    of_it = f" of {span.source}" if span else ""
    if not findings.looked_at:
        cli.out.print(f"No replies{of_it} are kept.")
        return
    cli.out.print(f"Read again, with the plugins of today: replies{of_it} to {appeals(findings.looked_at)}.")
    table = Table("appeals", "lookup", "what would be otherwise", "such as", box=None, pad_edge=False)
    for (lookup, text), count in sorted(findings.counts.items(), key=lambda item: -item[1]):
        table.add_row(str(count), lookup, text, ", ".join(findings.sample[lookup, text]))
    if findings.counts:
        cli.out.print(table)
    cli.out.print(f"{appeals(len(findings.differ))} would be changed.")


def _show_values(cli: Cli, read: AppealRead) -> None:
    for result in read.results:
        for path, how, old, new in result.fields:
            cli.out.print(f"{result.lookup}/{path} {how}: {old!r} → {new!r}")


def _texts(result: QuestionRead) -> list[str]:
    """Describe differences of a question without values."""
    match result.verdict:
        case RereadResult.SAME:
            return []
        case RereadResult.IMPOSSIBLE:
            return [f"cannot be read again: {result.now}"]
        case RereadResult.STAYS:
            return [f"stays {result.was}, though it would be {result.now} now"]
        case RereadResult.DIFFERS:
            changed = [f"{path} {how}" for path, how, *_ in result.fields]
            return changed or [f"{result.was} → {result.now}"]


def _unread(read: AppealRead, differed: set[tuple[str, str]]) -> list[str]:
    """Return lookups whose questions differed in the preview but are now unreadable."""
    there = {(result.lookup, result.key) for result in read.results if result.verdict is not RereadResult.IMPOSSIBLE}
    return sorted({lookup for lookup, _ in differed - there})


def _utc(moment: datetime | None, *, upto: bool = False) -> datetime:
    if moment is None:
        return datetime.now().astimezone() if upto else _BEGINNING
    return moment.astimezone()
