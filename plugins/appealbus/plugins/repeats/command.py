"""`appealbus repeats`."""

from functools import partial
from typing import Annotated, Any

import typer

from appealbus.core import AppealRow, Past
from appealbus.core.commands import As, AsJson, Cli, Copy, Lang, Purpose, cli_of, look, look_as, reader
from appealbus.core.management import Journal, appeals
from appealbus.core.management.viewing import EVERYTHING, Action, Viewer, Views
from appealbus.plugins.repeats.assessor import Repeats
from appealbus.plugins.repeats.comparing import compared
from appealbus.plugins.repeats.formatting import lines
from appealbus.plugins.repeats.words import Article, Came, Label
from appealbus.schemas.appeal import Appeal

_WORDS = {word.value: word for kind in (Article, Came, Label) for word in kind}
Number = Annotated[str, typer.Argument(metavar="NUMBER", help="The appeal's number, as its receipt says.")]
_EVERYBODY = Viewer("commands", None, EVERYTHING)
"""Anybody with access to the journal may see all of it; the access is logged."""
_Read = tuple[dict[str, Any], list[str]]


def add_to(app: typer.Typer) -> None:
    @app.command()
    def repeats(
        context: typer.Context,
        number: Number,
        *,
        lang: Lang = None,
        as_json: AsJson = False,
        copy: Copy = False,
        as_: As = None,
        purpose: Purpose = "",
    ) -> None:
        """Show what an appeal repeats: how each earlier one stands now, and what is new here, sentence by sentence.

        Beside that others with the same text, and others about the same parcel. Who looks is noted, of all that are
        shown.
        """
        cli = cli_of(context)
        if as_ is None:
            document, _ = look(
                cli,
                lambda journal: _read(cli, journal, number),
                "repeats",
                number=number,
                copy=copy,
                purpose=purpose,
                others=_numbers,
            )
        else:
            shown = partial(_shown, cli)
            document, _ = look_as(cli, as_, Action.REPEATS, number, shown, copy=copy, purpose=purpose, others=_numbers)
        comparison = document["compared"][0]["comparison"]
        if as_json:
            cli.print_json({name: value for name, value in document.items() if name == "number"} | comparison)
            return
        to = reader(cli, lang)
        for line in (number, *lines(comparison, lambda word: to.word(_WORDS[word]), to.suffix)):
            cli.out.print(line, markup=False, highlight=False)


async def _read(cli: Cli, journal: Journal, number: str) -> _Read:
    row = await journal.ask(appeals.appeal_row, number)
    if row is None:
        cli.no_appeal(number)
    return await _shown(cli, Views(journal, _EVERYBODY), row)


async def _shown(cli: Cli, views: Views, row: AppealRow) -> _Read:
    return await compared(views, row, cli.host, _compare)


def _compare(appeal: Appeal, past: Past) -> tuple[list[dict[str, Any]], frozenset[int]]:
    """Compare even if comparison is off in the configuration; without sketches fewer repeats are found."""
    comparison = Repeats().compare(appeal, past)
    return [{"name": Repeats.name, "comparison": comparison.document}], comparison.shown


def _numbers(read: _Read) -> list[str]:
    return read[1]
