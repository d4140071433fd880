"""The list of operations, and the page of one with its progress and failed rows."""

from collections.abc import Sequence

from starlette.responses import Response

from appealbus.core import AppealState
from appealbus.core.management import appeals, deliveries, feed, operations
from appealbus.core.management.operations import ItemResult, NotDone, Operation, OperationRow
from appealbus.core.management.viewing import Action
from appealbus.plugins.console.errors import Refused
from appealbus.plugins.console.page import Page
from appealbus.plugins.console.views.operations.queries import (
    DOES,
    VERDICTS,
    OperationView,
    selected_by,
    sight_of,
    view,
)

_PAGE = 50
_Line = tuple[str, str, AppealState | None]


@view.get("/operations", may=Action.OPERATE)
async def list_(page: Page) -> Response:
    before = page.number("before")
    rows = await page.journal.ask(operations.newest, before, _PAGE)
    settings = page.console.api.loaded.settings
    return page.show(
        "operations/list.html",
        rows=[sight_of(page, row) for row in rows],
        pages=page.pages(rows[-1].id if len(rows) == _PAGE else None, "before", {}),
        does_of=DOES,
        receivers=[(name, name) for name in sorted(settings.deliveries)],
        whole=not page.viewer.scoped,
    )


@view.get("/operations/{number:id}", may=Action.OPERATE)
async def one(page: Page) -> Response:
    sight = sight_of(page, await row_of(page))
    verdict = _verdict(page, sight)
    after = page.number("after") or 0
    left = [] if verdict is None else await page.journal.ask(operations.not_done, sight.row.id, verdict, after, _PAGE)
    return page.show(
        "operations/one.html",
        it=sight,
        does=DOES[sight.row.operation],
        told=list(selected_by(page.words, sight.row.selected_by)),
        verdict=verdict,
        verdict_said="" if verdict is None else VERDICTS[verdict],
        left=await _rows(page, sight.row, left),
        pages=page.pages(
            left[-1].place if len(left) == _PAGE else None, kept={} if verdict is None else {"verdict": verdict.value}
        ),
        live=sight.moves and not page.query.get("still"),
    )


@view.get("/operations/{number:id}/progress", may=Action.OPERATE, by_itself=True)
async def progress(page: Page) -> Response:
    """Show only the progress; when the operation stops, tell htmx to reload the page."""
    sight = sight_of(page, await row_of(page))
    answer = page.show("operations/progress.html", it=sight, live=sight.moves)
    if not sight.moves:
        answer.headers["HX-Refresh"] = "true"
    return answer


async def row_of(page: Page) -> OperationRow:
    number: int = page.request.path_params["number"]
    row = await page.journal.ask(operations.one, number)
    if row is None:
        raise Refused(404, page.words.say("There is no such operation, or none any more: they are kept for a week."))
    return row


def _verdict(page: Page, sight: OperationView) -> ItemResult | None:
    """Return the verdict whose rows are shown: from the URL, else the first failure."""
    left = [verdict for verdict, _, _ in sight.verdicts if verdict is not ItemResult.DONE]
    asked = page.query.get("verdict", "")
    if not asked:
        return left[0] if left else None
    if asked not in VERDICTS or asked == ItemResult.DONE:
        raise page.no_choice("verdict")
    return ItemResult(asked)


async def _rows(page: Page, row: OperationRow, left: Sequence[NotDone]) -> list[_Line]:
    """Return number, path and current state of each row, without hidden values."""
    ids = [each.id for each in left]
    if not ids:
        return []
    found: dict[int, _Line] = {}
    if row.operation in (Operation.RESEND, Operation.HISTORY):
        if row.operation is Operation.RESEND:
            told = {delivery.id: delivery.number for delivery in await page.journal.ask(deliveries.by_id, ids)}
        else:
            told = {version.position: version.number for version in await page.journal.ask(feed.at, ids)}
        found = {
            each: ("" if page.viewer.scoped else page.viewer.mask.number(number), "", None)
            for each, number in told.items()
        }
    else:
        for appeal in await page.journal.ask(appeals.rows_of, ids):
            if page.viewer.sees(appeal):
                shown = await page.views.row(appeal)
                found[appeal.appeal_id] = shown.number, f"/appeals/{appeal.public_id}", shown.state
    return [found.get(each, ("", "", None)) for each in ids]
