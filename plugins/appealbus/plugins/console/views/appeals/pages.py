"""The list of appeals, and the search."""

from starlette.responses import Response

from appealbus.core import AppealState
from appealbus.core.management.viewing import Action
from appealbus.plugins.console.errors import Refused
from appealbus.plugins.console.page import Page
from appealbus.plugins.console.views.appeals.filters import FILTERS, choices, only, selection_of
from appealbus.plugins.console.views.appeals.named import filters_of, views_for
from appealbus.plugins.console.views.appeals.queries import view
from appealbus.plugins.console.views.appeals.searching import sealed, searched, written_in
from appealbus.plugins.console.views.operations.queries import DOES, OF_APPEALS
from appealbus.schemas.appeal import AppealKind
from appealbus.schemas.dossier import Completeness
from appealbus.schemas.signal import Severity

_PAGE = 50
_STEPS = 3
"""Steps that one page searches at most: of 8,000 appeals each, or of 1,000 if the viewer sees only some. With few
matches a page is short."""
_NAMED = 20
"""Maximum number of named lists above the list; their own page has all."""


@view.get("/appeals", may=Action.STATE)
async def appeals(page: Page) -> Response:
    only(page, page.query, FILTERS | {"find", "after", "lang"})
    selection = selection_of(page)
    purpose = ""
    if token := page.query.get("find"):
        named, purpose = searched(page, "appeals", token)
        selection = selection_of(page, named)
    found = await page.journal.find(selection, page.after(), _PAGE, steps=_STEPS, sees=page.viewer.sieve)
    if selection.named:
        await page.looks("appeals", purpose=purpose, found=len(found.rows))
    rows = [(row.public_id, await page.views.row(row)) for row in found.rows]
    kept = page.kept("after")
    return page.show(
        "appeals/list.html",
        rows=rows,
        selection=selection,
        kept=kept,
        named=(await views_for(page))[: _NAMED + 1],
        most_named=_NAMED,
        to_name=filters_of(page.query),
        selects=bool(selection) and bool(rows),
        may_operate=page.viewer.may(Action.OPERATE),
        does=[(appeal.value, page.words.say(DOES[appeal])) for appeal in OF_APPEALS],
        purpose=purpose,
        filters=choices(page),
        said=bool(set(kept) - {"find"}),
        pages=page.pages(found.next),
        words_of={"state": AppealState, "completeness": Completeness, "signal": Severity, "kind": AppealKind},
    )


@view.post("/search", may=Action.FIND)
async def search(page: Page) -> Response:
    """Redirect to the appeal with a number, or to a search; the URL has a token instead of the search in clear."""
    written, named = written_in(page)
    if named is not None:
        if not page.viewer.may(Action.SEARCH) or not page.viewer.mask.plain:
            # Whoever finds an appeal by what is hidden in it has learned that.
            raise Refused(403, page.words.say("Your role may not look for persons, organisations or parcels."))
        if not page.form["purpose"]:
            word = page.words.say("Search")
            return page.show("appeals/purpose.html", written=written, to="/search", title=word, button=word)
        return page.go("/appeals", {"find": sealed(page, "appeals", named)})
    row = await page.appeal_with(written)
    if row is None:
        return page.show("appeals/nothing.html", 404)
    return page.go(f"/appeals/{row.public_id}")
