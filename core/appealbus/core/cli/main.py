"""`appealbus`: the program."""

import contextlib
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from appealbus.core.cli.commands import MARKUP, group_of
from appealbus.core.cli.context import Cli, guarded
from appealbus.core.cli.exits import EXIT_PROBLEMS
from appealbus.core.errors import ConfigError
from appealbus.core.logs import configure
from appealbus.core.process.runtime import collect_seldom, leave_within, spare_memory
from appealbus.core.process.worker import worker
from appealbus.core.version import __version__

_HELP = """An appeal goes in, a dossier with the state's own records comes out.

Start with `appealbus demo`, where the simulator is installed. Then write an `appealbus.toml` (try `appealbus check`),
put appeals in with `appealbus intake FILE`, work them with `appealbus run`, and look at one with
`appealbus dossier NUMBER`.

Exit codes: 0 all is well; 1 the command worked and found problems; 2 the configuration or the command line is
wrong; 3 there is no such thing; 4 the journal cannot be used; 5 a plugin held the process for too long;
6 a newer release migrates the journal, or has done so; 7 the journal cannot be used for now; 130 stopped by Ctrl-C.
"""


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"appealbus {__version__}")
        raise typer.Exit


def build(cli: Cli) -> typer.Typer:
    app = typer.Typer(
        name="appealbus",
        help=_HELP,
        no_args_is_help=True,
        rich_markup_mode=MARKUP,
        pretty_exceptions_enable=False,
        add_completion=False,
        cls=group_of(cli),
    )

    @app.callback()
    def root(
        context: typer.Context,
        config: Annotated[
            Path | None,
            typer.Option("--config", "-c", envvar="APPEALBUS_CONFIG", help="The configuration; else ./appealbus.toml."),
        ] = None,
        version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True)] = False,
    ) -> None:
        context.obj = cli

    with contextlib.suppress(ConfigError):  # the command itself says what is wrong; --help still works
        configure(cli.loaded.settings.log.level, cli.loaded.settings.log.format, member=worker())
    return app


def _config_option(arguments: list[str]) -> Path | None:
    """Find --config before the commands are parsed, since plugins add commands."""
    named = os.environ.get("APPEALBUS_CONFIG") or None
    rest = iter(arguments)
    for argument in rest:
        if argument in ("--config", "-c"):
            named = next(rest, None)
        elif argument.startswith("--config="):
            named = argument.partition("=")[2]
        elif argument.startswith("-c"):
            named = argument.removeprefix("-c")
        elif not argument.startswith("-") or argument in ("-", "--"):
            break
    return None if named is None else Path(named)


def main() -> None:
    def program() -> None:
        # Errors in the command line are shown by `guarded`: they repeat arguments, which typer would print as they are.
        # And not by calling the app, which sets a hook of its own that prints the text of an exception.
        code = typer.main.get_command(build(Cli(_config_option(sys.argv[1:]))))(standalone_mode=False)
        if code:
            raise SystemExit(code)

    spare_memory()
    collect_seldom()
    code = EXIT_PROBLEMS
    try:
        guarded(program)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        raise
    finally:
        leave_within(code)
