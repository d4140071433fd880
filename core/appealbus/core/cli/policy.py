"""`appealbus policy`: who sees what, as a table."""

from typing import Any

import typer

from appealbus.core.cli.context import cli_of
from appealbus.core.cli.paging import AsJson
from appealbus.core.domain.client import Role
from appealbus.core.rights.mask import Mask
from appealbus.core.rights.policy import Policy, read_policy


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("policy")(policy)


def policy(context: typer.Context, as_json: AsJson = False) -> None:
    """Tell who sees what: each role, client and receiver with its mask, and what each mask hides.

    It reads the configuration and the policy that it names, and neither journal nor dossiers.
    """
    cli = cli_of(context)
    read = read_policy(cli.loaded)
    told = _told(read, list(cli.loaded.settings.deliveries))
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


def _told(read: Policy, deliveries: list[str]) -> dict[str, Any]:
    who = [_who(f"role {role}", *read.roles[role], may=sorted(read.of_role(role).actions)) for role in Role]
    who += [
        _who(f"client {name}", "as its role" if each.mask is None else each.mask, purpose=each.purpose)
        for name, each in read.clients.items()
    ]
    who += [_who(f"receiver {name}", read.of_receiver(name).mask) for name in deliveries]
    masks = {name: {"hides": mask.hidden_rules, "process": mask.process} for name, mask in read.masks.items()}
    return {"file": str(read.written.file) if read.written else None, "who": who, "masks": masks}


def _who(who: str, mask: Mask | str, purpose: bool | None = False, may: list[str] | None = None) -> dict[str, Any]:
    name = mask if isinstance(mask, str) else mask.name
    return {"who": who, "mask": name, "purpose": purpose, "may": may or []}
