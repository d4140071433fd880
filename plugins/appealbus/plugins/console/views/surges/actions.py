"""Takes an alarm until a day, or closes it; same as `appealbus surges take` and `close`."""

from pathlib import Path

from starlette.responses import Response

from appealbus.core import ConfigError
from appealbus.core.management.viewing import Action
from appealbus.plugins.console.errors import Refused
from appealbus.plugins.console.forms import day_written
from appealbus.plugins.console.page import Page
from appealbus.plugins.console.views.surges.alarm import AlarmView, sight_of
from appealbus.plugins.console.views.surges.week import reading_of, unreadable, view
from appealbus.plugins.surges import deciding
from appealbus.plugins.surges.alarm import CLOSINGS
from appealbus.plugins.surges.kept import Closing, NotDone


@view.post("/surges/{alarm:id}/take", may=Action.ALARM)
async def take(page: Page) -> Response:
    sight, reason, words = await _acted(page), page.form.reason(page.words), page.words
    until = day_written(page.form["until"], words, 422)
    if until < page.today:
        raise Refused(422, words.say("This day is over: say when you look at it again."))
    who, seen = page.session.client.name, page.form["shown"]
    try:
        await deciding.take(page.journal, _file(page), sight.kept.id, until, by=who, reason=reason, seen=seen)
    except ConfigError as error:
        raise _refused(page, error) from None
    return page.go(sight.path, {"done": "take"})


@view.post("/surges/{alarm:id}/close", may=Action.ALARM)
async def close(page: Page) -> Response:
    sight, words = await _acted(page), page.words
    verdict, done = page.form["verdict"], page.form.reason(words, "done")
    if verdict not in CLOSINGS:
        raise Refused(422, words.say("Say what it turned out to be."))
    closing = Closing(page.session.client.name, verdict, done)
    try:
        await deciding.close(page.journal, _file(page), sight.kept.id, closing, seen=page.form["shown"])
    except ConfigError as error:
        raise _refused(page, error) from None
    return page.go(sight.path, {"done": "close"})


async def _acted(page: Page) -> AlarmView:
    """Return the alarm; raise Refused if its owner is hidden from the person."""
    if not page.viewer.mask.plain:
        raise Refused(403, page.words.say("Your mask hides who has the alarm, so you cannot take it on or close it."))
    return await sight_of(page)


def _file(page: Page) -> Path:
    file = reading_of(page).file
    if file is None:
        raise Refused(404, page.words.say("There is no such alarm."))
    return file


def _refused(page: Page, error: ConfigError) -> Refused:
    words = page.words
    if not isinstance(error, NotDone):
        return unreadable(page)
    kept = error.kept
    if kept is None:
        return Refused(404, words.say("There is no such alarm."))
    if kept.closed_at is not None:
        return Refused(409, words.say("{who} has closed it meanwhile, and nothing is changed.", who=kept.closed_by))
    until = words.day(kept.taken_until) if kept.taken_until else ""
    text = words.say(
        "{who} has taken it on meanwhile, until {day}, and nothing is changed.", who=kept.taken_by, day=until
    )
    return Refused(409, text)
