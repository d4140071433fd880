"""Named lists, shared by all: they keep filters, never a search."""

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode

import structlog
from starlette.responses import Response

from appealbus.core import JournalError
from appealbus.core.management import people
from appealbus.core.management.log import by_person
from appealbus.core.management.people import NamedView, Role
from appealbus.core.management.viewing import Action
from appealbus.plugins.console.errors import Refused
from appealbus.plugins.console.page import Page
from appealbus.plugins.console.views.appeals.filters import FILTERS, choices, selection_of
from appealbus.plugins.console.views.appeals.queries import view

_IDENTIFIER = re.compile(r"\d(?:[\s.-]*\d){11}")

log = structlog.get_logger(__name__)


@view.get("/views", may=Action.STATE)
async def views(page: Page) -> Response:
    rows = [(each, _may_drop(page, each)) for each in await views_for(page)]
    return page.show("appeals/views.html", rows=rows)


@view.post("/views", may=Action.STATE)
async def keep(page: Page) -> Response:
    words, name = page.words, " ".join(page.form["name"].split())
    if not 0 < len(name) <= NamedView.LONGEST_NAME or not name.isprintable() or _IDENTIFIER.search(name):
        text = words.say(
            "Write a name of at most {n} characters, without numbers of persons.", n=NamedView.LONGEST_NAME
        )
        raise Refused(422, text)
    query = filters_of(dict(page.form.query("said", words)))
    if not selection_of(page, query=dict(parse_qsl(query))) or len(query) > NamedView.LONGEST_QUERY:
        raise Refused(422, words.say("Choose which appeals are meant first: a name stands for filters."))
    try:
        await page.journal.do(people.Keeping(name, query))
    except JournalError as error:
        if error.code == "view.known":
            raise Refused(409, words.say("There is a list of this name: choose another one.")) from None
        if error.code != "view.too_many":
            raise
        raise Refused(409, words.say("There are {n} named lists, and no room for more.", n=NamedView.MOST)) from None
    log.info("view.kept", actor=page.session.client.name)
    return page.go(f"/appeals?{query}")


@view.post("/views/drop", may=Action.STATE)
async def drop(page: Page) -> Response:
    """Delete a named list; allowed to its author and to operators."""
    found = [each for each in await views_for(page) if each.name == page.form["name"]]
    if not found:
        raise Refused(404, page.words.say("There is no list of this name."))
    if not _may_drop(page, found[0]):
        raise page.forbidden
    if not await page.journal.do(people.Dropping(found[0].name)):
        raise Refused(404, page.words.say("There is no list of this name."))
    log.info("view.dropped", actor=page.session.client.name)
    return page.go("/views")


async def views_for(page: Page) -> list[NamedView]:
    may = choices(page)
    return [
        each for each in await page.journal.ask(people.all_views) if {name for name, _ in parse_qsl(each.query)} <= may
    ]


def filters_of(query: Mapping[str, str]) -> str:
    return urlencode([(name, query[name].strip()) for name in sorted(FILTERS & set(query)) if query[name].strip()])


def _may_drop(page: Page, kept: NamedView) -> bool:
    client = page.session.client
    return client.role is Role.OPS or kept.by == by_person(client.name)
