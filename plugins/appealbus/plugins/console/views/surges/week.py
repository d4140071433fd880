"""Open alarms, verdicts on closed ones, and the outliers of a week."""

from collections.abc import Iterable, Iterator
from dataclasses import fields
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from appealbus.core import ConfigError
from appealbus.core.rights.viewer import Action, Viewer
from appealbus.plugins.console.errors import Refused
from appealbus.plugins.console.forms import place_of
from appealbus.plugins.console.page import Page
from appealbus.plugins.console.view import View
from appealbus.plugins.surges.alarm import KeptAlarm
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
        found = await reading.alarms(closed=every, before=before, limit=_PAGE)
        week = await reading.week(monday) if monday else None if now is None else now.week
    except ConfigError:
        raise unreadable(page) from None
    rows = [each for each in told_of(viewer, found) if _chosen(each, place, category)]
    of_week = [] if week is None else [each for each in told_of(viewer, week.alarms) if _chosen(each, place, category)]
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
        possible=[each for each in possible if _chosen(each, place, category)],
        place=place,
        category=category,
        span=_span(week.monday if week else monday),
        week_name=week_name,
        link=lambda **other: "/console/surges?" + urlencode({**kept, **{k: v for k, v in other.items() if v}}),
        pages=page.pages(found[-1].id if len(found) == _PAGE else None, "before", kept),
    )


def reading_of(page: Page) -> Reading:
    return Reading.of(page.console.api.host.shared("surges"))


def told_of(viewer: Viewer, found: Iterable[KeptAlarm]) -> Iterator[dict[str, Any]]:
    """Yield alarms as the API has them, with None for absent values."""
    names = [field.name for field in fields(KeptAlarm)]
    return (dict.fromkeys(names) | told for told in alarms_seen(viewer, found))


def unreadable(page: Page) -> Refused:
    return Refused(503, page.words.say("The file of surges cannot be read now; try again soon."), {"Retry-After": "5"})


def _span(monday: date | None) -> tuple[date, date] | None:
    return None if monday is None else (monday, monday + WEEK - timedelta(days=1))


def _chosen(told: dict[str, Any], place: str, category: str) -> bool:
    places = told["place"].split("+")
    return (not category or told["category"] == category) and any(each.startswith(place) for each in places)


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
