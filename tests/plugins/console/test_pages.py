"""The list of appeals, and what every page has."""

import re
import time
from datetime import timedelta
from hashlib import sha256
from types import SimpleNamespace

import pytest
from cryptography import fernet

from appealbus.core.domain.event import EventType
from appealbus.core.journal import log
from appealbus.core.journal.appeals import cases, lists, selecting
from appealbus.core.journal.journal import Journal
from appealbus.plugins.console.static import FOLDER, STATIC
from appealbus.plugins.console.views.appeals import pages
from tests.plugins.console.kit import csrf_of
from tests.plugins.console.world import APPEALS, World

HTMX = "a0abb04f2f45a1f89d1d4844023245537e5e6014c87b144553e0607b4cc32130"
"""SHA-256 of dist/htmx.min.js in the package htmx.org 4.0.1 of npm."""


def test_the_list_shows_what_there_is(console: World) -> None:
    """Whoever has signed in sees all appeals, each with its state and its days left; a filter leaves some of them."""
    page = console.signed_in("ops").get("/console/appeals")
    assert page.text.count('<th scope="row"') == APPEALS
    assert "overdue by" in page.text
    assert 'placeholder="Number of an appeal"' in page.text  # a role that may not search for persons is not asked to
    none = console.signed_in("ops").get("/console/appeals?state=held&due_before=2026-01-01")
    assert "There is none like that." in none.text
    assert 'value="2026-01-01"' in none.text


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("state=asleep", 400),
        ("place=12", 400),
        ("body=12", 400),
        ("due_from=31.12.2026", 400),
        ("kinds=complaint", 400),
        ("after=zz", 400),
        ("find=zz", 410),
        ("place=550000000", 403),
        ("signal=critical", 403),
        ("code=%00%1b", 200),
        ("kind=" + "x" * 9000, 400),
    ],
)
def test_what_cannot_be_chosen_is_said(console: World, query: str, status: int) -> None:
    """A filter that is none is refused in words, with the menu; so is one that tells what the role does not see."""
    answer = console.signed_in("ops").get(f"/console/appeals?{query}")
    assert answer.status_code == status
    assert 'href="/console/now"' in answer.text


def test_a_page_looks_through_so_many_and_no_more(console: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where hardly any is like that it comes short and says so; the next ones find all there are."""
    monkeypatch.setattr(selecting, "SCAN", 2)
    monkeypatch.setattr(pages, "_STEPS", 1)
    ops, path, found, count = console.signed_in("ops"), "/console/appeals?completeness=partial", 0, 0
    while path:
        page = ops.get(path).text
        found, count = found + page.count('<th scope="row"'), count + 1
        further = re.search(r'rel="next" href="([^"]+)"', page)
        path = further[1].replace("&amp;", "&") if further else ""
        assert ("None so far is like that" in page) == bool(path and '<th scope="row"' not in page)
    assert count > 2
    assert found == ops.get("/console/appeals").text.count(">partial<") > 0


def test_a_person_is_searched_for_a_purpose_and_is_in_no_url(console: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The purpose is asked for and noted with each look; the token is of this session alone; ops may not search so.

    It counts by the journal's clock: also where this machine's jumps, and at a server whose clock is another.
    """
    iin = console.do(a_person)
    reviewer, other = console.signed_in("reviewer", "raushan"), console.signed_in("reviewer", "other")
    csrf = csrf_of(reviewer.get("/console/appeals"))
    asked = reviewer.post("/console/search", data={"csrf": csrf, "q": iin})
    assert "Why do you search for this?" in asked.text
    found = reviewer.post("/console/search", data={"csrf": csrf, "q": iin, "purpose": "a call of the citizen"})
    assert found.text.count('<th scope="row"') >= 1
    assert iin not in str(found.url)
    looks = console.do(looks_of("person:raushan"))
    assert [each["purpose"] for each in looks] == ["a call of the citizen"]
    assert other.get(str(found.url)).status_code == 410
    for wrong in (timedelta(days=1), timedelta(days=-1)):
        with monkeypatch.context() as jumped:
            jumped.setattr(
                fernet, "time", SimpleNamespace(time=lambda wrong=wrong: time.time() + wrong.total_seconds())
            )
            assert reviewer.get(str(found.url)).status_code == 200
    # A token that says what for is none of a search.
    path = re.search(r'href="(/console/appeals/[0-9a-f-]{36})"', found.text)
    assert path is not None
    shown = reviewer.post(f"{path[1]}/unmask", data={"csrf": csrf, "purpose": "her call"})
    assert reviewer.get("/console/appeals", params={"find": shown.url.params["seen"]}).status_code == 410
    ops = console.signed_in("ops")
    assert ops.post("/console/search", data={"csrf": csrf_of(ops.get("/console/appeals")), "q": iin}).status_code == 403


def test_a_number_leads_to_its_appeal(console: World) -> None:
    """And one that there is not, to a page that says so."""
    ops = console.signed_in("ops")
    csrf = csrf_of(ops.get("/console/appeals"))
    number = console.do(lambda journal: journal.ask(lists.appeals))[2].number
    found = ops.post("/console/search", data={"csrf": csrf, "q": f" {number} "})
    assert number in found.text
    assert found.history[0].status_code == 303
    assert ops.post("/console/search", data={"csrf": csrf, "q": "AB-1"}).status_code == 404


def test_a_page_speaks_three_languages(console: World) -> None:
    """By `?lang`, which is remembered, else by what the browser likes."""
    ops = console.signed_in("ops")
    assert '<html lang="en">' in ops.get("/console/appeals").text
    kk = ops.get("/console/appeals?lang=kk")
    assert "Өтініштер" in kk.text
    assert '<html lang="kk">' in ops.get("/console/appeals").text
    ru = console.browser().get("/console/enter", headers={"Accept-Language": "de, ru;q=0.8, kk;q=x"})
    assert '<html lang="ru">' in ru.text
    assert console.browser().get("/console/enter?lang=xx").status_code == 200


def test_every_answer_has_its_headers(console: World) -> None:
    """Pages run nothing but what is ours, lie in no frame, and are kept nowhere; errors too."""
    ops = console.signed_in("ops")
    for path in ("/console/appeals", "/console/enter", "/console/nothing", "/console/appeals/unknown"):
        headers = ops.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'; style-src 'self'")
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "same-origin"
    for name, value in re.findall(r' (on\w+|style|hx-on\S*)="([^"]*)"', ops.get("/console/appeals").text):
        raise AssertionError(f"inline: {name}={value}")


def test_what_is_vendored_is_what_was_published(console: World) -> None:
    """htmx is the file of its package, byte for byte; its licence lies beside it."""
    assert sha256((FOLDER / "htmx.min.js").read_bytes()).hexdigest() == HTMX
    assert "Zero-Clause BSD" in (FOLDER / "htmx.LICENSE").read_text()
    for name in ("console.css", "console.js", "typed.js", "htmx.min.js", "icon.svg"):
        answer = console.browser().get(STATIC.path(name))
        assert answer.content == (FOLDER / name).read_bytes()
        assert "immutable" in answer.headers["cache-control"]
    assert console.browser().get("/console/static/htmx.LICENSE").status_code == 404


def test_whoever_is_lost_keeps_the_menu(console: World) -> None:
    """Where there is no page; to nobody a word more is said."""
    for browser, menu in ((console.signed_in("ops"), True), (console.browser(), False)):
        page = browser.get("/console/nothing")
        assert (page.status_code, "/console/appeals" in page.text) == (404, menu)


async def a_person(journal: Journal) -> str:
    for row in await journal.ask(lists.appeals):
        case = await journal.ask(cases.case, row.number)
        if case is not None and (iin := getattr(case.appeal.applicant, "iin", None)):
            return str(iin)
    raise AssertionError("nobody has an ИИН")


def looks_of(actor: str):  # type: ignore[no-untyped-def]
    async def work(journal: Journal) -> list[dict[str, object]]:
        page = await journal.ask(log.page, actor=actor, what=[EventType.READ], limit=1000)
        return [dict(each.detail) for each in page.entries]

    return work
