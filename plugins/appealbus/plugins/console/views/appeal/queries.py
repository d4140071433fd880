"""Access to one appeal: personal data only for a stated purpose, and each such access is logged."""

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from appealbus.core import AppealRow, JournalError
from appealbus.core.management.viewing import TECHNICAL, Action, Mask, NotMasked, Views, is_damage
from appealbus.plugins.console.errors import Refused
from appealbus.plugins.console.page import Page
from appealbus.plugins.console.view import View

view = View("appeal", "Appeal")

_SHOWN = frozenset({"dossier", "term", "repeats"})
"""Pages that ask for a purpose and open once it is stated."""


@dataclass
class AppealView:
    """One person's current view of an appeal.

    Attributes:
        row: the appeal.
        shown: the same, masked.
        views: with the person's own mask once a purpose is stated, before that without personal data.
        purpose: the stated purpose; empty before.
        token: carries the purpose from page to page; empty without one.
    """

    row: AppealRow
    shown: AppealRow
    views: Views
    purpose: str = ""
    token: str = ""

    @property
    def path(self) -> str:
        return f"/appeals/{self.row.public_id}"

    def link(self, to: str = "", **query: str) -> str:
        """Return the URL of one of the appeal's pages; keeps the purpose."""
        given = {**({"seen": self.token} if self.token else {}), **query}
        return f"/console{self.path}{to}{'?' if given else ''}{urlencode(given)}"


async def sight_of(page: Page, what: str = "", **about: int) -> AppealView:
    """Return the view of the appeal in the path; logs the access as `what` if it shows more than the state."""
    row = await page.appeal()
    if purpose := page.purpose(row.public_id):
        if what:
            await page.looks(what, row, purpose, **about)
        return AppealView(row, await page.views.row(row), page.views, purpose, page.query["seen"])
    views = page.views
    if views.viewer.mask is not TECHNICAL:  # which has nothing personal, whoever looks
        viewer = replace(page.viewer, mask=_without_people(page.viewer.mask))
        views = Views(page.journal, viewer, page.console.api.looks, page.console.api.masker)
    return AppealView(row, await page.views.row(row), views)


def _without_people(own: Mask) -> Mask:
    """Return a mask without personal data: shows no more than this mask, and no more than operators see."""
    name = f"{TECHNICAL.name}, {own.name}"
    if not any(show.text == "*" for show in own.shows):
        return Mask(name, shows=())
    process = own.plain or own.process
    return replace(TECHNICAL, name=name, hides=(*TECHNICAL.hides, *own.hides), process=process)


async def shown(page: Page, sight: AppealView, template: str, **given: Any) -> Response:
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


async def _is_compared(page: Page, sight: AppealView) -> bool:
    """Whether there may be repeats: appeals are compared now, or were when this dossier was built."""
    if not page.viewer.may(Action.REPEATS) or page.console.api.host.compares:
        return page.viewer.may(Action.REPEATS)
    if sight.row.signal is None:
        return False
    try:
        newest = await sight.views.dossier(sight.row)
    except (ValueError, JournalError) as error:
        raise damaged(page, error) from None
    signals = () if newest is None else newest.document.get("signals", ())
    return any(str(signal["code"]).startswith("repeats.") for signal in signals)


def damaged(page: Page, error: Exception) -> Refused:
    """Return the refusal for a damaged version; re-raise any other error."""
    if isinstance(error, NotMasked):
        return Refused(503, page.words.say("This version is too large to be masked in time: nothing is shown."))
    if not isinstance(error, ValueError | JournalError) or not is_damage(error):
        raise error
    return Refused(
        500, page.words.say("What is kept of this appeal is damaged, and cannot be masked: nothing is shown.")
    )


@view.post("/appeals/{id}/unmask", may=Action.DOSSIER)
async def unmask(page: Page) -> Response:
    row = await page.appeal()
    token = page.seal_purpose(row.public_id)
    to = page.form["to"] if page.form["to"] in _SHOWN else "dossier"
    return page.go(f"/appeals/{row.public_id}/{to}", {"seen": token})
