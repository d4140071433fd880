"""Configuration: what is in force and whence it is, and the plugins with what each brings; never a secret."""

from dataclasses import dataclass

from starlette.responses import Response

from appealbus.core import ConfigError
from appealbus.core.operations.in_force import InForce, in_force
from appealbus.core.parts import build
from appealbus.core.rights.actions import Action
from appealbus.plugins.api.api import Api
from appealbus.plugins.console.page import Page
from appealbus.plugins.console.view import View

view = View("configuration", "Configuration", place=90, path="/configuration", needs=Action.OPERATE)


@dataclass(frozen=True, slots=True)
class _Found:
    """What there is to say of a configuration: its settings, what does not fit, and which lookups cannot be asked."""

    settings: list[InForce]
    problems: list[str]
    inactive: dict[str, str]


@view.get("/configuration", may=Action.OPERATE)
async def configuration(page: Page) -> Response:
    """Show the settings that somebody has written, or all of them, and the plugins."""
    api, found = page.console.api, await page.console.known(_find_out)
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


def _find_out(api: Api) -> _Found:
    settings = in_force(api.loaded, api.host)
    try:
        parts = build(api.loaded, api.host)
    except ConfigError as error:
        return _Found(settings, str(error).splitlines(), {})
    return _Found(settings, [*parts.problems, *parts.unused.values()], dict(parts.inactive))
