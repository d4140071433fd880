"""History of an appeal, in pages."""

from starlette.responses import Response

from appealbus.core import LogEntry
from appealbus.core.management.viewing import Action
from appealbus.plugins.console.page import Page
from appealbus.plugins.console.views.appeal.log_lines import told
from appealbus.plugins.console.views.appeal.queries import AppealView, shown, sight_of, view

PAGE = 200
_PAGES = 50
"""Log pages that one page of failures searches: half a second at most."""


@view.get("/appeals/{id}/timeline", may=Action.HISTORY)
async def timeline(page: Page) -> Response:
    sight = await sight_of(page)
    after = page.number("after", page.nowhere) or 0
    only_failed = bool(page.query.get("failed"))
    entries, goes_on = await _page(sight, after, only_failed=only_failed)
    lines = list(told(entries, page.words, only_failed=only_failed))
    return await shown(
        page, sight, "appeal/timeline.html", lines=lines, pages=page.pages(goes_on), only_failed=only_failed
    )


async def _page(sight: AppealView, after: int, *, only_failed: bool) -> tuple[list[LogEntry], int | None]:
    if not only_failed:
        page = await sight.views.history(sight.row, after, PAGE)
        return list(page.entries), page.next
    found: list[LogEntry] = []
    last: int | None = after
    for _ in range(_PAGES):
        page = await sight.views.history(sight.row, last or 0, PAGE)
        found += [entry for entry in page.entries if entry.failed]
        last = page.next
        if last is None or len(found) >= PAGE:
            break
    return found, last
