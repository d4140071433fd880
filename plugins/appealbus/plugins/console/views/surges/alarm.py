"""One alarm: its series with its bound, all that it rests on, and the appeals behind it that the person sees."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from starlette.responses import Response

from appealbus.core import ConfigError
from appealbus.core.rights.actions import Action
from appealbus.plugins.console.errors import Refused
from appealbus.plugins.console.page import Page
from appealbus.plugins.console.views.surges.week import reading_of, told_of, unreadable, view
from appealbus.plugins.surges.alarm import KeptAlarm
from appealbus.plugins.surges.kept import standing
from appealbus.plugins.surges.series import WEEK, week_name

_MOST = 999
"""The last of an alarm's appeals that a page can begin at: it has some hundred."""
_ROWS = 25
"""Appeals of one page: each is read by its number."""


@dataclass(frozen=True, slots=True)
class Sight:
    """An alarm as a person sees it: as it is kept, and what is told of it."""

    kept: KeptAlarm
    told: dict[str, Any]

    @property
    def path(self) -> str:
        """Where its pages begin."""
        return f"/surges/{self.kept.id}"

    @property
    def marked(self) -> tuple[date, ...]:
        """The Mondays of the weeks that it is about."""
        return tuple(self.kept.alarm.monday - ago * WEEK for ago in range(self.kept.alarm.lasts))


async def sight_of(page: Page) -> Sight:
    """Return the alarm in the path; one that the person may not see is as one that there is not."""
    try:
        found = await reading_of(page).alarm(page.request.path_params["alarm"])
    except ConfigError:
        raise unreadable(page) from None
    told = next(told_of(page.viewer, [] if found is None else [found]), None)
    if found is None or told is None:
        raise Refused(404, page.words.say("There is no such alarm."))
    return Sight(found, told)


@view.get("/surges/{alarm:id}", may=Action.SURGES)
async def alarm(page: Page) -> Response:
    """Show it; what its appeals share, once it is said what for."""
    sight, now = await sight_of(page), page.journal.now()
    kept, purpose = sight.kept, page.purpose(sight.path)
    try:
        series = await reading_of(page).series(kept.alarm, now)
    except ConfigError:
        raise unreadable(page) from None
    begin = page.number("from", most=_MOST) or 0
    numbers = kept.alarm.numbers[begin : begin + _ROWS]
    found = [await page.journal.appeal(number) for number in numbers]
    seen = [row for row in found if row is not None and page.viewer.sees(row)]
    await page.looks("surges", purpose=purpose, alarm=kept.id, found=len(seen))
    further = {"seen": page.query.get("seen", "")} if purpose else {}
    return page.show(
        "surges/alarm.html",
        sight=sight,
        told=sight.told,
        series=series,
        expected=kept.alarm.expected / kept.alarm.lasts,
        bound=None if kept.alarm.method == "scan" else kept.alarm.bound,
        purpose=purpose,
        rows=[(row.public_id, await page.views.row(row)) for row in seen],
        pages=page.pages(begin + _ROWS if begin + _ROWS < len(kept.alarm.numbers) else None, "from", further),
        numbered=len(kept.alarm.numbers),
        may_act=page.viewer.may(Action.ALARM),
        plain=page.viewer.mask.plain,
        standing=standing(kept),
        until=page.words.today(now) + WEEK,
        week_name=week_name,
    )


@view.post("/surges/{alarm:id}/unmask", may=Action.SURGES)
async def unmask(page: Page) -> Response:
    """Show what its appeals share, from now on in this alarm: the person has said what for."""
    sight = await sight_of(page)
    return page.go(sight.path, {"seen": page.seal_purpose(sight.path)})
