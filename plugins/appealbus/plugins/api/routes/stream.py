"""The feed as server-sent events: versions as they come, and now and then the position: silence means trouble."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Annotated

import orjson
from fastapi import Header, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from appealbus.core import Cursor, CursorRefused, JournalError
from appealbus.core.clocks import monotonic
from appealbus.core.management.viewing import Action
from appealbus.plugins.api import documented
from appealbus.plugins.api.api import Api
from appealbus.plugins.api.callers import Caller, may
from appealbus.plugins.api.problems import CURSOR_AHEAD, CURSOR_GONE, FIELD_HIDDEN, TOO_MANY_WAITING, Problem, invalid
from appealbus.plugins.api.routes.feed import NO_CURSOR_OR_ONE, CursorText, FeedAnswer, Interest, read

router = documented.router(tags=["feed"])

HEARTBEAT = 15.0
"""Seconds between two events where nothing is new: proxies end connections that are silent for a minute."""
_PAGE = 100
_RETRY = b"retry: 3000\n\n"
_MEDIA_TYPE = "text/event-stream"


class Followed(Interest):
    """What a client follows."""

    after: CursorText | None = Field(
        default=None, description="A cursor to begin behind; `Last-Event-ID` goes before it."
    )


@router.get(
    "/v1/feed/stream",
    summary="Follow what is new",
    **documented.route(
        CURSOR_AHEAD,
        CURSOR_GONE,
        FIELD_HIDDEN,
        TOO_MANY_WAITING,
        ok={
            200: {
                "description": "Events: `version` has an entry of the feed; `position` says, at least every 15 seconds,"
                " up to where all is told; `end` is the last one, with the reason. The id is the cursor behind it.",
                "content": {_MEDIA_TYPE: {"schema": {"type": "string"}}},
            }
        },
    ),
)
async def stream(
    request: Request,
    caller: Annotated[Caller, may(Action.FEED)],
    asked: Annotated[Followed, Query()],
    last_event_id: Annotated[
        str | None,
        Header(
            description="The id of the last event that the client has had.",
            json_schema_extra={"pattern": NO_CURSOR_OR_ONE},
        ),
    ] = None,
) -> Response:
    """Send each version behind a cursor as it comes. A reader that is too slow is told so and cut; it goes on later."""
    asked.check(caller.viewer)
    api = Api.of(request)
    cursor = _cursor(last_event_id or asked.after, "Last-Event-ID" if last_event_id else "after")
    first = await read(api, caller, cursor, asked, _PAGE)
    if cursor is not None:
        api.reads.note(caller.client.name, cursor)
    return _Stream(_Events(api, caller, asked), first)


class _Stream(StreamingResponse):
    """A stream that is counted from before its first byte on: many that come at once are not too many at once."""

    def __init__(self, events: "_Events", first: FeedAnswer) -> None:
        super().__init__(events.from_page(first), media_type=_MEDIA_TYPE, headers={"X-Accel-Buffering": "no"})
        self._events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, if the client may have one more."""
        with self._events.counted():
            await super().__call__(scope, receive, send)


class _Events:
    """The events of one stream."""

    def __init__(self, api: Api, caller: Caller, interest: Interest) -> None:
        self._api = api
        self._caller = caller
        self._interest = interest

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count a stream of the client as long as the block lasts; raise Problem where it has too many."""
        self._api.check_waiting(self._caller.client.name)
        with self._api.waiting(self._caller.client.name, "stream"):
            yield

    async def from_page(self, page: FeedAnswer) -> AsyncIterator[bytes]:
        """Give events from a page on, until the server ends, the journal fails or the reader is too slow."""
        why = "draining"
        try:
            # Behind the end: a reader that begins far back reads up to there itself, and holds up nobody.
            with self._api.tail.wait_behind(page.head), self._caller.watched() as ended:
                yield _RETRY + _told(page)
                while not self._api.draining.is_set():
                    # What was handed over before has been taken, or we would not be here.
                    self._api.reads.note(self._caller.client.name, page.next)
                    page = await self._next(page, ended)
                    await self._caller.still()
                    yield _told(page)
                    if page.lag > _BEHIND:
                        why = "slow"
                        break
        except CursorRefused as error:
            yield _event("end", {"reason": "restart", "restart": str(error.restart)}, error.restart)
            return
        except JournalError:
            why = "unavailable"
        except Problem:
            why = "unauthenticated"
        yield _event("end", {"reason": why, "position": str(page.next)}, page.next)

    async def _next(self, page: FeedAnswer, ended: asyncio.Event) -> FeedAnswer:
        """Wait for something of interest, for as long as a stream may be silent; return the page with it, or none.

        Where the server or the credentials end meanwhile, it waits no longer.
        """
        ends = monotonic() + HEARTBEAT
        found = FeedAnswer((), page.next, page.head)
        while not found.entries and (left := ends - monotonic()) > 0:
            if found.lag or await self._news(found.next, left, ended):
                found = await read(self._api, self._caller, found.next, self._interest, _PAGE)
            elif self._api.draining.is_set() or ended.is_set():
                break
        return found

    async def _news(self, cursor: Cursor, seconds: float, ended: asyncio.Event) -> bool:
        news = asyncio.ensure_future(self._api.tail.news(cursor, seconds))
        over = [asyncio.ensure_future(each.wait()) for each in (self._api.draining, ended)]
        try:
            await asyncio.wait((news, *over), return_when=asyncio.FIRST_COMPLETED)
            return news.done() and news.result()
        finally:
            for each in (news, *over):
                each.cancel()


_BEHIND = 50_000
"""Entries of the log that a reader may be behind before it counts as too slow: a reader of pages is faster then."""


def _told(page: FeedAnswer) -> bytes:
    """Return a page as events: its versions, and up to where all is told."""
    versions = [_event("version", entry, str(entry["position"])) for entry in page.entries]
    return b"".join([*versions, _event("position", {"position": str(page.next), "lag": page.lag}, page.next)])


def _event(name: str, value: object, behind: Cursor | str) -> bytes:
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (str(behind).encode(), name.encode(), orjson.dumps(value))


def _cursor(text: str | None, where: str) -> Cursor | None:
    if not text:
        return None
    try:
        return Cursor.parse(text)
    except ValueError as error:
        raise invalid("the cursor cannot be read", where, str(error)) from None
