"""Runs `appealbus demo` and prints its results."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.rule import Rule

from appealbus.connectors.amqp.brokers import Brokers
from appealbus.connectors.amqp.topology import WantedTopology
from appealbus.connectors.files.reading import read_appeals
from appealbus.core import Inbound, Taken
from appealbus.core.bus.bus import Bus
from appealbus.core.cli.render import dossier_view, gaps_view
from appealbus.core.cli.sources import source_view
from appealbus.core.config.loading import from_document
from appealbus.core.journal import documents, figures
from appealbus.core.journal.appeals import lists
from appealbus.core.journal.journal import Journal
from appealbus.core.loading.parts import Parts, build, load_plugins
from appealbus.core.logs import configure
from appealbus.core.process.runtime import relieve_collector
from appealbus.demo import oversight
from appealbus.demo.setting import MISBEHAVIOUR, MODELS, contour, document, example_appeals
from appealbus.schemas.dossier import Completeness, Dossier
from appealbus.schemas.stored import DOSSIER
from appealbus.simulator.appeals import COUNT, example_lines
from appealbus.simulator.server import Simulator

_RECOVERY = 60.0
"""Timeout in seconds for parked queries: each pause is four seconds, and a few rounds suffice."""
_PAGE = 500
"""Appeals in one read: the demonstration has 200."""


async def run(out: Console, folder: Path) -> None:
    settings, signatures = contour(folder)
    async with Simulator(settings) as simulator:
        loaded = from_document(document(folder, simulator.url, settings), folder)
        configure(loaded.settings.log.level, loaded.settings.log.format)
        journal = await Journal.open(loaded.settings.bus.journal, key=loaded.settings.bus.key_file())
        try:
            parts = build(loaded, load_plugins(loaded))
            async with _behind_a_queue(simulator, parts):
                bus = Bus(loaded, parts, journal)
                await bus.start()
                relieve_collector()
                try:
                    await _tell(out, bus, simulator, signatures)
                finally:
                    await bus.stop()
                await _oversee(out, journal, folder)
        finally:
            await journal.close()


@asynccontextmanager
async def _behind_a_queue(simulator: Simulator, parts: Parts) -> AsyncIterator[None]:
    """Run the agencies with their failures, one of them on the bus's broker."""
    brokers = parts.host.shared("amqp")
    if not isinstance(brokers, Brokers):
        raise TypeError("another plugin is called amqp")
    broker = brokers.get()
    await brokers.start(broker, WantedTopology())
    try:
        await simulator.take_questions(broker)
        for service, rules in MISBEHAVIOUR.items():
            simulator.misbehave(service, rules)
        yield
    finally:
        await brokers.close(broker)


async def _tell(out: Console, bus: Bus, simulator: Simulator, signatures: str) -> None:
    _head(out, "Appeals in, dossiers out")
    out.print(signatures)
    started = time.monotonic()
    taken = await _feed(out, bus)
    seconds = time.monotonic() - started
    dossiers = await _dossiers(bus)
    partial = [d for d in dossiers if d.completeness is Completeness.PARTIAL]
    signals = sum(len(d.signals) for d in dossiers)
    out.print(f"{sum(taken.values())} messages: " + ", ".join(f"{count} {what}" for what, count in taken.items()))
    out.print(f"{len(dossiers)} dossiers after {seconds:.1f} s, with {signals} signals for the official")
    words = Counter(d.completeness for d in dossiers)
    out.print(
        f"{words[Completeness.COMPLETE]} complete, {words[Completeness.PARTIAL]} partial, since agencies failed, "
        f"{words[Completeness.SETTLED]} settled: nobody can ask for what they lack"
    )
    out.print()
    out.print(source_view([guard.state() for guard in bus.guards.values()]))
    shown = max(dossiers, key=_worth)
    _head(out, f"One dossier: appealbus dossier {shown.number}")
    out.print(dossier_view(shown, counted=await _due_on(bus, shown)))
    out.print(_of_models(shown), style="yellow")
    if partial:
        number = partial[0].number
        _head(out, f"One that is incomplete: appealbus why {number}")
        out.print(gaps_view(partial[0], counted=await _due_on(bus, partial[0])))
        _head(out, "The agencies recover; parked lookups come back by themselves")
        for service in MISBEHAVIOUR:
            simulator.misbehave(service)
        await _recover(bus)
        after = await _dossiers(bus)
        words = Counter(d.completeness for d in after)
        again = next(d for d in after if d.number == number)
        settled = f"{words[Completeness.SETTLED]} settled; {number} is at version {again.version}:"
        out.print(f"{words[Completeness.COMPLETE]} of {len(after)} dossiers are complete, {settled}")
        out.print(gaps_view(again, counted=await _due_on(bus, again)))


def _of_models(dossier: Dossier) -> str:
    names = dict.fromkeys(fact.lookup for fact in dossier.facts if fact.provenance.source in MODELS)
    note = "answered by a model of ours: no contract of that service is published (docs/registries.md)"
    return f"{', '.join(names)}: {note}" if names else ""


async def _due_on(bus: Bus, dossier: Dossier) -> date | None:
    row = await bus.journal.ask(lists.appeal_row, dossier.number)
    return None if row is None else row.due_on


async def _recover(bus: Bus) -> None:
    """Wait until nothing is parked, up to the timeout."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_RECOVERY):
            await bus.settle(parked=True)


async def _oversee(out: Console, journal: Journal, folder: Path) -> None:
    _head(out, "The figures: appealbus report --by category")
    appeals = await oversight.past(journal)
    out.print(f"With {appeals} more appeals, of a synthetic past. By appealbus report each figure has its formula.")
    await oversight.figures(out, journal)
    _head(out, "One alarm: appealbus surges")
    await oversight.alarm(out, journal, folder)


def _head(out: Console, text: str) -> None:
    out.print(Rule(text) if out.is_terminal else text, style="bold")


async def _feed(out: Console, bus: Bus) -> Counter[str]:
    """Submit the example appeals and wait for the first dossier of each."""
    path = example_appeals()
    messages = (
        list(read_appeals(path))
        if path
        else [Inbound("files", f"example:{i}", line.encode()) for i, line in enumerate(example_lines(), 1)]
    )
    taken: Counter[str] = Counter()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=out) as progress:
        intake = progress.add_task("accepted", total=len(messages))
        work = progress.add_task("enriched", total=COUNT)
        for message in messages:
            result = await bus.accept(message)
            what = ("accepted" if result.new else "seen before") if isinstance(result, Taken) else "in quarantine"
            taken[what] += 1
            progress.advance(intake)
        progress.update(work, total=taken["accepted"])
        while True:
            counts = await bus.journal.ask(figures.counts)
            progress.update(work, completed=counts.idle + counts.parked)
            if not counts.ready and not counts.in_work:
                return taken
            await asyncio.sleep(0.05)


async def _dossiers(bus: Bus) -> list[Dossier]:
    dossiers = []
    after = 0
    while page := await bus.journal.ask(lists.appeals, after, _PAGE):
        for row in page:
            raw = await bus.journal.ask(documents.whole, row.number)
            if raw is not None:
                dossiers.append(DOSSIER.read(raw))
        after = page[-1].appeal_id
    return dossiers


def _worth(dossier: Dossier) -> tuple[int, int, int]:
    """Rank a dossier by its content; among equals the shorter one wins."""
    kinds = len({fact.record.type for fact in dossier.facts})
    severities = len({signal.severity for signal in dossier.signals})
    return kinds, severities, -len(dossier.outcomes)
