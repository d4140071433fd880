"""Two hundred requests at a time: nobody sees a failure, who asks too much is told so, appeals come in meanwhile."""

import asyncio
import os
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from appealbus.core.domain.client import Client, Credential, Role
from appealbus.core.errors import JournalError
from appealbus.core.journal import clients
from appealbus.core.journal.appeals import lists
from appealbus.core.journal.journal import Journal
from appealbus.core.rights.credentials import new_token
from tests.plugins.api.serving import JSON, letter
from tests.plugins.console.world import World, world
from tests.services.asking import instead
from tests.services.forms import form

_AT_ONCE, _PUT = 200, 10
_ROUNDS = form(1, 5)
_TOO_OFTEN = form(100, 400)
_WATCHERS = 4
_FREQUENT = 30
"""Requests a minute of somebody who asks far more."""
_GROWTH = 200
"""MiB by which this process may grow, with the server and all who ask in it: one page has some 20 kB."""
_PAGES = (
    "/console/now",
    "/console/appeals",
    "/console/appeals?state=parked",
    "/console/sources",
    "/console/sources/egkn",
    "/console/configuration",
    "/console/workers",
)
_TOO_MANY = "You ask more than the server takes of one person: wait a moment."
_LATER = "The journal cannot be asked now. Nothing is lost; try again soon."
_Answers = tuple[Counter[int], set[str]]


@pytest.fixture(params=form(["sqlite"], ["sqlite", "postgresql"]))
def crowded(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """Have a console over SQLite, which has the one writer; in the long form over PostgreSQL, too."""
    url = request.getfixturevalue("journal_database") if request.param == "postgresql" else None
    with world(tmp_path, url) as made:
        yield made


@pytest.mark.proof
def test_two_hundred_at_a_time(crowded: World) -> None:
    """While two hundred watch: of one person and of many; who may ask little gets that, and then a sentence."""
    people = [crowded.signed_in("ops", f"p{n}", per_minute=100_000) for n in range(_WATCHERS)]
    frequent = crowded.signed_in("ops", "frequent", per_minute=_FREQUENT)
    paths = [*_PAGES, f"/console/appeals/{crowded.do(lambda journal: journal.ask(lists.appeals))[0].public_id}"]
    before = resident()
    asyncio.run(all_of_it(crowded, people, frequent, paths, crowded.do(channel)))
    assert resident() - before < _GROWTH
    assert people[0].get("/console/now").status_code == 200


async def all_of_it(
    to: World, people: Sequence[httpx.Client], frequent: httpx.Client, paths: Sequence[str], token: str
) -> None:
    """Have people watch, and meanwhile ask for pages and put appeals in."""
    async with AsyncExitStack() as stack:
        browsers = [await stack.enter_async_context(like(each)) for each in people]
        portal = await stack.enter_async_context(portal_of(to, token))
        lines = await asyncio.gather(*(watch(stack, browsers[n % _WATCHERS]) for n in range(_AT_ONCE)))
        assert await asyncio.gather(*(picture(each) for each in lines)) == [True] * _AT_ONCE
        async with browsers[0].stream("GET", "/console/now/live") as more:
            assert (more.status_code, _TOO_MANY in (await more.aread()).decode()) == (429, True)
        for n in range(_ROUNDS):
            # The first has half of them, as one who opens many at once.
            askers = [browsers[0] if at % 2 else browsers[at // 2 % _WATCHERS] for at in range(_AT_ONCE)]
            codes, refused = await crowd(askers, paths, portal, f"m{n}")
            assert codes.pop(201) == _PUT
            # Of the picture alone, on a machine that has other things to do: its look has ten seconds.
            assert (set(codes) | {200, 503}, refused | {_LATER}) == ({200, 503}, {_LATER})
            assert codes[200] >= _AT_ONCE * 3 // 4
        one = await stack.enter_async_context(like(frequent))
        codes, refused = await crowd([one] * _TOO_OFTEN, ["/console/account/mine"], portal, "f")
        assert set(codes) == {200, 201, 429}
        # A minute may end meanwhile.
        assert (codes[201], codes[200] <= 2 * _FREQUENT, refused) == (_PUT, True, {_TOO_MANY})
        # All still watch.
        assert await asyncio.gather(*(picture(each) for each in lines)) == [True] * _AT_ONCE


async def watch(stack: AsyncExitStack, browser: httpx.AsyncClient) -> AsyncIterator[bytes]:
    """Begin to watch; return what comes."""
    answer = await stack.enter_async_context(browser.stream("GET", "/console/now/live"))
    assert answer.status_code == 200
    return answer.aiter_raw()


async def picture(parts: AsyncIterator[bytes]) -> bool:
    """Wait for the next picture, or the word of how old it is; return whether there was one."""
    async for part in parts:
        if any(each in part for each in (b"event: now", b"event: at", b": still")):
            return True
    return False


async def crowd(
    browsers: Sequence[httpx.AsyncClient], paths: Sequence[str], portal: httpx.AsyncClient, name: str
) -> _Answers:
    """Have each ask for a page at once, and ten appeals put in; return what was answered, and what was said of it."""
    refused: set[str] = set()

    async def look(browser: httpx.AsyncClient, path: str) -> int:
        answer = await browser.get(path)
        if answer.status_code != 200:
            refused.add(next((each for each in (_TOO_MANY, _LATER) if each in answer.text), f"{path}: {answer.text}"))
        return answer.status_code

    looks = (look(each, paths[n % len(paths)]) for n, each in enumerate(browsers))
    puts = (put(portal, f"{name}-{n}") for n in range(_PUT))
    return Counter(await asyncio.gather(*looks, *puts)), refused


def test_many_requests_prolong_a_session_once(console: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page with many parts, or many tabs that load at once, cost few writes."""
    person, clock, do = console.signed_in("ops"), console.journal._clock, console.journal.do
    seen, renewed = clock.now, list[str]()

    async def counted(item: clients.Renewing) -> None:
        renewed.append(item.id)
        await do(item)
        await asyncio.sleep(0.5)

    async def ask() -> list[int]:
        async with like(person) as browser:
            answers = await asyncio.gather(*(browser.get("/console/account/mine") for _ in range(40)))
            return [each.status_code for each in answers]

    instead(monkeypatch, console.journal, clients.Renewing, counted)
    monkeypatch.setattr(clock, "now", lambda: seen() + timedelta(minutes=10))
    assert asyncio.run(ask()) == [200] * 40
    assert 1 <= len(renewed) <= 5


def test_a_stream_outlives_the_journal(console: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody can say whether a session counts, it goes on, and asks again."""
    person, asked = console.signed_in("ops"), list[int]()

    async def away(*_: object) -> set[tuple[str, str]]:
        asked.append(1)
        if len(asked) < 2:
            raise JournalError("away", "unreachable")
        return set()

    instead(monkeypatch, console.journal, clients.counting, away)
    with person.stream("GET", "/console/now/live") as answer:
        said = answer.read().decode()
    assert (len(asked), said.endswith("event: over\ndata: \n\n")) == (2, True)


async def channel(journal: Journal) -> str:
    """Add what puts appeals in; return its token."""
    token, mark, digest = new_token()
    now = journal.now()
    client = Client("portal", Role.CHANNEL, "test", (), (), 100_000, created_at=now, created_by="person:test")
    await journal.do(clients.NewClient(client, Credential(mark, "token", now, now + timedelta(hours=1)), digest))
    return token


def like(person: httpx.Client) -> httpx.AsyncClient:
    """Return a browser of the same person that asks many things at once."""
    limits = httpx.Limits(max_connections=2 * _AT_ONCE)
    return httpx.AsyncClient(base_url=person.base_url, cookies=person.cookies, timeout=120, limits=limits, verify=False)


def portal_of(to: World, token: str) -> httpx.AsyncClient:
    """Return what puts appeals in."""
    headers = {"Authorization": f"Bearer {token}", **JSON}
    return httpx.AsyncClient(base_url=to.url, headers=headers, timeout=120, verify=False)


async def put(portal: httpx.AsyncClient, message_id: str) -> int:
    """Put an appeal in."""
    return (await portal.post("/v1/appeals", content=letter(message_id))).status_code


def resident() -> float:
    """Return MiB that this process has in memory."""
    status = Path(f"/proc/{os.getpid()}/status").read_text(encoding="utf-8")
    found = re.search(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE)
    assert found is not None
    return int(found[1]) / 1024
