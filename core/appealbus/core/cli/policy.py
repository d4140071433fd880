"""`appealbus policy`: who sees what, as a table."""

from typing import Any

import typer

from appealbus.core.cli.context import cli_of
from appealbus.core.cli.paging import AsJson
from appealbus.core.rights.policy import read_policy


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("policy")(policy)


def policy(context: typer.Context, as_json: AsJson = False) -> None:
    """Tell who sees what: each role, client and receiver with its mask, and what each mask hides.

    It reads the configuration and the policy that it names, and neither journal nor dossiers.
    """
    cli = cli_of(context)
    read = read_policy(cli.loaded, cli.host)
    told = read.told(list(cli.loaded.settings.deliveries))
    if as_json:
        cli.print_json(told)
        return
    who: list[dict[str, Any]] = told["who"]
    width = max(len(each["who"]) for each in who)
    for each in who:
        purpose = ", reads with a purpose" if each["purpose"] else ""
        may = f"; may {', '.join(each['may'])}" if each["may"] else ""
        cli.out.print(f"{each['who']:<{width}}  {each['mask']}{purpose}{may}")
    for name, mask in told["masks"].items():
        cli.out.print(f"\nmask {name}", style="bold")
        cli.out.print(f"  hides {', '.join(mask['hides']) or 'nothing'}")
        if mask["process"]:
            cli.out.print("  shows when and how questions ended that rest on hidden fields")
