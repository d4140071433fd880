"""Coming in and going out: links, cookies, forms of others, and the end of sessions."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from appealbus.core.domain.client import Role
from appealbus.core.journal import clients
from appealbus.core.journal.journal import Journal
from appealbus.plugins.console.login import HOME, safe
from appealbus.plugins.console.oidc import NotSignedIn, Somebody, client_of
from tests.plugins.console.kit import csrf_of
from tests.plugins.console.world import World, world


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A console whose sessions are short."""
    with world(tmp_path_factory.mktemp("console"), idle="60s", longest="120s") as made:
        yield made


def test_a_link_signs_in_once(console: World) -> None:
    """Looking at it uses nothing up; the second time it counts no more, nor does one that is old or made up."""
    link = console.link("ops")
    browser = console.browser()
    assert browser.get(f"/console/enter?link={link}").status_code == 200
    assert browser.post("/console/enter", data={"link": link}).status_code == 200
    for bad in (link, console.link("ops", lasts=timedelta(0)), link[:-1] + "_", "", "ab_"):
        other = console.browser()
        assert other.post("/console/enter", data={"link": bad}).status_code == 403
        assert not other.cookies


def test_a_session_is_no_token_and_a_token_no_session(console: World) -> None:
    """What browsers hold opens no door of the API."""
    browser = console.signed_in("registry")
    secret = browser.cookies["appealbus"]
    answer = console.browser().get("/v1/feed", headers={"Authorization": f"Bearer {secret}"})
    assert answer.status_code == 401
    cookie = next(iter(browser.cookies.jar))
    assert (cookie.path, cookie.has_nonstandard_attr("HttpOnly")) == ("/", True)
    assert cookie.get_nonstandard_attr("SameSite") == "lax"


def test_nobody_gets_in_without_a_session(console: World) -> None:
    """Each page leads to the sign-in, and after it back to that page; so does the address as people write it."""
    assert console.browser().get("/console").url.path == "/console/enter"
    link = console.link("ops")
    browser = console.browser()
    page = browser.get("/console/appeals?state=held")
    assert page.url.path == "/console/enter"
    to = page.url.params["to"]
    assert to == "/console/appeals?state=held"
    after = browser.post("/console/enter", data={"link": link, "to": to})
    assert str(after.url).endswith(to)
    assert console.browser().post("/console/leave", data={}).url.path == "/console/enter"


@pytest.mark.parametrize(
    "to",
    [
        "https://evil.example/console/x",
        "//evil.example/console/",
        "/\\evil.example",
        "/console/../v1/feed",
        "/v1/feed",
        "javascript:alert(1)",
        "/console//evil.example",
        "/console/enter?link=x",
        "/console/a\r\nSet-Cookie: x=1",
        "//[",
        "https://a℀b/",
        "",
    ],
)
def test_the_sign_in_leads_nowhere_else(to: str) -> None:
    """However somebody writes it."""
    assert safe(to) == HOME


def test_sessions_cannot_be_planted(console: World) -> None:
    """Whoever signs in gets a new session; one that a browser came with is over, and one that was made up never was."""
    mine = console.signed_in("ops", "mallory")
    planted = mine.cookies["appealbus"]
    victim = console.browser()
    victim.cookies.set("appealbus", planted)
    victim.post("/console/enter", data={"link": console.link("reviewer", "victim")})
    assert planted not in [each.value for each in victim.cookies.jar if each.domain == "127.0.0.1"]
    assert mine.get("/console/appeals").url.path == "/console/enter"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": ""},
        {"Origin": "//["},
    ],
)
def test_forms_of_others_do_nothing(console: World, headers: dict[str, str]) -> None:
    """Neither with the right token from another site, nor for a sign-in under a stranger's name."""
    browser = console.signed_in("ops")
    token = csrf_of(browser.get("/console/appeals"))
    assert browser.post("/console/search", data={"csrf": token, "q": "AB-1"}, headers=headers).status_code == 403
    assert (
        console.browser().post("/console/enter", data={"link": console.link("ops")}, headers=headers).status_code == 403
    )


def test_forms_need_the_token_of_their_session(console: World) -> None:
    """None, one that was made up and one of another session are refused; and what is no form."""
    browser, other = console.signed_in("ops"), console.signed_in("ops")
    foreign = csrf_of(other.get("/console/appeals"))
    for token in (None, "", "0" * 64, foreign, "ё" * 64):
        data = {"q": "AB-1"} | ({} if token is None else {"csrf": token})
        assert browser.post("/console/search", data=data).status_code == 403
    assert browser.post("/console/search", json={"csrf": foreign}).status_code == 415
    many = {f"f{at}": "1" for at in range(200)}
    assert browser.post("/console/search", data=many).status_code == 400
    large = {"csrf": csrf_of(browser.get("/console/appeals")), "q": "x" * 70_000}
    assert browser.post("/console/search", data=large).status_code == 413


def test_who_is_revoked_is_out_at_once(console: World) -> None:
    """With all sessions; and whoever signs out is out with that one."""
    one, two = console.signed_in("ops", "olga"), console.signed_in("ops", "olga")
    one.post("/console/leave", data={"csrf": csrf_of(one.get("/console/appeals"))})
    stolen = two.cookies["appealbus"]
    assert one.get("/console/appeals").url.path == "/console/enter"
    assert two.get("/console/appeals").url.path != "/console/enter"
    console.do(lambda journal: journal.do(clients.Revoking("olga")))
    thief = console.browser()
    thief.cookies.set("appealbus", stolen)
    assert thief.get("/console/appeals").url.path == "/console/enter"


def test_sessions_end(console: World) -> None:
    """After a time without a request, and in any case after a longer one."""
    browser = console.signed_in(Role.AUDITOR, "saule")

    async def ends(journal: Journal) -> list[float]:
        theirs = next(each for client, each in await journal.ask(clients.all_clients) if client.name == "saule")
        now = journal.now()
        return [(each.expires_at - now).total_seconds() for each in theirs if each.kind == "session"]

    assert [55 < each <= 60 for each in console.do(ends)] == [True]
    clock = console.journal._clock
    seen = clock.now
    try:
        for later, over in ((50, False), (100, False), (125, True)):
            clock.now = lambda later=later: seen() + timedelta(seconds=later)  # type: ignore[method-assign]
            assert (browser.get("/console/appeals").url.path == "/console/enter") is over, later
        other = console.signed_in(Role.AUDITOR, "saule")
        clock.now = lambda: seen() + timedelta(seconds=125 + 61)  # type: ignore[method-assign]
        assert other.get("/console/appeals").url.path == "/console/enter"
        clock.now = lambda: seen() + timedelta(days=2)  # type: ignore[method-assign]
        console.signed_in(Role.AUDITOR, "saule")
        assert len(console.do(ends)) == 1  # what is long over is not kept
    finally:
        clock.now = seen  # type: ignore[method-assign]


def test_who_is_revoked_comes_in_by_no_other_name_and_with_no_other_role(console: World) -> None:
    """At a provider people may choose what they are called, and get other groups; others go on coming in."""

    async def come(journal: Journal) -> None:
        await client_of(journal, Somebody("erlan", Role.REVIEWER, "oidc:1"))
        assert (await client_of(journal, Somebody("erlan", Role.OPS, "oidc:1"))).name == "erlan-ops"
        await journal.do(clients.Revoking("erlan"))
        for name, role in (("erlan", Role.REVIEWER), ("erlan", Role.OPS), ("yerlan", Role.REVIEWER)):
            with pytest.raises(NotSignedIn) as refused:
                await client_of(journal, Somebody(name, role, "oidc:1"))
            assert refused.value.code == "oidc.revoked"
        assert (await client_of(journal, Somebody("yerlan", Role.OPS, "oidc:2"))).name == "yerlan"

    console.do(come)
