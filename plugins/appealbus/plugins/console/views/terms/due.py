"""Due appeals by body and day, overdue first; each count links to its list."""

from collections import Counter
from datetime import date, timedelta
from urllib.parse import urlencode

from starlette.responses import Response

from appealbus.core import AppealRow
from appealbus.core.management.appeals import Selection
from appealbus.core.management.viewing import Action
from appealbus.plugins.console.errors import Refused
from appealbus.plugins.console.page import Page
from appealbus.plugins.console.view import View

view = View("terms", "Terms", place=30, path="/terms", needs=Action.TERM, chooses=("due_on", "closed"))

_MOST = 1000
"""Maximum number of appeals counted, the most urgent first; takes some 50 ms."""
_URGENT = 20
"""Maximum number of appeals listed with a link to their proof: one screen."""
_STEPS = 5
_DAYS = 14
_LONGEST = 92
_BODIES, _CELLS = 20, 400
"""Maximum number of bodies with a column, and of cells: with many days there are fewer bodies."""


@view.get("/terms", may=Action.TERM)
async def terms(page: Page) -> Response:
    viewer, today = page.viewer, page.today
    if not view.open_to(viewer):
        raise Refused(403, page.words.say("Your mask hides when appeals are due."))
    days = _days(page)
    selection = Selection(open=True, due_before=today + timedelta(days=days + 1))
    found = await page.journal.find(selection, limit=_MOST, steps=_STEPS, sees=viewer.sieve)
    by_body = viewer.may_choose_by("body")
    counts: Counter[tuple[date | None, str]] = Counter()
    urgent: list[AppealRow] = []
    for row in found.rows:
        if row.due_on is not None:
            urgent.append(row)
            counts[None if row.due_on < today else row.due_on, (row.body or "") if by_body else ""] += 1
    await page.looks("terms", found=counts.total())
    bodies = sorted({body for _, body in counts}, key=lambda body: (-_of(counts, body), body))
    days_ = sorted({day for day, _ in counts}, key=lambda day: day or date.min)
    return page.show(
        "terms/due.html",
        days=days,
        choices=[(n, page.words.say_n("{n} day", "{n} days", n)) for n in (7, 14, 31, 92)],
        rows=days_,
        bodies=bodies,
        by_body=by_body,
        most_bodies=min(_BODIES, _CELLS // max(1, len(days_))),
        counts=counts,
        named=page.names.body,
        urgent=[(row.public_id, await page.views.row(row)) for row in urgent[:_URGENT]],
        most=min(_MOST, counts.total()),
        cut=found.next is not None,
        last=found.rows[-1].due_on if found.next is not None and found.rows else None,
        all_of=lambda day: sum(number for (at, _), number in counts.items() if at == day),
        link=lambda day, body="": _link(today, day, body),
    )


def _of(counts: Counter[tuple[date | None, str]], body: str) -> int:
    return sum(number for (_, of), number in counts.items() if of == body)


def _days(page: Page) -> int:
    refused = Refused(400, page.words.say("Write a number of days, of at most {n}.", n=_LONGEST))
    days = page.number("days", refused, most=_LONGEST)
    if days == 0:
        raise refused
    return days or _DAYS


def _link(today: date, day: date | None, body: str) -> str:
    span = {"due_before": today} if day is None else {"due_from": day, "due_before": day + timedelta(days=1)}
    return "/console/appeals?" + urlencode({**span, **({"body": body} if body else {})})
