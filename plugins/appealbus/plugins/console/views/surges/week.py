"""Open alarms, verdicts on closed ones, and the outliers of a week."""

from datetime import date, timedelta
from urllib.parse import urlencode

from starlette.responses import Response

from appealbus.core import ConfigError
from appealbus.core.management.viewing import Action
from appealbus.plugins.console.errors import Refused
from appealbus.plugins.console.forms import place_of
from appealbus.plugins.console.page import Page
from appealbus.plugins.console.view import View
from appealbus.plugins.surges.alarm import Surge
from appealbus.plugins.surges.reading import Reading
from appealbus.plugins.surges.seen import alarms_seen, possible_seen, sees_all
from appealbus.plugins.surges.series import WEEK, week_name, week_of

view = View("surges", "Surges", place=37, path="/surges", needs=Action.SURGES, plugin="surges")

_PAGE = 50
_LONGEST = 100


@view.get("/surges", may=Action.SURGES)
async def surges(page: Page) -> Response:
    """Show alarms and a week, by default the last one judged."""
    reading, monday, viewer = reading_of(page), _monday(page), page.viewer
    place, category = _filters(page)
    every, before = page.query.get("all") == "1", page.number("before")
    try:
        now = await reading.now()
        alarms = await reading.alarms(closed=every, before=before, limit=_PAGE)
        week = await reading.week(monday) if monday else None if now is None else now.week
    except ConfigError:
        raise unreadable(page) from None
    rows = [row for row in alarms_seen(viewer, alarms) if _chosen(row, place, category)]
    of_week = [row for row in alarms_seen(viewer, week.alarms if week else ()) if _chosen(row, place, category)]
    possible = [] if now is None else possible_seen(viewer, now.possible)
    await page.looks("surges", found=len(rows) + len(of_week) + len(possible))
    said = {
        "week": week_name(monday) if monday else "",
        "place": place,
        "category": category,
        "all": "1" if every else "",
    }
    kept = {name: value for name, value in said.items() if value}
    return page.show(
        "surges/week.html",
        kept_here=now is not None,
        narrow=bool(viewer.kinds or viewer.channel),
        rows=rows,
        every=every,
        record=now.record if now is not None and sees_all(viewer) else None,
        asked=monday,
        week=week,
        of_week=of_week,
        day=now.day if now is not None and monday is None else None,
        possible=[surge for surge in possible if _chosen(surge, place, category)],
        place=place,
        category=category,
        span=_span(week.monday if week else monday),
        week_name=week_name,
        link=lambda **other: "/console/surges?" + urlencode({**kept, **{k: v for k, v in other.items() if v}}),
        pages=page.pages(alarms[-1].id if len(alarms) == _PAGE else None, "before", kept),
    )


def reading_of(page: Page) -> Reading:
    return Reading.of(page.console.api.host.shared("surges"))


def unreadable(page: Page) -> Refused:
    return Refused(503, page.words.say("The file of surges cannot be read now; try again soon."), {"Retry-After": "5"})


def _span(monday: date | None) -> tuple[date, date] | None:
    return None if monday is None else (monday, monday + WEEK - timedelta(days=1))


def _chosen(surge: Surge, place: str, category: str) -> bool:
    places = surge.place.split("+")
    return (not category or surge.category == category) and any(name.startswith(place) for name in places)


def _monday(page: Page) -> date | None:
    said = page.query.get("week", "")
    try:
        monday = week_of(said) if said else None
        _span(monday)  # the last week there is has no end
        return monday
    except (ValueError, OverflowError):
        raise Refused(400, page.words.say("Write a week as 2026-W47, or a day of it as 2026-11-16.")) from None


def _filters(page: Page) -> tuple[str, str]:
    place, category = place_of(page.query.get("place", "").strip(), page.words), page.query.get("category", "").strip()
    if len(category) > _LONGEST:
        raise Refused(400, page.words.say("This is no code of a topic."))
    return place, category
