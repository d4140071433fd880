"""`appealbus check`."""

import asyncio
import os
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from appealbus.core.cli.context import Cli, cli_of
from appealbus.core.cli.exits import EXIT_PROBLEMS
from appealbus.core.cli.paging import AsJson
from appealbus.core.clocks import day_of, wall
from appealbus.core.errors import ConfigError, JournalError
from appealbus.core.guards.context import Bound
from appealbus.core.health.facts import asks_nobody
from appealbus.core.health.finding import Severity
from appealbus.core.health.infrastructure import of_certificate
from appealbus.core.health.messages import gone_receivers
from appealbus.core.interfaces.assessor import Assessor
from appealbus.core.interfaces.lookup import Lookup
from appealbus.core.interfaces.part import Part
from appealbus.core.interfaces.wire import Health, Wire
from appealbus.core.journal import clients as journal_clients
from appealbus.core.journal import figures, state, workers
from appealbus.core.journal.checkpoint import Checkpoint, no_checkpoint
from appealbus.core.journal.errors import NoJournalYet, OlderJournal, Outlived
from appealbus.core.journal.journal import Journal
from appealbus.core.loading.pages import NoServer, NotMade, make
from appealbus.core.loading.parts import Parts, build
from appealbus.core.plugin_calls.boundary import is_defect, within
from appealbus.core.readings.proof import prove
from appealbus.core.rights.fields import is_of_the_dossier
from appealbus.core.rights.paths import path_of
from appealbus.core.rights.policy import read_policy
from appealbus.core.rights.senders import missing
from appealbus.core.rights.written_paths import astray
from appealbus.schemas.suggestion import did_you_mean

H = TypeVar("H")

_RENAMES = "bus", "renames"
_START = 60.0
"""Seconds for a wire to start: it may read a large contract, and import code, from a slow disk."""
_LOOK = 20.0


@dataclass(slots=True)
class Findings:
    configuration: str
    plugins: list[str]
    lookups: list[str]
    inactive: dict[str, str]
    sources: list[dict[str, Any]] = field(default_factory=list)
    certificates: list[dict[str, Any]] = field(default_factory=list)
    """Certificates used by source wires, with their expiry."""
    connections: list[dict[str, Any]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    """Valid settings that should be improved, such as a secret readable by others."""


def check(
    context: typer.Context,
    online: Annotated[
        bool, typer.Option("--online", help="Ask also whether each source and each broker can be reached.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Prove the configuration without touching data: every table, plugin, path, contract and secret.

    Nobody is asked about anybody. Exits 2 if the configuration is wrong, 1 if it is right and something else is
    not: a broken plugin, a declared lookup that its contract does not allow, a source or a broker that cannot be
    reached, a source that no lookup asks, a certificate that has ended, dossiers that wait for a receiver that is gone.
    """
    cli = cli_of(context)
    findings = asyncio.run(_check(cli, online))
    if as_json:
        cli.print_json(findings)
    else:
        _print(cli, findings)
    if findings.problems:
        raise typer.Exit(EXIT_PROBLEMS)


def _print(cli: Cli, findings: Findings) -> None:
    lines = [("configuration", findings.configuration), ("plugins", ", ".join(findings.plugins))]
    lines.append(("lookups", ", ".join(findings.lookups) or "none"))
    by_reason: dict[str, list[str]] = defaultdict(list)
    for name, why in findings.inactive.items():
        by_reason[why].append(name)
    lines += [("inactive", f"{', '.join(names)}: {why}") for why, names in by_reason.items()]
    lines += [
        ("source", f"{source['source']} over {source['connector']}: {source['detail']}") for source in findings.sources
    ]
    lines += [
        (
            "certificate",
            f"{certificate['name']} of {certificate['source']} {certificate['purpose']}: {certificate['subject']}, "
            f"until {day_of(certificate['not_after'])}",
        )
        for certificate in findings.certificates
    ]
    lines += [
        (connection["part"], f"{connection['name']} over {connection['kind']}: {connection['detail']}")
        for connection in findings.connections
    ]
    for name, text in lines:
        style = "yellow" if name == "inactive" else ""
        cli.out.print(f"{name:<14} {text}", style=style)
    for warning in findings.warnings:
        cli.err.print(warning, style="yellow")
    for problem in findings.problems:
        cli.err.print(problem, style="red")
    if not findings.problems:
        cli.out.print("The configuration is right.", style="green")


async def _check(cli: Cli, online: bool) -> Findings:
    parts = build(cli.loaded, cli.host)
    findings = Findings(
        str(cli.loaded.file or "the embedded defaults (there is no appealbus.toml here)"),
        [plugin.name for plugin in cli.host.plugins if plugin.state == "active"],
        [node.lookup.name for node in parts.nodes],
        parts.inactive,
    )
    missing = cli.loaded.unreadable_secrets()
    if missing:
        raise ConfigError(*missing)
    findings.warnings += map(str, asks_nobody(cli.loaded.settings, None))
    findings.warnings += cli.loaded.open_secrets() + _own_warnings([node.lookup for node in parts.nodes])
    findings.warnings += _own_warnings([*cli.host.assessors.values()])
    if cli.host.compares and cli.host.past_finder is None:
        findings.warnings.append("assessors compare appeals, but no plugin finds earlier ones: load `repeats`")
    findings.warnings += [warning for plugin in cli.host.plugins for warning in plugin.warnings]
    findings.problems += [f"plugin {p.name} is broken: {p.reason}" for p in cli.host.plugins if p.state == "broken"]
    findings.problems += cli.host.record_clashes()
    findings.warnings += [
        str(
            cli.loaded.error(
                f"{rename.path} of {rename.channel} is not read as {rename.to} since {rename.until}", *_RENAMES
            )
        )
        for rename in cli.loaded.settings.bus.renames
        if rename.until is not None and rename.until < day_of(wall())
    ]
    findings.problems += parts.problems
    findings.problems += parts.unused.values()
    for plugin, pages in cli.host.pages:
        try:
            await make(pages, plugin, NoServer())
        except (ConfigError, NotMade) as error:
            findings.problems.append(str(error))
    findings.problems += await _journal_problems(cli, parts, findings)
    _look_at_paths(cli, findings)
    await _look_at_policy(cli, findings)
    for bound in parts.sources.values():
        lookups = [node.lookup for node in parts.nodes if node.lookup.source == bound.name]
        health, unproven = await _looked_at(bound, online, lookups)
        for text, certain in unproven.items():
            lines = findings.problems if certain else findings.warnings
            if text not in lines:
                lines.append(text)
        detail = health.detail
        findings.sources.append({"source": bound.name, "connector": bound.connector, "ok": health.ok, "detail": detail})
        _look_at_certificates(bound, findings)
        if not health.ok:
            findings.problems.append(f"source {bound.name} over {bound.connector}: {health.detail}")
    if online:
        await _look_at_connections(parts, findings)
    return findings


def _look_at_paths(cli: Cli, findings: Findings) -> None:
    """Report paths of assessors and terms that do not exist, since every mask hides their results."""
    lookups = cli.host.records
    for name, assessor in cli.host.assessors.items():
        texts = {stray: f"{stray.where}: {stray.path}: {stray.why}" for stray in astray(assessor, lookups)}
        owner = f"; the assessor {name} of {cli.host.owner(assessor)}"
        hides = f"{owner}: every mask hides a signal that names it"
        for stray, text in texts.items():
            (findings.problems if stray.certain else findings.warnings).append(
                text + (owner if stray.where == "reads" else hides)
            )
    for name, terms in cli.host.brought("terms").items():
        findings.problems += [
            f"terms {name} of {cli.host.owner(terms)}: rests_on: {path} leads nowhere; every mask hides due dates"
            for path in terms.rests_on
            if not is_of_the_dossier(path_of(path))
        ]


async def _look_at_policy(cli: Cli, findings: Findings) -> None:
    """Report rules of the policy without effect, too weak, or about unknown names."""
    policy = read_policy(cli.loaded, cli.host)
    if policy.written is not None:
        findings.problems += policy.idle_rules
        findings.warnings += policy.loose_masks()
    try:
        async with cli.journal() as journal:
            lacks = await missing(journal, cli.loaded, policy)
            clients = [client.name for client, _ in await journal.ask(journal_clients.all_clients)]
    except (JournalError, OlderJournal) as error:
        findings.warnings.append(f"whether the policy allows the changes that have come nobody can tell: {error}")
    except NoJournalYet:
        pass
    else:
        # Not by lines: the name of a channel may have what ends one.
        findings.warnings += lacks.split("\n") if lacks else []
        findings.problems += policy.strangers(clients) if policy.written is not None else []


def _own_warnings(those: Sequence[Lookup[Any, Any]] | Sequence[Assessor]) -> list[str]:
    """Return warnings of lookups and assessors; equal texts are merged with all their names."""
    names: dict[str, list[str]] = defaultdict(list)
    for plugin in those:
        try:
            warnings = list(plugin.warnings())
        except Exception as error:
            warnings = [f"its warnings cannot be told: it raised {type(error).__name__}"]
        for text in warnings:
            names[text].append(plugin.name)
    return [f"{', '.join(those)}: {text}" for text, those in names.items()]


async def _looked_at(bound: Bound, online: bool, lookups: Sequence[Lookup[Any, Any]]) -> tuple[Health, dict[str, bool]]:
    """Return the health of a source's wire, and the lookups that its contract forbids or leaves open."""
    wire, started = bound.wire, False

    async def look() -> Health:
        nonlocal started
        await wire.start()
        started = True
        loaded = wire.describe() or "contract loaded"
        if not online:
            return Health(True, loaded)
        health = await _within(bound.guard.timeout, wire.health)
        return Health(health.ok, f"{loaded}; {health.detail}")

    try:
        health = await _within(_START, look)
        return health, _unproven(bound, lookups, wire if started else None)
    finally:
        await _within(_LOOK, wire.close)


def _look_at_certificates(bound: Bound, findings: Findings) -> None:
    try:
        certificates = list(bound.wire.certificates())
    except Exception as error:
        findings.problems.append(f"source {bound.name}: its plugin raised {type(error).__name__} over its certificates")
        return
    now = wall()
    for certificate in certificates:
        findings.certificates.append({"source": bound.name} | asdict(certificate))
        trouble = of_certificate(bound.name, certificate, now)
        if trouble is not None:
            (findings.problems if trouble.severity is Severity.CRITICAL else findings.warnings).append(str(trouble))


def _unproven(bound: Bound, lookups: Sequence[Lookup[Any, Any]], wire: Wire | None) -> dict[str, bool]:
    try:
        return {str(finding): finding.certain for finding in prove(lookups, wire)}
    except Exception as error:
        return {f"source {bound.name}: nothing could be proved: its plugin raised {type(error).__name__}": True}


async def _look_at_connections(parts: Parts, findings: Findings) -> None:
    looked_at = [made for made in parts.made if isinstance(made.part, Part)]
    healths = await asyncio.gather(*(_within(_LOOK, made.part.health) for made in looked_at))
    for made, health in zip(looked_at, healths, strict=True):
        if health is None:
            continue
        what, name, kind = made.kind.title, made.name, made.factory
        row = {"part": what, "name": name, "kind": kind, "ok": health.ok, "detail": health.detail}
        findings.connections.append(row)
        if not health.ok:
            findings.problems.append(f"{what} {name} over {kind}: {health.detail}")


async def _journal_problems(cli: Cli, parts: Parts, findings: Findings) -> list[str]:
    """Report why the journal is unusable, and removed receivers or lookups that are still needed."""
    try:
        checkpoint = Checkpoint(cli.loaded.settings.bus.checkpoint_file())
        mark = checkpoint.read()
        async with cli.journal() as journal:
            outbox, known = (await journal.ask(figures.counts)).outbox, await journal.ask(workers.known)
            problems = await _key_problems(journal)
            findings.warnings += await journal.ask(state.what_may_be_lost) + await _silent_channels(cli, journal)
            checkpoint.compare(mark, now := await journal.ask(state.how_far))
            if mark is None and now.beat:
                there = await journal.ask(workers.last_heartbeat) is not None and journal.shared
                (findings.warnings if there else problems).append(no_checkpoint(checkpoint))
    except NoJournalYet:
        if not cli.loaded.settings.bus.journal.startswith("sqlite"):
            return []
        folder = Path(cli.loaded.settings.bus.journal.removeprefix("sqlite:///")).parent
        if os.access(folder, os.W_OK | os.X_OK):
            return []
        return [str(cli.loaded.error(f"the folder {folder} is not there, or not ours to write in", "bus", "journal"))]
    except JournalError as error:
        return [str(error)]
    missing = {
        name: lack.reason
        for contract in parts.contracts.known_to(known).values()
        for name, lack in contract.missing.items()
        if lack.plugin
    }
    problems += [
        f"lookup {name} could be asked once, and no dossier is complete without it: {reason}; "
        f"if it is gone for good, name it in bus.retired"
        for name, reason in sorted(missing.items())
    ]
    return problems + [str(gone) for gone in gone_receivers(outbox, frozenset(cli.loaded.settings.deliveries))]


async def _silent_channels(cli: Cli, journal: Journal) -> list[str]:
    """Return a warning for each channel of `bus.renames` by which no appeal has come, and that nobody can send by."""
    settings, clients = cli.loaded.settings, await journal.ask(journal_clients.all_clients)
    known = {*settings.intakes, *(client.channel or client.name for client, _ in clients)}
    return [
        str(
            cli.loaded.error(
                f"no appeal has come by the channel {name}, and no intake or client is called so: nothing is renamed; "
                + did_you_mean(name, known, "write the name that `appealbus appeals` shows"),
                *_RENAMES,
            )
        )
        for name in sorted({rename.channel for rename in settings.bus.renames} - known)
        if (await journal.ask(figures.unread, name, 0, 1))[1] is None
    ]


async def _key_problems(journal: Journal) -> list[str]:
    try:
        await journal.keyed()
    except (ConfigError, Outlived) as error:
        return [str(error)]
    return []


async def _within(seconds: float, ask: Callable[[], Awaitable[H]]) -> H | Health:
    try:
        return await within(seconds, ask, "", lambda task: None)
    except TimeoutError:
        return Health(False, f"no answer within {seconds:g} s")
    except BaseException as error:
        if isinstance(error, ConfigError) or not is_defect(error):
            raise
        return Health(False, f"its plugin raised {type(error).__name__}")
