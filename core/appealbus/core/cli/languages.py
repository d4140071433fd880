"""`--lang`: the language of a command's output."""

import os
from typing import Annotated

import typer

from appealbus.core.cli.context import Cli
from appealbus.core.language import Reader, ReaderLanguage, chosen

Lang = Annotated[
    ReaderLanguage | None,
    typer.Option("--lang", envvar="APPEALBUS_LANG", help="The language of what is shown; else that of the locale."),
]


def reader(cli: Cli, lang: ReaderLanguage | None) -> Reader:
    return Reader(chosen(lang, os.environ), cli.loaded.settings.bus.plugins)
