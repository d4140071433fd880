"""All that the console has, by its own list: each page for each role and language, each button, on both databases."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urldefrag, urlsplit

import httpx
import pytest

from appealbus.core.clocks import day_of, wall
from appealbus.core.domain.client import Role
from appealbus.core.domain.listing import AppealState
from appealbus.core.domain.operation import Operation, Order
from appealbus.core.domain.selection import Selection
from appealbus.core.journal import events, log
from appealbus.core.journal.appeals import lists
from appealbus.core.journal.journal import Journal
from appealbus.core.management import operations
from appealbus.plugins.console.views.operations import queries
from tests.plugins.console.alarms import alarms
from tests.plugins.console.everything import (
    LANGUAGES,
    PARTS,
    ROLES,
    Form,
    complaints,
    forms_of,
    links_of,
    page_of,
    way_of,
    ways,
)
from tests.plugins.console.kit import csrf_of
from tests.plugins.console.lagging import lag
from tests.plugins.console.test_quarantine import kept, letter
from tests.plugins.console.waiting import park, work_goes_on
from tests.plugins.console.world import World, world
from tests.services.forms import LONG

SOON = f"{day_of(wall()) + timedelta(days=2)}T09:00"
NEEDS = {
    # What a page needs in its URL.
    "/appeals/{id}/explain": "?field=appeal.text",
    "/operations/preview": "?do=hold&state=parked",
    "/quarantine/try": "?code=message.kills",
    "/report/appeals": "?column=registered",
    "/sources/{name}/impact": f"?until={SOON}",
}
ONES = {
    "/sources/{name}": "/sources/egkn",
    "/deliveries/{name}": "/deliveries/out",
    "/quarantine/{id:id}": "/quarantine/{message}",
}
AWAY = {"/oidc", "/oidc/back"}
"""What no console without a provider has; test_oidc tries it with one."""
NARROWER = {
    "/account/policy": {Role.OPS, Role.AUDITOR},
    "/account/done": {Role.OPS, Role.AUDITOR},
    "/report/appeals": {Role.REGISTRY, Role.REVIEWER},
}
"""Pages that are for fewer than their route says: more rights than one decide, or the mask does."""
Press = tuple[Role, str, str, dict[str, str]]
PRESSES: list[Press] = [
    # Who presses which button on which page, with what is filled in besides a reason and a purpose; in this order.
    (Role.OPS, "/appeals/{id}", "/appeals/{id}/retry", {}),
    (Role.OPS, "/appeals/{id}", "/appeals/{id}/refresh", {}),
    (Role.OPS, "/appeals/{id}", "/appeals/{id}/hold", {}),
    (Role.OPS, "/appeals/{id}", "/appeals/{id}/release", {}),
    (Role.OPS, "/appeals/{id}", "/appeals/{id}/resend", {}),
    (Role.REVIEWER, "/appeals/{id}/dossier", "/appeals/{id}/unmask", {}),
    (Role.REVIEWER, "/appeals", "/search", {"q": "{number}"}),
    (Role.OPS, "/appeals?state=parked", "/views", {"name": "Stands still"}),
    (Role.OPS, "/views", "/views/drop", {}),
    (Role.OPS, "/operations/preview?do=refresh&state=idle", "/operations", {}),
    (Role.OPS, "/operations/{operation}", "/operations/{number:id}/stop", {}),
    (Role.OPS, "/operations/{operation}", "/operations/{number:id}/go-on", {}),
    (Role.OPS, f"/sources/egkn/impact?until={SOON}", "/sources/{name}/pause", {}),
    (Role.OPS, "/sources/egkn", "/sources/{name}/resume", {}),
    (Role.OPS, "/deliveries/out", "/deliveries/{name}/resend", {}),
    (Role.OPS, "/deliveries/out", "/deliveries/{name}/skip", {}),
    (Role.OPS, "/quarantine/{message}", "/quarantine/{id:id}/unmask", {}),
    (Role.OPS, "/quarantine/{message}/try", "/quarantine/take", {}),
    (Role.OPS, "/quarantine/{again}/try", "/quarantine/{id:id}/under", {"message_id": "another"}),
    (Role.OPS, "/quarantine/{other}", "/quarantine/close", {}),
    (Role.REGISTRY, "/surges/1", "/surges/{alarm:id}/unmask", {}),
    (Role.REGISTRY, "/surges/1", "/surges/{alarm:id}/take", {}),
    (Role.REGISTRY, "/surges/1", "/surges/{alarm:id}/close", {"verdict": "true", "done": "шығарылды"}),
    (Role.AUDITOR, "/account", "/account/find", {"q": "27036042077"}),
    (Role.AUDITOR, "/account/mine", "/account/sign-out", {}),
    (Role.AUDITOR, "/account/mine", "/leave", {}),
]
ELSEWHERE = {
    "/enter": "test_entering",
    "/appeals/{id}/reread": "test_appeal: it needs a plugin that has learnt",
    "/appeals/{id}/withdraw": "test_appeal: it needs a record that was misread",
}
"""What other tests press."""
LEAVES_NO_REASON = {
    # Signs in and out; leads somewhere else, and changes nothing; says its reason as a purpose, or as what was done.
    *("/enter", "/leave", "/account/sign-out", "/search", "/account/find", "/quarantine/{id:id}/under"),
    *("/appeals/{id}/unmask", "/quarantine/{id:id}/unmask", "/surges/{alarm:id}/unmask", "/surges/{alarm:id}/close"),
    *("/views", "/views/drop"),
}


NOT_FOLLOWED = {"/now/live", "/oidc", "/enter"}


@dataclass
class Everything:
    """A console that has something on every page; `db` is which database it is over."""

    console: World
    db: int
    named: dict[str, str]
    found: set[str] = field(default_factory=set)
    _people: dict[Role, httpx.Client] = field(default_factory=dict)

    def person(self, role: Role) -> httpx.Client:
        """Return somebody's browser. An operator and a registry whose masks hide nothing reach all buttons."""
        if role not in self._people:
            name = {Role.OPS: "chief"}.get(role, f"a-{role}")
            self._people[role] = self.console.signed_in(role, name, per_minute=1_000_000)
            self._people[role].headers["x-name"] = name
        return self._people[role]

    def asks(self, role: Role, language: str, path: str) -> httpx.Response:
        """Ask for a page in a language, as somebody who has chosen it."""
        browser = self.person(role)
        browser.cookies.set("appealbus-lang", language, path="/console")
        for _ in range(5):  # a busy server says so, and a person asks again
            answer = browser.get(path)
            if answer.status_code != 503:
                break
        return answer

    def looks(self, role: Role, language: str, url: str, status: int, came_from: str = "") -> list[tuple[str, str]]:
        """Look at a page, add what is wrong with it to what was found, and return where it leads."""
        answer, way = self.asks(role, language, url), way_of("GET", url)
        name = f"{role} {language} {url}" + (f" (from {came_from})" if came_from else "")
        if answer.status_code != status:
            self.found.add(f"{name}: {answer.status_code} instead of {status}")
        if way is not None and way.path in PARTS and answer.status_code == 200:
            return []
        fragment = urlsplit(url).fragment
        if fragment and not page_of(answer).xpath(f"//*[@id='{fragment}']"):
            self.found.add(f"{name}: nothing is at #{fragment}")
        self.found |= {f"{name}: {each}" for each in complaints(answer, role, language)}
        return [(url, link) for link in links_of(answer)] if answer.status_code == 200 else []

    def log_of(self, role: Role) -> list[dict[str, Any]]:
        """Return what the log says of what somebody did, the oldest first."""
        name = self._people[role].headers["x-name"]

        async def work(journal: Journal) -> list[dict[str, Any]]:
            while await journal.do(events.Placing()):
                pass
            return [
                dict(each.detail)
                for each in (await journal.ask(log.page, actor=f"person:{name}", limit=10_000)).entries
            ]

        return self.console.do(work)

    def at(self, path: str) -> str:
        """Return the address of a route, or of a page that a test names."""
        for general, one in ONES.items():
            path = path.replace(general, one)
        for name, value in self.named.items():
            path = path.replace(f"{{{name}}}", value)
        assert "{" not in path, f"say in `named` what stands for the parameter of {path}"
        return f"/console{path}"


def fill(console: World) -> dict[str, str]:
    """Have something on every page; return what stands in their paths."""

    async def begun(journal: Journal) -> int:
        frozen = await operations.freeze(journal, Order(Operation.REFRESH), Selection(kind="complaint"))
        return (await operations.begin(journal, frozen, frozen.hash, reason="басталмай тоқтап қалды")).id

    parked = console.do(lambda journal: journal.ask(lists.appeals, state=AppealState.PARKED))[0]
    operation = console.do(begun)
    console.do(park([0, 2]))
    console.do(work_goes_on)
    console.do(lag)
    message, other, again = console.do(kept(letter("q-1"), b'{"message_id": "q-2", "text": "', letter("q-1", "Су")))
    return {
        "id": parked.public_id,
        "number": parked.number or "",
        "number:id": str(operation),
        "operation": str(operation),
        "message": str(message),
        "other": str(other),
        "again": str(again),
        "alarm:id": "1",
    }


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Everything]:
    """A console over each database; what is pressed comes last."""
    folder, url = tmp_path_factory.mktemp("everything"), None
    if request.param == "postgresql":
        request.getfixturevalue("_postgres").start()
        shared = request.getfixturevalue("_journal_database")
        shared.clear()
        url = shared.url
    with ExitStack() as stack:
        console = stack.enter_context(world(folder, url))
        named = fill(console)
        stack.enter_context(alarms(console, folder))
        yield Everything(console, int(url is not None), named)


@pytest.fixture
def everything(filled: Everything) -> Everything:
    """The same for each test, of which nothing wrong was found yet."""
    return replace(filled, found=set())


@pytest.mark.proof
def test_every_page_is_what_it_should_be_for_everybody(everything: Everything) -> None:
    """Open to whom its route says and nobody else; whole, safe, in the reader's language; all its links lead on."""
    pages = sorted({each.path for each in ways() if each.method == "GET"} - AWAY - PARTS)
    for who, role in enumerate(ROLES):
        links: list[tuple[str, str]] = []
        seen: set[object] = set()
        for at, path in enumerate(pages):
            way = next(each for each in ways() if (each.method, each.path) == ("GET", path))
            status = 200 if way.open_to(role) and role in NARROWER.get(path, ROLES) else 403
            url = everything.at(path) + NEEDS.get(path, "")
            seen.add(kind_of(url))
            for language in languages(who + at, everything.db):
                links += everything.looks(role, language, url, status)
        while links:
            came_from, link = links.pop()
            way_there = way_of("GET", link)
            if way_there is None:
                everything.found.add(f"{came_from}: nothing is at {link}")
            elif kind_of(link) not in seen and way_there.path not in NOT_FOLLOWED and "lang=" not in link:
                seen.add(kind_of(link))
                for language in languages(who + len(seen), everything.db):
                    links += everything.looks(role, language, link, 200, came_from)
    assert not everything.found, "\n".join(sorted(everything.found))


def languages(at: int, db: int) -> Sequence[str]:
    """Return those in which something is tried over a database: in the long form all on SQLite, one on PostgreSQL."""
    if LONG and not db:
        return LANGUAGES
    return LANGUAGES[at % 3 : at % 3 + 1] if LONG or at % 2 == db else ()


def kind_of(link: str) -> object:
    """Return what is tried once: each link in the long form, one that asks a page for the same things in the short."""
    way = way_of("GET", link)
    query = parse_qsl(urlsplit(link).query, keep_blank_values=LONG)
    return urldefrag(link).url if LONG or way is None else (way.path, frozenset(name for name, _ in query))


@pytest.mark.proof
def test_every_button_does_what_it_says(everything: Everything, monkeypatch: pytest.MonkeyPatch) -> None:
    """For those who are shown it, once however often it is sent, with an entry of the log; to others it is refused."""
    monkeypatch.setattr(
        queries, "_MOVES", timedelta(hours=1)
    )  # what was begun is there to be stopped, however long ago
    assert {press[2] for press in PRESSES} | {*ELSEWHERE} == {each.path for each in ways() if each.method == "POST"}
    everything.console.signed_in(Role.AUDITOR, "a-auditor", per_minute=1_000_000)  # a session to be ended
    for role in ROLES:
        csrf = csrf_of(everything.asks(role, "en", "/console/account/mine"))
        for way in ways():
            if way.method == "POST" and not way.open_to(role):
                answer = everything.person(role).post(everything.at(way.path), data={"csrf": csrf, "reason": "x"})
                if answer.status_code != 403:
                    everything.found.add(f"{role} {way.path}: {answer.status_code} instead of 403")
    for at, press in enumerate(PRESSES):
        pressed(everything, press, LANGUAGES[(at + everything.db) % 3])
    assert not everything.found, "\n".join(everything.found)


def pressed(everything: Everything, press: Press, language: str) -> None:
    """Press a button twice, as it stands on a page, and add what is wrong with what comes of it to what was found."""
    role, page, to, given = press
    name = f"{role} {language} {page}: {to}"
    shown = everything.asks(role, language, everything.at(page))
    form = next((each for each in forms_of(page_of(shown), str(shown.url)) if is_at(each, to)), None)
    if form is None:
        everything.found.add(f"{name}: there is no such button")
        return
    there = dict(form.fields)
    usual = {each: text for each, text in (("reason", "тексеру"), ("purpose", "азаматтың қоңырауы")) if each in there}
    data = there | usual | {each: everything.named.get(text.strip("{}"), text) for each, text in given.items()}
    before = len(everything.log_of(role))
    once = everything.person(role).post(form.to, data=data)
    done = [each["reason"] for each in everything.log_of(role)[before:] if "reason" in each]
    again = everything.person(role).post(form.to, data=data)
    if once.status_code != 200 or not once.history:
        everything.found.add(f"{name}: {once.status_code}")
    if again.status_code >= 500:
        everything.found.add(f"{name}: {again.status_code} when it is sent again")
    if to != "/leave":
        everything.found |= {f"{name}: {each}" for each in complaints(once, role, language)}
    if (to not in LEAVES_NO_REASON) != ("тексеру" in done):
        everything.found.add(f"{name}: the log has {done}")


def is_at(form: Form, path: str) -> bool:
    """Whether a form leads to this route."""
    way = way_of("POST", form.to)
    return form.method == "POST" and way is not None and way.path == path
