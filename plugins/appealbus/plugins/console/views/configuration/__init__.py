"""Configuration: effective settings and their origin, and plugins with their parts; never a secret."""

from dataclasses import dataclass
from itertools import islice

from starlette.responses import Response

from appealbus.core import ConfigError
from appealbus.core.management.settings import InForce, in_force
from appealbus.core.management.viewing import Action
from appealbus.core.serving import build
from appealbus.plugins.api.api import Api
from appealbus.plugins.console.page import Page
from appealbus.plugins.console.truncation import Room
from appealbus.plugins.console.view import View

view = View("configuration", "Configuration", place=90, path="/configuration", needs=Action.OPERATE)

_OF_A_ROW, _OF_A_TABLE = 90, 400
"""Bytes of a setting's markup, and of a table's."""
_MOST = 50
"""Maximum number of problems and unusable lookups shown; `appealbus check` has all."""


@dataclass(frozen=True, slots=True)
class _Found:
    settings: list[InForce]
    problems: list[str]
    inactive: dict[str, str]


@view.get("/configuration", may=Action.OPERATE)
async def configuration(page: Page) -> Response:
    api, found = page.console.api, await page.console.known(_find_out)
    everything = bool(page.query.get("all"))
    tables: dict[str, list[tuple[str, str | None, str]]] = {}
    folder, room = f"{api.loaded.folder}/", Room(page.number("behind") or 0)
    for each in found.settings:
        if everything or each.place is not None:
            place = page.words.say("default") if each.place is None else str(each.place).replace(folder, "")
            table = _table(each.key)
            beside = _OF_A_ROW if table in tables else _OF_A_ROW + _OF_A_TABLE
            if (shown := room.take(each.key, each.value or "", place, beside=beside)) is not None:
                key, value, place = shown
                tables.setdefault(table, []).append((key, None if each.value is None else value, place))
    return page.show(
        "configuration/page.html",
        file=api.loaded.file,
        tables=tables,
        pages=page.pages(room.next, "behind"),
        everything=everything,
        defaults=sum(setting.place is None for setting in found.settings),
        problems=found.problems[:_MOST],
        inactive=dict(islice(found.inactive.items(), _MOST)),
        plugins=sorted(api.host.plugins, key=lambda each: (each.state != "broken", each.state != "active", each.name)),
        defects=sorted(api.host.defects.items()),
    )


def _table(key: str) -> str:
    """Return a setting's table; each source, channel or receiver has its own."""
    table, _, rest = key.partition(".")
    name, dot, _ = rest.partition(".")
    many = table in ("sources", "intakes", "deliveries", "plugins", "completeness") and dot
    return f"{table}.{name}" if many else table


def _find_out(api: Api) -> _Found:
    settings = in_force(api.loaded, api.host)
    try:
        parts = build(api.loaded, api.host)
    except ConfigError as error:
        return _Found(settings, str(error).splitlines(), {})
    return _Found(settings, [*parts.problems, *parts.unused.values()], dict(parts.inactive))
