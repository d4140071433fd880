"""Logs accesses to personal data in the journal before anything is shown."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Annotated, Any, TypeVar

import typer

from appealbus.core.cli.context import Cli
from appealbus.core.cli.exits import EXIT_JOURNAL, EXIT_PROBLEMS
from appealbus.core.errors import JournalError
from appealbus.core.journal import access, workers
from appealbus.core.journal.journal import Journal
from appealbus.core.plugin_calls import threads

T = TypeVar("T")

Copy = Annotated[
    bool, typer.Option("--copy", help="The journal is a copy, such as a backup: who looks is not noted in it.")
]


def look(
    cli: Cli,
    read: Callable[[Journal], Coroutine[Any, Any, T]],
    what: str,
    *,
    number: str | None = None,
    copy: bool = False,
    purpose: str = "",
    about: Callable[[T], Mapping[str, int]] | None = None,
    others: Callable[[T], Sequence[str]] = lambda _: (),
) -> T:
    """Read personal data, and log the access before returning.

    Args:
        read: if it fails, nothing is logged, since nothing is shown.
        what: the command, for the log.
        copy: whether the journal is a copy that nobody works and that must not change.
        about: extra details for the log, numbers only.
        others: numbers of other appeals shown in part; the access is logged for these, too.
    """

    async def work() -> T:
        # Letters of hundreds of pages may be compared in a thread that nobody can end: Ctrl-C does not wait for it.
        threads.share(asyncio.get_running_loop())
        # For reading first: a look must not migrate the journal.
        async with cli.journal() as journal:
            value = await read(journal)
            if copy:
                if await journal.ask(workers.workers):
                    cli.fail("This journal is worked right now, so it is no copy; look without --copy.", EXIT_PROBLEMS)
                return value
        try:
            async with cli.journal(write=True, keeps=False) as journal:
                detail = about(value) if about else {}
                looks = [journal.do(access.Look(what, number=number, purpose=purpose, about=detail))]
                looks += [journal.do(access.Look(what, number=other, purpose=purpose)) for other in others(value)]
                await asyncio.gather(*looks)
        except JournalError as error:
            cli.err.print(f"Who looks cannot be noted, so nothing is shown: {error}", style="red")
            cli.fail("Of a copy that nobody works, such as a backup: --copy notes nothing.", EXIT_JOURNAL)
        return value

    return asyncio.run(work())
