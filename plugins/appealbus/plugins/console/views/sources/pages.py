"""The list of sources, and the page of one with its recent history from the log."""

from datetime import datetime, timedelta

from starlette.responses import Response

from appealbus.core.management import sources as journal_sources
from appealbus.core.management import workers
from appealbus.core.management.sources import spans
from appealbus.core.management.viewing import Action
from appealbus.plugins.console.page import Page
from appealbus.plugins.console.views.sources.queries import all_sources, source_of, view
from appealbus.schemas.outcome import OutcomeKind

_PATHS = 50
"""Maximum number of paths of replies shown of each kind; all are counted."""
_SOURCES = 100
"""Sources on a page, at half a kilobyte each."""
_MORNING = 9


@view.get("/sources", may=Action.WHY)
async def sources(page: Page) -> Response:
    rows, pages = page.part(await all_sources(page), _SOURCES)
    return page.show(
        "sources/list.html", sources=rows, pages=pages, alive=bool(await page.journal.ask(workers.workers))
    )


@view.get("/sources/{name}", may=Action.WHY)
async def source(page: Page) -> Response:
    row, now = await source_of(page), page.journal.now()
    lookups = row.asked.lookups if row.asked else frozenset()
    past = await page.journal.ask(journal_sources.past_calls, lookups)
    step, series = spans(past.calls, now)
    state = row.state
    outcomes = [] if state is None else [(OutcomeKind.stored(kind), n) for kind, n in sorted(state.outcomes.items())]
    drift = [] if state is None else [("unread", state.unread), ("unreadable", state.unreadable)]
    drift += [] if state is None else [("differences", state.differences)]
    return page.show(
        "sources/source.html",
        source=row,
        past=past,
        step=step,
        series=series,
        names=[page.words.moment(each.begins, seconds=False) for each in series],
        slow=[each.quantile(0.95) or 0 for each in series],
        errors=past.errors()[:_PATHS],
        outcomes=outcomes,
        drift=[(kind, sorted(found.items(), key=lambda one: -one[1])[:_PATHS], len(found)) for kind, found in drift],
        operates=page.viewer.may(Action.OPERATE),
        until=morning(page, now),
        alive=bool(await page.journal.ask(workers.workers)),
    )


def morning(page: Page, now: datetime) -> str:
    """Return the morning of the next working day for the form's default."""
    day = page.words.today(now) + timedelta(days=1)
    for _ in range(14):
        known = page.console.api.host.counting.works_on(day)
        if known[0] if known else day.weekday() < 5:
            break
        day += timedelta(days=1)
    return f"{day}T{_MORNING:02}:00"
