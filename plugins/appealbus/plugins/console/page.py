"""A request of somebody who is signed in: who it is, what they see, and the ways to answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, TypeVar
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from appealbus.core.domain.event import by_person
from appealbus.core.domain.listing import AppealRow
from appealbus.core.domain.selection import NOWHERE, Place
from appealbus.core.fair_share import requester
from appealbus.core.journal.journal import Journal
from appealbus.core.rights.viewer import Viewer
from appealbus.core.rights.views import Views
from appealbus.plugins.api.exchange import Exchange
from appealbus.plugins.console.console import Console
from appealbus.plugins.console.errors import Refused, SignInNeeded
from appealbus.plugins.console.forms import Form, check_origin, day_written, form_of, number_of
from appealbus.plugins.console.naming import Names
from appealbus.plugins.console.sealing import sealed, unsealed
from appealbus.plugins.console.sessions import Session, give_sent
from appealbus.plugins.console.words import Words

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Pages:
    """How a list goes on, as `ui.pager` shows it.

    Attributes:
        first: whether this is its first page.
        first_query: of that.
        next_query: of the page behind this one; empty: there is none.

    """

    first: bool
    first_query: str
    next_query: str


@dataclass
class Page:
    """A request, and what its handler works with.

    Attributes:
        request: the request.
        console: what all pages share.
        session: of the person.
        viewer: what the person may do and see: use it for every question of rights.
        views: the one way to what appeals say, masked as the viewer sees it.
        journal: the journal, in which the person is who writes: what is done is on record as theirs.
        words: says things in the person's language.
        form: what was written into the form of a POST; empty otherwise.

    """

    request: Request
    console: Console
    session: Session
    viewer: Viewer
    views: Views
    journal: Journal
    words: Words
    form: Form = field(default_factory=Form)

    @classmethod
    async def of(cls, request: Request, *, renew: bool = True) -> "Page":
        """Return that of a request; its session counts on from now, unless it is not to `renew` it.

        Raises:
            SignInNeeded: nobody is signed in.
            Refused: it is a POST that does not come from a form of this session.

        """
        console = Console.of(request)
        session = await console.sessions.of(request, renew=renew)
        if session is None:
            raise SignInNeeded
        client, words = session.client, console.words(request)
        Exchange.of(request).client = client.name
        requester.set(client.channel or client.name)
        Exchange.of(request).headers |= await console.api.limits.take(client)
        console.api.forget_other_epochs()
        viewer = replace(console.api.policy.of_client(client), actor=by_person(client.name))
        views = Views(console.api.journal, viewer, console.api.looks, console.api.masker)
        page = cls(request, console, session, viewer, views, console.api.journal.acting(by_person(client.name)), words)
        request.state.page = page
        if request.method == "POST":
            check_origin(request, words)
            page.form = await form_of(request, console.api.bodies, words)
            page.form.check(session.csrf, words)
        return page

    @property
    def query(self) -> Mapping[str, str]:
        """What the URL says behind its `?`; the last of several of one name."""
        return self.request.query_params

    def show(self, template: str, status: int = 200, /, **given: Any) -> Response:
        """Answer with a page: `VIEW/NAME.html`, with what it needs. A name that it lacks is an error."""
        shown = {"page": self, "viewer": self.viewer, "session": self.session, "query": self.query, **given}
        return self.console.render(self.request, self.words, template, status, shown)

    @property
    def chosen_language(self) -> dict[str, str]:
        """What the URL says of the language: for pages that lead to another one at once."""
        return {name: value for name, value in self.query.items() if name == "lang"}

    def go(self, path: str, query: Mapping[str, str] | None = None) -> Response:
        """Answer with another page, as after each form: a reload then does nothing twice."""
        answer = RedirectResponse(f"/console{path}{'?' + urlencode(query) if query else ''}", 303)
        if self.request.method == "POST":
            give_sent(self.request, answer)
        return answer

    @property
    def names(self) -> Names:
        """What bodies and questions are officially called."""
        return Names(self.console.api.host.shared("competence"), self.words)

    @property
    def today(self) -> date:
        """Which day it is in the country, by the journal's clock."""
        return self.words.today(self.journal.now())

    @property
    def lost(self) -> Refused:
        """What to raise where the URL names a page of a list that there cannot be."""
        return Refused(400, self.words.say("This page of the list is none: begin at the first one."))

    @property
    def nowhere(self) -> Refused:
        """What to raise where the URL says something that there cannot be."""
        return Refused(400, self.words.say("There is no such page."))

    @property
    def no_appeal(self) -> Refused:
        """What to raise where there is no such appeal for the person."""
        return Refused(404, self.words.say("There is no such appeal."))

    def no_choice(self, name: str) -> Refused:
        """Return what to raise where nothing can be chosen by what the URL or a form says under a name."""
        return Refused(400, self.words.say("This cannot be chosen by: {name}", name=name))

    @property
    def forbidden(self) -> Refused:
        """What to raise where the person's role may not do something."""
        return Refused(403, self.words.say("Your role may not do this."))

    def number(self, name: str, refused: Refused | None = None, most: int = 10**18) -> int | None:
        """Return a number that the URL says, or None where it says none.

        Args:
            name: of the number.
            refused: what to raise where it is no number up to `most`; None: `lost`.
            most: the largest.

        """
        said = self.query.get(name, "")
        number = number_of(said, most)
        if said and number is None:
            raise refused or self.lost
        return number

    def day(self, name: str) -> date | None:
        """Return a day that the URL says, or None where it says none; raise Refused where it is no day."""
        said = self.query.get(name, "")
        return day_written(said, self.words) if said else None

    def after(self) -> Place:
        """Return the place behind which the URL has a list go on; raise Refused where that is none."""
        try:
            return Place.parse(self.query["after"]) if self.query.get("after") else NOWHERE
        except ValueError:
            raise self.lost from None

    def pages(self, following: object, name: str = "after", kept: Mapping[str, str] | None = None) -> Pages:
        """Return how a list goes on.

        Args:
            following: the place behind this page; None: there is nothing behind it.
            name: under which the URL says from which place on a page is.
            kept: what else the URL of each page says; None: all that this one says.

        """
        if kept is None:
            kept = self.kept(name)
        further = "" if following is None else urlencode({**kept, name: str(following)})
        return Pages(not self.query.get(name), urlencode(kept), further)

    def part(self, whole: Sequence[T], size: int) -> tuple[Sequence[T], Pages]:
        """Return of a list that is all there what stands on this page, and how it goes on; raise Refused for none."""
        begin = self.number("behind") or 0
        found = whole[begin : begin + size]
        if begin and not found:
            raise self.lost
        return found, self.pages(begin + size if begin + size < len(whole) else None, "behind")

    def kept(self, but: str) -> dict[str, str]:
        """Return what the URL says, but for one name and the language, which is chosen once."""
        return {name: value for name, value in self.query.items() if value and name not in (but, "lang")}

    async def appeal(self, public_id: str | None = None) -> AppealRow:
        """Return the appeal with a public id; None: the one in the path.

        Raises:
            Refused: there is none, or the person may not see it, which is told in the same words.

        """
        row = await self.journal.appeal_of(self.request.path_params["id"] if public_id is None else public_id)
        if row is None or not self.viewer.sees(row):
            raise self.no_appeal
        return row

    async def appeal_with(self, number: str) -> AppealRow | None:
        """Return the appeal with a number, where the person sees it; whoever found one by what is hidden would know."""
        mask = self.viewer.mask
        row = None if mask.hides_numbers or mask.text(number) != number else await self.journal.appeal(number)
        return row if row is not None and self.viewer.sees(row) else None

    async def looks(self, what: str, row: AppealRow | None = None, purpose: str = "", **about: int) -> None:
        """Note that the person looks at personal data, before it is shown; what cannot be noted is not shown."""
        number = None if row is None else row.number
        await self.journal.note_look(what, number=number, purpose=purpose, about=about)

    def seal(self, what: str, said: Mapping[str, str]) -> str:
        """Return something as it may stand in a URL: this session alone can read it, for an hour, and as that alone."""
        return sealed(self.session.key, self.journal.now(), what, said)

    def unseal(self, what: str, token: str) -> dict[str, str]:
        """Return what was sealed; raise Refused where it is not of this session, too old, or something else."""
        said = unsealed(self.session.key, self.journal.now(), what, token)
        if said is None:
            raise Refused(410, self.words.say("This address counts for an hour, and in one session: begin once more."))
        return said

    def seal_purpose(self, of: str) -> str:
        """Return what the form says that the person looks at something for, as the URL has it under `seen`."""
        return self.seal("purpose", {"of": of, "purpose": self.form.reason(self.words, "purpose")})

    def purpose(self, of: str) -> str:
        """Return what the person has said that they look at this for; empty where they have not, or of another one."""
        token = self.query.get("seen", "")
        said = self.unseal("purpose", token) if token else {}
        return said["purpose"] if said.get("of") == of else ""
