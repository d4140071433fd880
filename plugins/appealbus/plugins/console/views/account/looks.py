"""Access log: who looked at which appeal, person, organisation or parcel, by actor and day."""

from starlette.responses import Response

from appealbus.core import AppealRow
from appealbus.core.management import appeals as journal_appeals
from appealbus.core.management import people
from appealbus.core.management.appeals import Selection
from appealbus.core.management.people import AuditFilter, LookPlace
from appealbus.core.management.viewing import Action
from appealbus.plugins.console.page import Page
from appealbus.plugins.console.views.account.queries import PAGE, actor_of, frame, sees_looks, span_of, view
from appealbus.plugins.console.views.account.rows import Row, rows
from appealbus.plugins.console.views.appeals.searching import sealed, searched, written_in

_APPEALS = 200
"""Maximum number of appeals of one person for the access log: their entries are read in one query of some tens of
milliseconds."""
_STEPS = 5
"""Steps of a thousand appeals each when searching for the appeals visible to the viewer."""


@view.get("/account")
async def looks(page: Page) -> Response:
    """Show the access log; a person who may not see it gets their own entries."""
    if not sees_looks(page):
        return page.go("/account/mine", page.chosen_language)
    if page.query.get("find"):
        named, purpose = searched(page, "looks", page.query["find"])
        found = await page.journal.find(Selection(named=named), limit=_APPEALS, steps=_STEPS, sees=page.viewer.sieve)
        await page.looks("looks", purpose=purpose, found=len(found.rows))
        return await _of(page, list(found.rows), purpose=purpose, more=found.next is not None)
    if page.query.get("appeal"):
        row = await page.appeal(page.query["appeal"])
        await page.looks("looks", row)
        return await _of(page, [row])
    since, until = span_of(page)
    before = page.number("before")
    if page.query.get("of") == "sources":
        asked = await page.journal.ask(journal_appeals.asked, before, PAGE + 1, since=since, until=until)
        following = asked[PAGE - 1].id if len(asked) > PAGE else None
        return _list(page, await rows(page, asked[:PAGE]), following)
    found_ = await page.journal.ask(
        people.deeds, AuditFilter(looks=True, actor=actor_of(page), since=since, until=until), before, PAGE
    )
    return _list(page, await rows(page, found_.entries), found_.next)


async def _of(page: Page, appeals: list[AppealRow], *, purpose: str = "", more: bool = False) -> Response:
    try:
        before = LookPlace.parse(page.query["before"]) if page.query.get("before") else None
    except ValueError:
        raise page.lost from None
    found = await page.journal.ask(people.looks_at, appeals, before, PAGE)
    given = {"purpose": purpose, "appeals": appeals, "more": more}
    return _list(page, await rows(page, found.rows, appeals), found.next, **given)


def _list(page: Page, made: list[Row], following: object, **given: object) -> Response:
    shown = {"rows": made, "pages": page.pages(following, "before")}
    return frame(page, "account/looks.html", **{"purpose": "", "appeals": None, "more": False, **shown, **given})


@view.post("/account/find", may=Action.LOG)
async def find(page: Page) -> Response:
    """Redirect to the access log of an appeal number or of a subject; the URL never has the subject in clear."""
    written, named = written_in(page)
    if named is not None:
        if not page.form["purpose"]:
            title, button = page.words.say("Who looked"), page.words.say("Who looked?")
            return page.show("appeals/purpose.html", written=written, to="/account/find", title=title, button=button)
        return page.go("/account", {"find": sealed(page, "looks", named)})
    row = await page.appeal_with(written)
    if row is None:
        return page.show("appeals/nothing.html", 404)
    return page.go("/account", {"appeal": row.public_id})
