"""`appealbus plugins`."""

import typer
from rich.table import Table
from rich.text import Text

from appealbus.core.cli.context import cli_of
from appealbus.core.cli.exits import EXIT_PROBLEMS
from appealbus.core.cli.paging import AsJson
from appealbus.core.escaping import one_line

_STYLE = {"active": "green", "broken": "red", "disabled": "dim"}


def plugins(context: typer.Context, as_json: AsJson = False) -> None:
    """List the plugins: name, version, hooks, state. Exits 1 if one is broken."""
    cli = cli_of(context)
    plugins = cli.host.plugins
    if as_json:
        keys = ("name", "version", "origin", "state", "reason", "hooks")
        cli.print_json([{key: getattr(plugin, key) for key in keys} for plugin in plugins])
    else:
        table = Table("plugin", "version", "state", "hooks", "from")
        for plugin in plugins:
            state = Text(plugin.state, _STYLE[plugin.state])
            table.add_row(
                one_line(plugin.name), one_line(plugin.version), state, "\n".join(plugin.hooks), one_line(plugin.origin)
            )
        cli.out.print(table)
        for plugin in plugins:
            if plugin.reason:
                cli.out.print(f"{plugin.name}: {plugin.reason}", style=_STYLE[plugin.state])
    if any(plugin.state == "broken" for plugin in plugins):
        raise typer.Exit(EXIT_PROBLEMS)
