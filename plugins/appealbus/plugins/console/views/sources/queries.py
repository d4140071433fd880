"""The view of sources, and the one in a request's path."""

from appealbus.core.management.sources import SourceStanding, standings
from appealbus.core.management.viewing import Action
from appealbus.plugins.console.errors import Refused
from appealbus.plugins.console.page import Page
from appealbus.plugins.console.view import View

view = View("sources", "Sources", place=40, path="/sources", needs=Action.WHY)


async def all_sources(page: Page) -> list[SourceStanding]:
    """Return all sources; those that need a person first."""
    return await standings(page.journal, await page.console.sources())


async def source_of(page: Page) -> SourceStanding:
    """Return the source in the path; raise Refused if it does not exist."""
    name = page.request.path_params["name"]
    source = next((source for source in await all_sources(page) if source.name == name), None)
    if source is None:
        raise Refused(404, page.words.say("There is no such source."))
    return source
