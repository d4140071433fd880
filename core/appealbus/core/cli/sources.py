"""`appealbus sources`."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated

import typer
from rich.box import SIMPLE
from rich.console import Group, RenderableType
from rich.table import Column, Table
from rich.text import Text

from appealbus.core.cli.context import cli_of
from appealbus.core.cli.paging import AsJson
from appealbus.core.cli.render import local
from appealbus.core.clocks import day_of, wall
from appealbus.core.domain.source_state import SourceState
from appealbus.core.escaping import one_line
from appealbus.core.interfaces.link import LinkStatus
from appealbus.core.journal import workers as journal_workers
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.workers import WorkerState
from appealbus.core.management.sources import reports

_UNTIL = timedelta(days=90)
"""Age until which an element is reported as meaningless; somebody should fix the schema by then."""
_TOLD = 10
"""Paths shown per source, a screen; `--json` has all."""


def sources(
    context: typer.Context,
    paths: Annotated[bool, typer.Option("--paths", help="Tell also what of replies no lookup takes, by path.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show how each source stands over all workers, and which of their connections are not up."""
    cli = cli_of(context)
    states, workers = cli.read(_read)
    if as_json:
        rows = [{name: value for name, value in asdict(one).items() if name != "usual"} for one in states]
        cli.print_json({"workers": [asdict(worker) for worker in workers], "sources": rows})
        return
    cli.out.print(source_view(states, paths=paths))
    if workers:
        cli.out.print(worker_view(workers))
    elif states:
        cli.out.print("No worker is alive; so it stood at last.", style="yellow")
    else:
        cli.out.print("No bus has worked this journal yet; start one with `appealbus run`.")


async def _read(journal: Journal) -> tuple[list[SourceState], list[WorkerState]]:
    return await reports(journal), await journal.ask(journal_workers.workers)


def worker_view(workers: list[WorkerState]) -> RenderableType:
    lines = [
        Text(
            f"worker {one_line(worker.host)}:{worker.pid}, since {local(worker.started_at):%Y-%m-%d %H:%M:%S}, "
            f"{worker.in_flight} in flight, {worker.dossiers} dossiers"
        )
        for worker in workers
    ]
    for worker in workers:
        lines += [
            Text(
                one_line(f"worker {worker.host}:{worker.pid}, link {link.name} {link.status.value}: {link.detail}"),
                "red",
            )
            for link in worker.links
            if link.status is not LinkStatus.UP or link.warning
        ]
    count = len(workers)
    return Group(Text(f"{count} worker{'s are' if count > 1 else ' is'} alive"), *lines)


def source_view(states: list[SourceState], *, paths: bool = False) -> RenderableType:
    """Show sources with outcomes, latencies and last errors; with `paths` also unread elements."""
    table = Table(
        Column("source", no_wrap=True),
        "breaker",
        "in flight",
        "calls/s",
        "p50",
        "p95",
        "outcomes",
        box=SIMPLE,
        pad_edge=False,
    )
    errors = []
    for state in states:
        table.add_row(
            Text.assemble(one_line(state.source), (f" over {one_line(state.connector)}", "dim")),
            Text(state.breaker, "green" if state.breaker == "closed" else "red"),
            Text.assemble(str(state.in_flight), (f" +{state.waiting}" if state.waiting else "", "dim")),
            f"{state.rate:.1f}",
            _milliseconds(state.p50),
            _milliseconds(state.p95),
            ", ".join(f"{kind} {count}" for kind, count in sorted(state.outcomes.items())),
        )
        if state.last_error_at:
            errors.append(
                Text(
                    one_line(
                        f"{state.source}, last error at {local(state.last_error_at):%H:%M:%S}: {state.last_error}"
                    ),
                    "dim",
                )
            )
    more = *_paths(states, unread=paths), *_drifts(states, lines=paths)
    return Group(table, *_standing_still(states), *errors, *_certificates(states), *more)


def _standing_still(states: list[SourceState]) -> Iterator[Text]:
    """Yield pauses, limits and remaining quotas of sources."""
    now = wall()
    for state in states:
        for what, until in (("paused", state.paused_until), ("closed", state.closed_until)):
            if until is not None and until > now:
                yield Text(one_line(f"{state.source} is {what} until {local(until):%Y-%m-%d %H:%M}"), "yellow")
        if state.quota_left:
            left = ", ".join(f"{count} of the {period}" for period, count in sorted(state.quota_left.items()))
            yield Text(
                one_line(f"{state.source}, calls left: {left}"), "" if min(state.quota_left.values()) else "yellow"
            )


def _certificates(states: list[SourceState]) -> Iterator[Text]:
    now = wall()
    for state in states:
        for certificate in state.certificates:
            trouble = certificate.trouble(now)
            if trouble is not None:
                yield Text(one_line(f"{state.source}, {trouble}"), "red" if certificate.is_over(now) else "yellow")


def _paths(states: list[SourceState], *, unread: bool) -> Iterator[Text]:
    """Yield unreadable and unused paths of replies, which reveal a changed contract."""
    for state in states:
        for what, counts in (
            ("could not be read", state.unreadable),
            ("breaks the schema", state.differences),
            ("is not taken", state.unread if unread else {}),
        ):
            most = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
            if most:
                more = f", and {len(most) - _TOLD} more" if len(most) > _TOLD else ""
                paths = ", ".join(f"{path} {count}" for path, count in most[:_TOLD])
                yield Text(one_line(f"{state.source}, of replies {what}: {paths}{more}"), "dim")


def _drifts(states: list[SourceState], *, lines: bool) -> Iterator[Text]:
    """Yield fields whose form changed, and the lines that call neighbouring elements meaningless."""
    for state in states:
        for name, drift in sorted(state.drifts.items()):
            share = "" if drift.share is None else ", told by {} % of replies, and now by {} %".format(*drift.share)
            beside = f", beside {', '.join(drift.beside)}" if drift.beside else ""
            what = f"{name} since {local(drift.since):%Y-%m-%d %H:%M} in {drift.replies} replies{share}{beside}"
            yield Text(one_line(f"{state.source}, unknown: {what}{drift.at and f' ({drift.at})'}"), "yellow")
        paths = sorted({path for drift in state.drifts.values() for path in drift.beside}) if lines else []
        if paths:
            yield Text(f"If one of these tells nothing that a record of {one_line(state.source)} could lack:", "dim")
        for path in paths:
            until = day_of(wall()) + _UNTIL
            written = json.dumps(path, ensure_ascii=False)
            table = f'[[sources.{state.source}.meaningless]]\npath = {written}\nreason = "…"\nuntil = {until}'
            yield Text(table, no_wrap=True, overflow="ignore")


def _milliseconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds * 1000:.0f} ms"
