"""Configuration: what is in force and whence it is, and the plugins with what each brings; never a secret."""

import asyncio
from dataclasses import dataclass

from starlette.responses import Response

from appealbus.core import ConfigError
from appealbus.core.operations.in_force import InForce, in_force
from appealbus.core.parts import build
from appealbus.core.rights.actions import Action
from appealbus.plugins.console.page import Page
from appealbus.plugins.console.view import View

view = View("configuration", "Configuration", place=90, path="/configuration", needs=Action.OPERATE)


@dataclass(frozen=True, slots=True)
class _Kept:
    """What a server has found out once: its configuration does not change while it lives."""

    settings: list[InForce]
    problems: list[str]
    inactive: dict[str, str]


@view.get("/configuration", may=Action.OPERATE)
async def configuration(page: Page) -> Response:
    """Show the settings that somebody has written, or all of them, and the plugins."""
    api, kept = page.console.api, page.request.app.state
    if not hasattr(kept, "configuration"):
        kept.configuration = await asyncio.to_thread(_found_out, page)
    found: _Kept = kept.configuration
    everything = bool(page.query.get("all"))
    tables: dict[str, list[InForce]] = {}
    for each in found.settings:
        if everything or each.place is not None:
            table, _, key = each.key.partition(".")
            name, dot, _ = key.partition(".")
            many = table in ("sources", "intakes", "deliveries", "plugins", "completeness") and dot
            tables.setdefault(f"{table}.{name}" if many else table, []).append(each)
    return page.show(
        "configuration/page.html",
        file=api.loaded.file,
        folder=f"{api.loaded.folder}/",
        tables=tables,
        everything=everything,
        defaults=sum(each.place is None for each in found.settings),
        problems=found.problems,
        inactive=found.inactive,
        plugins=sorted(api.host.plugins, key=lambda each: (each.state != "broken", each.state != "active", each.name)),
        defects=sorted(api.host.defects.items()),
    )


def _found_out(page: Page) -> _Kept:
    api = page.console.api
    settings = in_force(api.loaded, api.host)
    try:
        parts = build(api.loaded, api.host)
    except ConfigError as error:
        return _Kept(settings, str(error).splitlines(), {})
    return _Kept(settings, [*parts.problems, *parts.unused.values()], dict(parts.inactive))
