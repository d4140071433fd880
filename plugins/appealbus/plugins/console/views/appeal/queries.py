"""How far one looks into an appeal: nothing personal, until one says what for. Each look that shows more is noted."""

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from appealbus.core.domain.listing import AppealRow
from appealbus.core.errors import JournalError
from appealbus.core.rights.actions import Action
from appealbus.core.rights.builtin import TECHNICAL
from appealbus.core.rights.mask import Mask
from appealbus.core.rights.masked_version import is_damage
from appealbus.core.rights.masker import NotMasked
from appealbus.core.rights.views import Views
from appealbus.plugins.console.errors import Refused
from appealbus.plugins.console.page import Page
from appealbus.plugins.console.view import View

view = View("appeal", "Appeal")

_SHOWN = frozenset({"dossier", "term", "repeats"})
"""Pages that ask what for, and are shown once that is said."""


@dataclass
class Sight:
    """What one sees of an appeal now.

    Attributes:
        row: the appeal.
        shown: the same, as the person sees it.
        views: masked: as the person's own mask says once the purpose is said, and without anything personal before.
        purpose: what for, empty as long as that was not said.
        token: carries the purpose from page to page; empty without one.

    """

    row: AppealRow
    shown: AppealRow
    views: Views
    purpose: str = ""
    token: str = ""

    @property
    def path(self) -> str:
        """Where the pages of the appeal begin."""
        return f"/appeals/{self.row.public_id}"

    def link(self, to: str = "", **query: str) -> str:
        """Return the address of one of its pages; what was said stays said."""
        given = {**({"seen": self.token} if self.token else {}), **query}
        return f"/console{self.path}{to}{'?' if given else ''}{urlencode(given)}"


async def sight_of(page: Page, what: str = "", **about: int) -> Sight:
    """Return what the person sees of the appeal in the path; note the look where it shows more than the state.

    Args:
        page: the request.
        what: it is looked at as, for the log.
        about: what else is to be noted.

    """
    row = await page.appeal()
    if purpose := page.purpose(row.public_id):
        if what:
            await page.looks(what, row, purpose, **about)
        return Sight(row, await page.views.row(row), page.views, purpose, page.query["seen"])
    views = page.views
    if views.viewer.mask is not TECHNICAL:  # which has nothing personal, whoever looks
        viewer = replace(page.viewer, mask=_without_people(page.viewer.mask))
        views = Views(page.journal, viewer, page.console.api.looks, page.console.api.masker)
    return Sight(row, await page.views.row(row), views)


def _without_people(own: Mask) -> Mask:
    """Return what of a mask says nothing personal: no more than the mask shows, and no more than operators see."""
    name = f"{TECHNICAL.name}, {own.name}"
    if not any(each.text == "*" for each in own.shows):
        return Mask(name, shows=())
    process = own.plain or own.process
    return replace(TECHNICAL, name=name, hides=(*TECHNICAL.hides, *own.hides), process=process)


async def shown(page: Page, sight: Sight, template: str, **given: Any) -> Response:
    """Show a page of an appeal."""
    all_tabs = [
        ("", page.words.say("Overview"), True),
        ("/dossier", page.words.say("Dossier"), page.viewer.may(Action.DOSSIER)),
        ("/term", page.words.say("Term"), page.viewer.may(Action.TERM)),
        ("/timeline", page.words.say("Timeline"), page.viewer.may(Action.HISTORY)),
        ("/versions", page.words.say("Versions"), page.viewer.may(Action.VERSIONS)),
        ("/repeats", page.words.say("Repeats"), await _is_compared(page, sight)),
    ]
    here = page.request.url.path.removeprefix(f"/console{sight.path}")
    tabs = [(path, name) for path, name, there in all_tabs if there]
    return page.show(template, sight=sight, row=sight.shown, tabs=tabs, here=here, **given)


async def _is_compared(page: Page, sight: Sight) -> bool:
    """Whether there may be something to show of repeats: appeals are compared, or this one was when it was made."""
    if not page.viewer.may(Action.REPEATS) or page.console.api.host.compares:
        return page.viewer.may(Action.REPEATS)
    if sight.row.signal is None:
        return False
    try:
        newest = await sight.views.dossier(sight.row)
    except (ValueError, JournalError) as error:
        raise damaged(page, error) from None
    signals = () if newest is None else newest.document.get("signals", ())
    return any(str(each["code"]).startswith("repeats.") for each in signals)


def damaged(page: Page, error: Exception) -> Refused:
    """Return what to say of a version that is damaged; raise whatever else it is."""
    if isinstance(error, NotMasked):
        return Refused(503, page.words.say("This version is too large to be masked in time: nothing is shown."))
    if not isinstance(error, ValueError | JournalError) or not is_damage(error):
        raise error
    return Refused(
        500, page.words.say("What is kept of this appeal is damaged, and cannot be masked: nothing is shown.")
    )


@view.post("/appeals/{id}/unmask", may=Action.DOSSIER)
async def unmask(page: Page) -> Response:
    """Show what the person may see, from now on in this appeal: they have said what for."""
    row = await page.appeal()
    token = page.seal_purpose(row.public_id)
    to = page.form["to"] if page.form["to"] in _SHOWN else "dossier"
    return page.go(f"/appeals/{row.public_id}/{to}", {"seen": token})
