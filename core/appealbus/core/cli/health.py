"""`appealbus health`: whether all is well, in one answer."""

import asyncio
from datetime import date, timedelta
from socket import gethostname

import typer

from appealbus.core.cli.context import Cli, cli_of
from appealbus.core.cli.exits import EXIT_PROBLEMS
from appealbus.core.cli.languages import Lang, reader
from appealbus.core.cli.paging import AsJson
from appealbus.core.config.models import BusSettings
from appealbus.core.errors import ConfigError, JournalError
from appealbus.core.health.facts import gather
from appealbus.core.health.finding import Finding, Severity, all_is_well
from appealbus.core.health.report import report
from appealbus.core.journal import state, workers
from appealbus.core.journal.checkpoint import Checkpoint, no_checkpoint
from appealbus.core.journal.errors import Behind, OlderJournal
from appealbus.core.journal.journal import Journal
from appealbus.core.language import ReaderLanguage
from appealbus.core.lazy_text import LazyText, told
from appealbus.core.rights.policy import read_policy
from appealbus.core.rights.senders import missing

_LONGEST = 10.0
"""Seconds for the journal to answer; a healthy one takes a tenth of one."""
_UNMOVED = timedelta(seconds=30)
"""Maximum age of a checkpoint, which a worker writes each second. The worker itself reports it after 15."""
_STYLES = {Severity.CRITICAL: "bold red", Severity.WARNING: "yellow", Severity.INFO: "dim"}


def health(context: typer.Context, as_json: AsJson = False, lang: Lang = None) -> None:
    """Say whether all is well; if not, what is wrong, the worst first, each with what to do.

    Looks at workers, connections, the journal and its disk, the clock, sources and who waits for them, due dates,
    receivers, quarantine and certificates. Exits 1 if somebody has to do something.
    """
    cli = cli_of(context)
    findings = asyncio.run(_findings(cli))
    well = all_is_well(findings)
    if as_json:
        cli.print_json({"well": well, "findings": [finding.plain for finding in findings]})
    else:
        to = reader(cli, lang)
        for finding in findings:
            # In English as alerts and JSON have it, days and moments too.
            english = to.language is ReaderLanguage.ENGLISH
            about, detail, todo = (finding.about, finding.detail, finding.todo) if english else finding.to(to)
            cli.out.print(f"{to.word(finding.severity):<8}  {about}: {detail}", style=_STYLES[finding.severity])
            cli.out.print(f"          {todo}")
        if well:
            cli.out.print(to.say("All is well."), style="green")
    if not well:
        raise typer.Exit(EXIT_PROBLEMS)


async def _findings(cli: Cli) -> list[Finding]:
    settings = cli.loaded.settings
    try:
        async with asyncio.timeout(_LONGEST), cli.journal() as journal:
            behind = await _behind(journal, settings.bus)
            return [*behind, *report(await gather(journal, settings, _terms_until(cli), await _rights(cli, journal)))]
    except TimeoutError:
        return [_away(told("it does not answer within {seconds} s", seconds=f"{_LONGEST:g}"))]
    except OlderJournal as error:
        return [
            _of_journal(
                told(str(error)), told("until then ask with the release that works it; see operating.md, upgrading")
            )
        ]
    except JournalError as error:
        return [_away(told(str(error)))]


def _terms_until(cli: Cli) -> dict[str, date]:
    try:
        return cli.host.counting.known_until()
    except ConfigError:
        return {}  # `appealbus check` tells of it, and no bus starts


async def _rights(cli: Cli, journal: Journal) -> str:
    try:
        return await missing(journal, cli.loaded, read_policy(cli.loaded))
    except ConfigError:
        return ""  # `appealbus check` tells of it, and no bus starts


async def _behind(journal: Journal, bus: BusSettings) -> list[Finding]:
    """Return conflicts between this machine's checkpoint and the journal; they prevent writes."""
    checkpoint = Checkpoint(bus.checkpoint_file())
    try:
        mark = checkpoint.read()  # before the journal, which a bus that runs writes first
        checkpoint.compare(mark, now := await journal.ask(state.how_far))
    except Behind as error:
        return [
            _of_journal(told(str(error)), told("see operating.md, restoring; until then `appealbus run` refuses it"))
        ]
    except ConfigError as error:
        does = told("mend it, or the bus does not start")
        return [Finding(Severity.WARNING, told("checkpoint"), [told(str(error))], does)]
    if mark is None and now.beat and (not journal.shared or await journal.ask(workers.last_heartbeat) is None):
        does = told("enrol it, or ask on a machine that has one; see operating.md, the checkpoint")
        return [Finding(Severity.WARNING, told("checkpoint"), [told(no_checkpoint(checkpoint))], does)]
    if mark and mark.clock and now.clock and now.clock - mark.clock > _UNMOVED and await _is_worked_here(journal):
        at = f"{mark.clock:%Y-%m-%d %H:%M:%S} UTC"
        says = f"a worker runs on this machine, but {checkpoint.path} was last written at {at}"
        does = told("look why it cannot be written; until then a restored copy could go unseen")
        return [Finding(Severity.WARNING, told("checkpoint"), [told(says)], does)]
    return []


async def _is_worked_here(journal: Journal) -> bool:
    return any(worker.host == gethostname() for worker in await journal.ask(workers.workers))


def _away(detail: LazyText) -> Finding:
    does = told("mend the database or the way to it, or make room on its disk; the bus goes on by itself")
    return _of_journal(detail, does)


def _of_journal(detail: LazyText, does: LazyText) -> Finding:
    return Finding(Severity.CRITICAL, told("journal"), [detail], does)
