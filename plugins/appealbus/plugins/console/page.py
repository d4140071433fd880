"""A request of a signed-in person: session, rights and ways to answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeVar
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from appealbus.core import AppealRow
from appealbus.core.management import Journal, appeals, people
from appealbus.core.management.appeals import ListPosition
from appealbus.core.management.viewing import Viewer, Views
from appealbus.plugins.api.callers import count, views_of
from appealbus.plugins.api.exchange import Exchange
from appealbus.plugins.console.console import Console
from appealbus.plugins.console.errors import Refused, SignInNeeded
from appealbus.plugins.console.forms import SubmittedForm, check_origin, day_written, form_of, number_of
from appealbus.plugins.console.naming import Names
from appealbus.plugins.console.sealing import sealed, unsealed
from appealbus.plugins.console.sessions import Session, give_sent
from appealbus.plugins.console.words import Words

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Pages:
    """Paging of a list, as `ui.pager` shows it.

    Attributes:
        first: whether this is the first page.
        first_query: query of the first page.
        next_query: query of the next page; empty if there is none.
    """

    first: bool
    first_query: str
    next_query: str


@dataclass
class Page:
    """The context of a handler.

    Attributes:
        request: the request.
        console: shared state of all pages.
        session: the person's session.
        viewer: the person's rights and masks: use it for every authorisation check.
        views: the only access to the content of appeals, masked for the viewer.
        journal: the journal with the person as actor, so that all writes are logged as theirs.
        words: translations into the person's language.
        form: the submitted form; empty unless the request is a POST.
    """

    request: Request
    console: Console
    session: Session
    viewer: Viewer
    views: Views
    journal: Journal
    words: Words
    form: SubmittedForm = field(default_factory=SubmittedForm)

    @classmethod
    async def of(cls, request: Request, *, renew: bool = True) -> "Page":
        """Return the page of a request; extends the session unless `renew` is False.

        Raises:
            SignInNeeded: there is no valid session.
            Refused: a POST does not come from a form of this session.
        """
        console = Console.of(request)
        session = await console.sessions.of(request, renew=renew)
        if session is None:
            raise SignInNeeded
        client, words = session.client, console.words(request)
        await count(console.api, Exchange.of(request), client)
        viewer = console.api.policy.of_person(client)
        views = views_of(console.api, viewer)
        page = cls(request, console, session, viewer, views, console.api.journal.acting(viewer.actor), words)
        request.state.page = page
        if request.method == "POST":
            check_origin(request, words)
            page.form = await form_of(request, console.api.bodies, words)
            page.form.check(session.csrf, words)
        return page

    @property
    def query(self) -> Mapping[str, str]:
        """Query parameters; the last one wins if a name is repeated."""
        return self.request.query_params

    def show(self, template: str, status: int = 200, /, **given: Any) -> Response:
        """Render `VIEW/NAME.html`. A name that the template lacks is an error."""
        shown = {"page": self, "viewer": self.viewer, "session": self.session, "query": self.query, **given}
        return self.console.render(self.request, self.words, template, status, shown)

    @property
    def chosen_language(self) -> dict[str, str]:
        return {name: value for name, value in self.query.items() if name == "lang"}

    def go(self, path: str, query: Mapping[str, str] | None = None) -> Response:
        """Redirect after a form, so that a reload repeats nothing."""
        answer = RedirectResponse(f"/console{path}{'?' + urlencode(query) if query else ''}", 303)
        if self.request.method == "POST":
            give_sent(self.request, answer)
        return answer

    @property
    def names(self) -> Names:
        return Names(self.console.api.host.shared("competence"), self.words)

    @property
    def today(self) -> date:
        """Today in the country, by the journal's clock."""
        return self.words.today(self.journal.now())

    @property
    def lost(self) -> Refused:
        """Error for a page of a list that cannot exist."""
        return Refused(400, self.words.say("This page of the list is none: begin at the first one."))

    @property
    def nowhere(self) -> Refused:
        """Error for an invalid URL parameter."""
        return Refused(400, self.words.say("There is no such page."))

    @property
    def no_appeal(self) -> Refused:
        """Error for an appeal that is missing or hidden from the person."""
        return Refused(404, self.words.say("There is no such appeal."))

    def no_choice(self, name: str) -> Refused:
        return Refused(400, self.words.say("This cannot be chosen by: {name}", name=name))

    @property
    def forbidden(self) -> Refused:
        return Refused(403, self.words.say("Your role may not do this."))

    def number(self, name: str, refused: Refused | None = None, most: int = 10**18) -> int | None:
        """Return a number up to `most` from the URL; None if absent. If it is invalid, raise `refused` or `lost`."""
        said = self.query.get(name, "")
        number = number_of(said, most)
        if said and number is None:
            raise refused or self.lost
        return number

    def day(self, name: str) -> date | None:
        """Return a day from the URL; None if it is absent. Raise Refused if it is invalid."""
        said = self.query.get(name, "")
        return day_written(said, self.words) if said else None

    def after(self) -> ListPosition:
        """Return the list position from the URL; raise Refused if it is invalid."""
        try:
            return ListPosition.parse(self.query.get("after") or "0")
        except ValueError:
            raise self.lost from None

    def pages(self, following: object, name: str = "after", kept: Mapping[str, str] | None = None) -> Pages:
        """Return the paging of a list.

        Args:
            following: position after this page; None on the last page.
            name: URL parameter with the position.
            kept: other parameters of each page's URL; None: all current ones.
        """
        if kept is None:
            kept = self.kept(name)
        further = "" if following is None else urlencode({**kept, name: str(following)})
        return Pages(not self.query.get(name), urlencode(kept), further)

    def part(self, whole: Sequence[T], size: int) -> tuple[Sequence[T], Pages]:
        """Return this page of a list in memory, and its paging; raise Refused if there is no such page."""
        begin = self.number("behind") or 0
        found = whole[begin : begin + size]
        if begin and not found:
            raise self.lost
        return found, self.pages(begin + size if begin + size < len(whole) else None, "behind")

    def kept(self, but: str) -> dict[str, str]:
        """Return the URL's parameters without one name and the language."""
        return {name: value for name, value in self.query.items() if value and name not in (but, "lang")}

    async def appeal(self, public_id: str | None = None) -> AppealRow:
        """Return an appeal by public id; None: the id in the path.

        Raises Refused if it is missing or hidden, with one message for both, so that nobody can tell which.
        """
        row = await self.journal.ask(
            appeals.appeal_of, self.request.path_params["id"] if public_id is None else public_id
        )
        if row is None or not self.viewer.sees(row):
            raise self.no_appeal
        return row

    async def appeal_with(self, number: str) -> AppealRow | None:
        """Return the appeal with a number if the person may see it; otherwise hidden numbers could be guessed."""
        mask = self.viewer.mask
        row = (
            None
            if mask.hides_numbers or mask.text(number) != number
            else await self.journal.ask(appeals.appeal_row, number)
        )
        return row if row is not None and self.viewer.sees(row) else None

    async def looks(self, what: str, row: AppealRow | None = None, purpose: str = "", **about: int) -> None:
        """Log that the person looks at personal data, before it is shown; if logging fails, nothing is shown."""
        number = None if row is None else row.number
        await self.journal.do(people.Look(what, number=number, purpose=purpose, about=about))

    def seal(self, what: str, said: Mapping[str, str]) -> str:
        """Encrypt values for a URL: readable by this session alone, for an hour, and only as `what`."""
        return sealed(self.session.key, self.journal.now(), what, said)

    def unseal(self, what: str, token: str) -> dict[str, str]:
        """Decrypt sealed values; raise Refused for another session, kind or an expired token."""
        said = unsealed(self.session.key, self.journal.now(), what, token)
        if said is None:
            raise Refused(410, self.words.say("This address counts for an hour, and in one session: begin once more."))
        return said

    def seal_purpose(self, of: str) -> str:
        """Seal the purpose from the form, for the URL parameter `seen`."""
        return self.seal("purpose", {"of": of, "purpose": self.form.reason(self.words, "purpose")})

    def purpose(self, of: str) -> str:
        """Return the purpose stated for this target; empty if none was, or for another target."""
        token = self.query.get("seen", "")
        said = self.unseal("purpose", token) if token else {}
        return said["purpose"] if said.get("of") == of else ""
