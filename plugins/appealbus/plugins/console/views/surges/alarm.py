"""One alarm: its series and bound, its basis, and the visible appeals behind it."""

from dataclasses import dataclass
from datetime import date

from starlette.responses import Response

from appealbus.core import ConfigError
from appealbus.core.management import appeals
from appealbus.core.management.viewing import Action
from appealbus.plugins.console.errors import Refused
from appealbus.plugins.console.page import Page
from appealbus.plugins.console.views.surges.week import reading_of, unreadable, view
from appealbus.plugins.surges.alarm import KeptAlarm, SurgeAlarm
from appealbus.plugins.surges.kept import standing
from appealbus.plugins.surges.seen import alarms_seen
from appealbus.plugins.surges.series import WEEK, week_name

_MOST = 999
"""Largest offset of a page: an alarm has some hundred appeals."""
_ROWS = 25
"""Appeals on a page: each is read by its number."""


@dataclass(frozen=True, slots=True)
class AlarmView:
    """An alarm as stored, and its masked form for the person."""

    kept: KeptAlarm
    seen: SurgeAlarm

    @property
    def path(self) -> str:
        return f"/surges/{self.kept.id}"

    @property
    def marked(self) -> tuple[date, ...]:
        return tuple(self.kept.alarm.monday - ago * WEEK for ago in range(self.kept.alarm.lasts))


async def sight_of(page: Page) -> AlarmView:
    """Return the alarm in the path; a hidden one gives the same error as a missing one."""
    try:
        kept = await reading_of(page).alarm(page.request.path_params["alarm"])
    except ConfigError:
        raise unreadable(page) from None
    seen = next(alarms_seen(page.viewer, [] if kept is None else [kept]), None)
    if kept is None or seen is None:
        raise Refused(404, page.words.say("There is no such alarm."))
    return AlarmView(kept, seen)


@view.get("/surges/{alarm:id}", may=Action.SURGES)
async def alarm(page: Page) -> Response:
    """Show the alarm; common words of its appeals only for a purpose."""
    sight, now = await sight_of(page), page.journal.now()
    kept, purpose = sight.kept, page.purpose(sight.path)
    try:
        series = await reading_of(page).series(kept.alarm, now)
    except ConfigError:
        raise unreadable(page) from None
    begin = page.number("from", most=_MOST) or 0
    numbers = kept.alarm.numbers[begin : begin + _ROWS]
    rows = [await page.journal.ask(appeals.appeal_row, number) for number in numbers]
    seen = [row for row in rows if row is not None and page.viewer.sees(row)]
    await page.looks("surges", purpose=purpose, alarm=kept.id, found=len(seen))
    further = {"seen": page.query.get("seen", "")} if purpose else {}
    return page.show(
        "surges/alarm.html",
        sight=sight,
        told=sight.seen,
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
    sight = await sight_of(page)
    return page.go(sight.path, {"seen": page.seal_purpose(sight.path)})
