"""`appealbus policy`: who sees what and may send which changes, as a table."""

from typing import Any

import typer

from appealbus.core.cli.context import cli_of
from appealbus.core.cli.paging import AsJson
from appealbus.core.rights.policy import read_policy
from appealbus.core.rights.senders import Senders


def policy(context: typer.Context, as_json: AsJson = False) -> None:
    """Tell who sees what: each role, client and receiver with its mask, what each mask hides, and who changes what.

    It reads the configuration and the policy that it names, and neither journal nor dossiers.
    """
    cli = cli_of(context)
    read = read_policy(cli.loaded, cli.host)
    document = read.told(list(cli.loaded.settings.deliveries))
    document["changes"] = Senders(read, cli.loaded.settings.bus.changes_from).told()
    if as_json:
        cli.print_json(document)
        return
    who: list[dict[str, Any]] = document["who"]
    width = max(len(row["who"]) for row in who)
    for row in who:
        purpose = ", reads with a purpose" if row["purpose"] else ""
        may = f"; may {', '.join(row['may'])}" if row["may"] else ""
        cli.out.print(f"{row['who']:<{width}}  {row['mask']}{purpose}{may}")
    cli.out.print()
    cli.out.print("changes", style="bold")
    for name, changes in document["changes"].items():
        cli.out.print(f"  {name}: {', '.join(changes) or 'none'}")
    for name, mask in document["masks"].items():
        cli.out.print()
        cli.out.print(f"mask {name}", style="bold")
        cli.out.print(f"  hides {', '.join(mask['hides']) or 'nothing'}")
        if mask["process"]:
            cli.out.print("  shows when and how questions ended that rest on hidden fields")
