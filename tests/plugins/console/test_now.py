"""Now: what needs a person first, each with the way to it; the stream, and that many who watch cost one look."""

import asyncio
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from appealbus.core.domain.client import Credential
from appealbus.core.journal import clients
from appealbus.core.journal.appeals import lists
from appealbus.core.journal.appeals.accepting import NewAppeal
from appealbus.core.journal.journal import Journal
from appealbus.plugins.api import api
from appealbus.plugins.console.views.now import queries
from appealbus.schemas.appeal import Appeal
from tests.plugins.console.browser import chromium, sign_in
from tests.plugins.console.waiting import park, work_goes_on
from tests.plugins.console.world import World


@pytest.mark.proof
def test_what_needs_a_person_comes_first_with_the_way_to_it(console: World) -> None:
    """No worker; then sources and links that are not well; each leads to what it is about. Others may not see it."""
    ops = console.signed_in("ops")
    page = ops.get("/console/")
    assert page.url.path == "/console/now"
    assert "no worker is alive" in page.text
    console.do(park([0, 2]))
    console.do(work_goes_on)
    asyncio.run(asyncio.sleep(1.1))
    text = ops.get("/console/now").text
    for said in ('href="/console/sources/egkn"', "source=egkn", "does not answer", "12 messages", "main.publish"):
        assert said in text, said
    assert text.index("due dates") < text.index('id="flow"')
    assert "/console/appeals?completeness=partial%2Csettled&amp;due_from=" in text
    # Of what is unfinished, as those above it are, and not of what is held.
    assert (
        text.index("Left by workers that died") < text.index("the oldest of these was accepted") < text.index(">Held<")
    )
    kazakh = ops.get("/console/now?lang=kk").text
    assert "дереккөз: egkn" in kazakh
    assert "иесіне хабарлаңыз" in kazakh
    assert "соңғы қате: дереккөзбен байланыс орнамады [http.502]" in kazakh
    assert "tell its owner" not in kazakh
    assert console.signed_in("auditor").get("/console/now").status_code == 403
    assert console.signed_in("auditor").get("/console/now/live").status_code == 403


@pytest.mark.proof
def test_many_who_watch_cost_one_look(console: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages asked for at once read the journal once; a person has no more than so many streams."""
    looks = 0
    health_of = api.health_of

    async def counted(*given: object) -> object:
        nonlocal looks
        looks += 1
        return await health_of(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(api, "health_of", counted)
    console.signed_in("ops", "watcher").get("/console/now")
    watch = console.api.mounts["/console"].app.state.console.one(queries.Watch)
    asyncio.run(asyncio.sleep(1.1))
    looks = 0

    async def many(_: object) -> None:
        await asyncio.gather(*(watch.now() for _ in range(200)))

    console.do(many)
    assert looks <= 1
    ops = console.signed_in("ops", "watcher")
    with ops.stream("GET", "/console/now/live") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.iter_lines()
        assert "event: now" in (next(lines) for _ in range(5))


def test_whoever_sees_some_is_told_what_is_counted(console: World) -> None:
    """Counts are of all appeals: their pages say so, and name none of the others; lists are within scopes."""
    west, ops = console.signed_in("ops", "west", places=("990000000",)), console.signed_in("ops")
    numbers = [row.number for row in console.do(lambda journal: journal.ask(lists.appeals))]
    for path in ("now", "sources", "deliveries", "workers", "sources/egkn", "deliveries/out", "operations", "appeals"):
        page = west.get(f"/console/{path}").text
        assert not [each for each in numbers if each in page], path
        for who, said in ((west, path in {"now", "sources", "deliveries"}), (ops, False)):
            assert ("also of those that you do not see" in who.get(f"/console/{path}").text) is said, path


def test_to_watch_is_not_to_work(console: World) -> None:
    """A stream that is opened again and again prolongs no session; a page does."""
    ops = console.signed_in("ops", "idler")

    async def nearly_over(journal: Journal) -> None:
        now = journal.now()
        other = Credential("other", "link", now, now + timedelta(minutes=1))
        await journal.do(clients.NewCredential("idler", other, b"", now + timedelta(minutes=1)))

    def left() -> timedelta:
        async def of_session(journal: Journal) -> timedelta:
            theirs = {client.name: its for client, its in await journal.ask(clients.all_clients)}["idler"]
            return next(each.expires_at for each in theirs if each.kind == "session" and not each.revoked_at) - (
                journal.now()
            )

        return console.do(of_session)

    console.do(nearly_over)
    for _ in range(2):
        with ops.stream("GET", "/console/now/live") as answer:
            assert answer.status_code == 200
    assert left() < timedelta(minutes=1)
    ops.get("/console/now")
    assert left() > timedelta(minutes=20)


async def no_news(_: object) -> None:
    """Take too long."""
    raise TimeoutError


async def one_comes(journal: Journal) -> None:
    """Have an appeal wait for its first run."""
    await journal.accept(NewAppeal(Appeal(message_id="one", channel="now", text="Жер"), journal.now(), "appealbus"))


@pytest.mark.proof
def test_a_browser_watches_and_can_stop(console: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The picture changes by itself and says of when it is, also where no news comes; the button stops that."""
    with chromium() as browser:
        page = browser.new_context(locale="en-GB").new_page()
        page.clock.install()
        sign_in(page, console, "ops")
        page.goto(f"{console.url}/console/now")
        page.evaluate("document.getElementById('at').textContent = 'then'")
        expect(page.locator("#at")).to_contain_text("As of", timeout=10_000)
        silent = page.locator(".live [role=status]")
        with monkeypatch.context() as away:
            away.setattr(queries.Watch, "now", no_news)
            page.wait_for_timeout(2500)  # what was under way comes yet
            page.clock.fast_forward(11_000)
            expect(silent).to_have_text("No news comes: so things stood at the time below.")
        expect(silent).to_have_text("", timeout=10_000)
        page.evaluate("document.getElementById('live').textContent = 'old'")
        console.do(one_comes)  # the same picture is not sent again
        expect(page.locator("#flow")).to_be_visible(timeout=60_000)
        page.click("text=Pause")
        expect(page.locator("text=Go on")).to_be_visible()
