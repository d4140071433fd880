"""Pauses a source until a time, and resumes it; same as `appealbus source`."""

from starlette.responses import Response

from appealbus.core import JournalError
from appealbus.core.management import sources
from appealbus.core.management.viewing import Action
from appealbus.plugins.console.errors import Refused
from appealbus.plugins.console.page import Page
from appealbus.plugins.console.views.sources.impact import configured, moment
from appealbus.plugins.console.views.sources.queries import view


@view.post("/sources/{name}/pause", may=Action.OPERATE)
async def pause(page: Page) -> Response:
    name, reason = await configured(page), page.form.reason(page.words)
    until = moment(page, page.form["until"])
    by, seen = page.session.client.name, page.form["seen"]
    try:
        await sources.pause(page.journal, name, until, reason=reason, by=by, seen=seen)
    except JournalError as error:
        if error.code != sources.DECIDED:
            raise
        text = page.words.say("Somebody has switched it off or on meanwhile, and nothing is changed: look at it again.")
        raise Refused(409, text) from None
    return page.go(f"/sources/{name}", {"done": "pause"})


@view.post("/sources/{name}/resume", may=Action.OPERATE)
async def resume(page: Page) -> Response:
    name, reason = page.request.path_params["name"], page.form.reason(page.words)
    if not await sources.resume(page.journal, name, reason=reason, by=page.session.client.name):
        raise Refused(409, page.words.say("It is not paused: somebody has resumed it, or its time was over."))
    return page.go(f"/sources/{name}", {"done": "resume"})
