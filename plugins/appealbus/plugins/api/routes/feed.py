"""The feed: every version that a client sees, in one order, page by page. Who has nothing new may wait for it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from fastapi import Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from starlette.requests import Request
from starlette.responses import Response

from appealbus.core import Cursor
from appealbus.core.clocks import monotonic
from appealbus.core.management import feed as journal_feed
from appealbus.core.management.appeals import within
from appealbus.core.management.feed import FeedEntry, FeedPage
from appealbus.core.management.viewing import Action, NotMasked, Viewer
from appealbus.plugins.api import documented
from appealbus.plugins.api.answers import as_json
from appealbus.plugins.api.api import Api
from appealbus.plugins.api.callers import Caller, may
from appealbus.plugins.api.problems import CURSOR_AHEAD, CURSOR_GONE, FIELD_HIDDEN, TOO_MANY_WAITING, Problem
from appealbus.schemas.appeal import AppealKind
from appealbus.schemas.dossier import Completeness
from appealbus.schemas.identifiers import parse_kato

router = documented.router(tags=["feed"])

_LOOKED_THROUGH = 5
"""Pages of the journal that one page of a client looks through where little is of interest; then it comes short."""

_YOUNG = timedelta(minutes=1)
"""Of so young a version nobody asks the journal whether it is pruned: hundreds of streams hear of it at once."""


def _cursor(text: str) -> str:
    return str(Cursor.parse(text))


_CURSOR = r"[1-9][0-9]{0,8}\.(0|[1-9][0-9]{0,17})"
CursorText = Annotated[str, StringConstraints(pattern=f"^{_CURSOR}$")]
NO_CURSOR_OR_ONE = f"^({_CURSOR})?$"
Place = Annotated[str, StringConstraints(pattern=r"^[0-9]{9}$"), AfterValidator(parse_kato)]


class Interest(BaseModel):
    """Which versions are of interest; cursors mean the same whatever is of interest."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    place: list[Place] = Field(default=[], max_length=100, description="Territories by КАТО, each with all below it.")
    kind: list[AppealKind] = Field(default=[], max_length=100, description="Kinds of appeals.")
    completeness: list[Completeness] = Field(
        default=[], max_length=100, description="Versions that are so complete alone; several by writing it again."
    )

    def check(self, viewer: Viewer) -> None:
        """Raise Problem where a viewer would learn what is hidden from it by what it chooses."""
        for name in ("place", "kind", "completeness"):
            if getattr(self, name) and not viewer.may_choose_by(name):
                raise Problem(FIELD_HIDDEN, f"the client's mask hides by what it chooses: {name}")

    def takes(self, entry: FeedEntry) -> bool:
        """Say whether a version is of interest."""
        return (
            within(self.place, entry.place)
            and (not self.kind or entry.kind in self.kind)
            and (not self.completeness or entry.completeness in self.completeness)
        )


class FeedQuery(Interest):
    """What a client asks the feed for."""

    after: Annotated[CursorText, AfterValidator(_cursor)] | None = Field(
        default=None,
        description="The cursor up to which the client has read, which is noted; left out: from the beginning.",
    )
    wait: int = Field(default=0, ge=0, le=30, description="Seconds to wait for something new, where there is nothing.")
    limit: int = Field(default=100, ge=1, le=500, description="The most versions.")


@dataclass(frozen=True, slots=True)
class FeedAnswer:
    """A page of the feed as a client sees it."""

    entries: Sequence[dict[str, object]]
    next: Cursor
    head: Cursor

    @property
    def lag(self) -> int:
        """How many entries of the log follow."""
        return max(0, self.head.position - self.next.position)


@router.get(
    "/v1/feed",
    summary="Read what is new",
    **documented.route(
        CURSOR_AHEAD,
        CURSOR_GONE,
        FIELD_HIDDEN,
        TOO_MANY_WAITING,
        ok={200: {"description": "A page.", "content": documented.content("Feed")}},
        links={
            **documented.links("$response.body#/entries/0/id"),
            "next": documented.link("feed", "after", "$response.body#/next"),
        },
    ),
)
async def feed(
    request: Request, caller: Annotated[Caller, may(Action.FEED)], asked: Annotated[FeedQuery, Query()]
) -> Response:
    """Give versions behind a cursor, oldest first. Go on from `next`; with `wait` it answers once there is one."""
    asked.check(caller.viewer)
    api = Api.of(request)
    cursor = None if asked.after is None else Cursor.parse(asked.after)
    page = await read(api, caller, cursor, asked, asked.limit)
    if cursor is not None:
        api.reads.note(caller.client.name, cursor)
    if asked.wait and not page.entries and not page.lag:
        api.check_waiting(caller.client.name)
        waits = api.waiting(caller.client.name, "poll")
        with waits, api.tail.wait_behind(page.next), caller.watched() as ended:
            page = await _first(request, caller, page, asked, ended)
        await caller.still()
    return as_json({"entries": page.entries, "next": str(page.next), "position": str(page.head), "lag": page.lag})


async def _first(
    request: Request, caller: Caller, page: FeedAnswer, asked: FeedQuery, ended: asyncio.Event
) -> FeedAnswer:
    """Wait for the first version of interest behind a page; return a page, which is empty where none came in time."""
    api, ends = Api.of(request), monotonic() + asked.wait
    over = [asyncio.ensure_future(each) for each in (api.draining.wait(), ended.wait(), _gone(request))]
    try:
        while not page.entries and (left := ends - monotonic()) > 0 and not any(each.done() for each in over):
            news = asyncio.ensure_future(api.tail.news(page.next, left))
            await asyncio.wait((news, *over), return_when=asyncio.FIRST_COMPLETED)
            if not news.done():
                news.cancel()
                break
            if news.result():
                page = await read(api, caller, page.next, asked, asked.limit)
        return page
    finally:
        for each in over:
            each.cancel()


async def _gone(request: Request) -> None:
    """Wait until the client is there no more: what it waits for counts no longer, and it may ask again at once."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def read(api: Api, caller: Caller, cursor: Cursor | None, interest: Interest, limit: int) -> FeedAnswer:
    """Return a page behind a cursor, from memory where that goes back as far.

    Raises:
        CursorRefused: nobody can go on from the cursor.
        JournalError: the journal does not answer.
        NotMasked: the first version cannot be masked now.

    """
    shown: list[dict[str, object]] = []
    for _ in range(_LOOKED_THROUGH):
        kept = None if cursor is None else api.tail.since(cursor)
        page = kept or await _page(api, caller, cursor, limit)
        young = caller.journal.now() - _YOUNG
        for entry in page.entries:
            there = kept is None or entry.at > young
            try:
                told = await _told(caller, entry, page.head.epoch, kept=there) if interest.takes(entry) else None
            except NotMasked:  # nobody can say whether it is news: what comes before it is told, and then it is waited
                if not shown:
                    raise
                return FeedAnswer(shown, Cursor.parse(str(shown[-1]["position"])), page.head)
            if told is not None:
                shown.append(told)
            if len(shown) == limit:
                return FeedAnswer(shown, Cursor(page.next.epoch, entry.position), page.head)
        cursor = page.next
        if not page.lag or api.draining.is_set():
            break
    return FeedAnswer(shown, page.next, page.head)


async def _page(api: Api, caller: Caller, cursor: Cursor | None, limit: int) -> FeedPage:
    viewer = caller.viewer
    return await api.journal.ask(journal_feed.page, cursor, limit, places=viewer.places, kinds=viewer.kinds)


async def _told(caller: Caller, entry: FeedEntry, epoch: int, *, kept: bool) -> dict[str, object] | None:
    """Return a version as the feed tells it; None where the client does not see it, or nothing new in it."""
    if not caller.viewer.covers(entry.place, entry.kind):
        return None
    if not await caller.views.is_news(entry, kept=kept):
        return None
    told = {
        "position": str(Cursor(epoch, entry.position)),
        "id": entry.public_id,
        "version": entry.version,
        "epoch": entry.epoch,
        "completeness": entry.completeness,
        "kind": entry.kind,
        "at": entry.at,
    }
    hidden = caller.viewer.mask
    gone = {"completeness": ("completeness", ()), "kind": ("appeal", ("kind",))}
    return {
        name: value
        for name, value in told.items()
        if value is not None and not (name in gone and hidden.hidden(gone[name]))
    }
