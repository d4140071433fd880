"""`appealbus key`."""

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import structlog
import typer

from appealbus.core.cli.context import Cli, cli_of
from appealbus.core.cli.exits import EXIT_JOURNAL, EXIT_PROBLEMS
from appealbus.core.cli.restored import somebody_works
from appealbus.core.clocks import monotonic
from appealbus.core.domain.case import Case
from appealbus.core.enrichment.carrying import renamed
from appealbus.core.enrichment.recognition import keys_anew
from appealbus.core.journal import renewing
from appealbus.core.journal.lock import RunLock
from appealbus.core.journal.renewing import Rekey
from appealbus.core.loading.parts import build

log = structlog.get_logger(__name__)

_SQLITE = "sqlite:///"
_SILENT = 5.0

group = typer.Typer(help="The key by which people and parcels are found in the journal.", no_args_is_help=True)


@group.callback()
def _group() -> None:
    """Look after the key by which people and parcels are found in the journal."""


@group.command("renew")
def renew(context: typer.Context, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Give the journal another key and mark everything anew, since the old one is lost or became known to others.

    While no bus runs; servers end by themselves, and start again once it is done. It can be stopped and run again, and
    goes on; until it has ended, nobody starts. The old key's file stays under another name, for a journal that is
    restored from before.
    """
    cli = cli_of(context)
    file = cli.loaded.settings.bus.key_file()
    if not yes and not typer.confirm(f"Make another key at {file}?"):
        raise typer.Exit(EXIT_PROBLEMS)
    done = asyncio.run(_renew(cli))
    cli.out.print(f"{done} appeals are marked anew. Back up {file} now, apart from the journal.")
    cli.out.print("Other machines need a copy of it; servers that ran here have ended with 8, to be started again.")


async def _renew(cli: Cli) -> int:
    url = cli.loaded.settings.bus.journal
    make_rekey = _rekeying(cli)
    async with cli.journal() as journal:
        if journal.shared and await somebody_works(journal):
            cli.fail("workers run on this journal; stop them first", EXIT_JOURNAL)
    with ExitStack() as ends:
        if url.startswith(_SQLITE):
            ends.callback(RunLock(Path(url.removeprefix(_SQLITE))).release)
        async with cli.journal(write=True, anew=True) as journal:
            return await renewing.renew(journal, make_rekey(journal.key.question), _teller())


def _rekeying(cli: Cli) -> Callable[[Callable[[str], str]], Rekey]:
    """Return a function that rebuilds the keys of a case's questions, given one that makes a key."""
    contracts, fan_out = build(cli.loaded, cli.host).contracts.known_to(), cli.loaded.settings.bus.max_fan_out

    def make(key_of: Callable[[str], str]) -> Rekey:
        def rekey(case: Case) -> dict[tuple[str, str], str]:
            contract = contracts[case.appeal.kind if case.appeal.kind in contracts else None]
            keys = keys_anew(contract.plan, renamed(case, contract.present), fan_out, key_of)
            now = {(state.lookup, state.key): contract.present.get(state.lookup, state.lookup) for state in case.states}
            return {(name, key): keys[here, key] for (name, key), here in now.items() if (here, key) in keys}

        return rekey

    return make


def _teller() -> Callable[[int], None]:
    said_at = monotonic()

    def tell(done: int) -> None:
        nonlocal said_at
        if monotonic() - said_at > _SILENT:
            said_at = monotonic()
            log.info("key.renewing", count=done)

    return tell
