"""`appealbus intake FILE`: take the appeals of one file."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Annotated

import orjson
import typer

from appealbus.connectors.files.intake import accept_all
from appealbus.connectors.files.reading import batches, read_appeals
from appealbus.connectors.files.settings import Encoding
from appealbus.core import Inbound, Quarantined, Taken
from appealbus.core.commands import EXIT_PROBLEMS, AsJson, Cli, New, cli_of, local
from appealbus.core.escaping import escaped_json, one_line
from appealbus.core.management.viewing import read_policy
from appealbus.core.serving import Reception

_BATCH = 200
"""Messages taken at once: the journal writes them in one transaction, and more make it no cheaper."""
_WARNINGS = 10
"""Warnings shown in a line of text; the receipt has all."""


def _encoding(written: str) -> Encoding:
    try:
        return Encoding(written.lower())
    except ValueError:
        names = " or ".join(Encoding)
        raise typer.BadParameter(f"{written!r} is not read; write {names}, or save the file as UTF-8") from None


def intake(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A .jsonl, .ndjson, .csv, .tsv, .json or .xml file.")],
    channel: Annotated[str, typer.Option(help="The channel that the appeals came by.")] = "files",
    encoding: Annotated[
        Encoding, typer.Option(help="Of JSON Lines and CSV.", parser=_encoding, metavar="utf-8|cp1251")
    ] = Encoding.UTF_8,
    as_json: AsJson = False,
    *,
    new: New = False,
) -> None:
    """Take appeals from a file into the journal. What cannot be taken goes into quarantine, with line and reason.

    Prints a receipt for each appeal, once it is on disk; with --json a line of JSON for each, receipt or reason.
    A file that is taken twice makes no appeal twice. Exits 1 if anything went into quarantine.
    """
    cli = cli_of(context)
    cli.new = new
    counts = asyncio.run(_take(cli, read_appeals(file, channel, encoding), _tell_json if as_json else _tell_text))
    text = f"{counts['new']} taken, {counts['known']} known already, {counts['quarantined']} in quarantine"
    if not counts:
        text = f"{text}; {file.name} holds no appeal"
    cli.err.print(f"{text}; see `appealbus quarantine list`" if counts["quarantined"] else text)
    if counts["quarantined"]:
        raise typer.Exit(EXIT_PROBLEMS)


def _tell_text(cli: Cli, message: Inbound, result: Taken | Quarantined) -> None:
    if isinstance(result, Quarantined):
        cli.out.print(f"{message.position}  in quarantine as {result.quarantine_id}: {result.reason}")
        return
    again = "" if result.new else ", known already"
    receipt = result.receipt
    number = receipt.number or "a change that waits for its appeal"
    cli.out.print(f"{message.position}  {number}  {local(receipt.accepted_at):%Y-%m-%d %H:%M:%S}{again}")
    warnings = receipt.warnings or ()
    for warning in warnings[:_WARNINGS]:
        cli.out.print(f"    {warning.field}: {warning.code}: {one_line(warning.message)}")
    if len(warnings) > _WARNINGS:
        cli.out.print(f"    and {len(warnings) - _WARNINGS} more")


def _tell_json(cli: Cli, message: Inbound, result: Taken | Quarantined) -> None:
    if isinstance(result, Quarantined):
        fields = {"quarantine_id": result.quarantine_id, "reason": result.reason}
    else:
        fields = {"new": result.new, "receipt": result.receipt.model_dump(mode="json")}
    cli.write(escaped_json(orjson.dumps({"position": message.position, **fields})))


async def _take(
    cli: Cli, messages: Iterator[Inbound], tell: Callable[[Cli, Inbound, Taken | Quarantined], None]
) -> Counter[str]:
    counts: Counter[str] = Counter()
    settings = cli.loaded.settings.bus
    policy = read_policy(cli.loaded)
    async with (
        cli.journal(write=True) as journal,
        aclosing(Reception(journal, settings, cli.host.counting.due_on, policy)) as reception,
    ):
        for batch in batches(messages, _BATCH):
            results = await accept_all(reception, batch)
            for message, result in zip(batch, results, strict=True):
                if isinstance(result, Quarantined):
                    counts["quarantined"] += 1
                else:
                    counts["new" if result.new else "known"] += 1
                tell(cli, message, result)
    return counts
