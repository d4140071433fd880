"""`appealbus intake FILE`: take the appeals of one file."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from appealbus.connectors.files.folder import accept_all
from appealbus.connectors.files.reading import read_appeals
from appealbus.connectors.files.settings import Encoding
from appealbus.core import Inbound, Quarantined
from appealbus.core.cli.context import EXIT_PROBLEMS, Cli, cli_of
from appealbus.core.reception import Reception

_BATCH = 200
_SHOWN = 10


def intake(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A .jsonl, .ndjson, .csv, .tsv, .json or .xml file.")],
    channel: Annotated[str, typer.Option(help="The channel that the appeals came by.")] = "files",
    encoding: Annotated[Encoding, typer.Option(help="Of JSON Lines and CSV.")] = Encoding.UTF_8,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Take appeals from a file into the journal. What cannot be taken goes into quarantine, with line and reason.

    A file that is taken twice makes no appeal twice. Exits 1 if anything went into quarantine.
    """
    cli = cli_of(context)
    counts, problems = asyncio.run(_take(cli, read_appeals(file, channel, encoding)))
    if as_json:
        cli.print_json({key: counts[key] for key in ("new", "known", "quarantined")})
    else:
        cli.out.print(f"{counts['new']} taken, {counts['known']} known already, {counts['quarantined']} in quarantine")
        for problem in problems:
            cli.err.print(problem, style="red", markup=False)
        if counts["quarantined"] > len(problems):
            cli.err.print("… see `appealbus quarantine list`", markup=False)
    if counts["quarantined"]:
        raise typer.Exit(EXIT_PROBLEMS)


async def _take(cli: Cli, messages: Iterator[Inbound]) -> tuple[Counter[str], list[str]]:
    counts: Counter[str] = Counter()
    problems: list[str] = []
    async with cli.journal(write=True) as journal:
        reception = Reception(journal, cli.loaded.settings.bus.accepted_by)
        while batch := list(islice(messages, _BATCH)):
            results = await accept_all(reception, batch)
            for message, result in zip(batch, results, strict=True):
                if isinstance(result, Quarantined):
                    counts["quarantined"] += 1
                    if len(problems) < _SHOWN:
                        problems.append(f"{message.position}: {result.reason}")
                else:
                    counts["new" if result.new else "known"] += 1
    return counts, problems
