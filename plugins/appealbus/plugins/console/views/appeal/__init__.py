"""One appeal: how it stands, what it lacks and why, what was found, what happened, and what can be done."""

from starlette.responses import Response

from appealbus.core.rights.actions import Action
from appealbus.plugins.console.page import Page
from appealbus.plugins.console.view import View

view = View("appeal", "Appeal")


@view.get("/appeals/{id}", may=Action.STATE)
async def appeal(page: Page) -> Response:
    """Show how it stands."""
    row = await page.appeal()
    return page.show("appeal/state.html", row=await page.views.row(row), today=page.words.today(page.journal.now()))
