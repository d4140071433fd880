"""Two who do the same at once are each told the truth, and nothing is done twice; a worker that dies is seen to."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from appealbus.core.bus.work.rereading import AppealRead, WriteResult, write_read
from appealbus.core.domain.event import EventType
from appealbus.core.errors import JournalError
from appealbus.core.journal import log
from appealbus.core.journal.appeals import lists
from appealbus.core.journal.journal import Journal
from appealbus.plugins.console.views.appeal import rereading
from tests.plugins.console import brief
from tests.plugins.console.browser import chromium
from tests.plugins.console.kit import csrf_of
from tests.plugins.console.test_appeal import spoiled
from tests.plugins.console.test_console_program import CONFIGURATION, port_of
from tests.plugins.console.test_operations import entries_of
from tests.plugins.console.test_quarantine import kept, letter, log_of
from tests.plugins.console.world import World
from tests.services.commands import run
from tests.services.journals import sqlite_journal
from tests.system.program import Program


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all."""
    with chromium() as made:
        yield made


@pytest.fixture(scope="module")
def two(browser: Browser, console: World) -> Iterator[tuple[Page, Page]]:
    """Two operators, each at a browser of their own."""
    pages = []
    for name in ("aigul", "marat"):
        page = browser.new_context(locale="en-GB").new_page()
        page.goto(f"{console.url}/console/enter?link={console.link('ops', name)}")
        page.click("main button")
        pages.append(page)
    yield pages[0], pages[1]
    for page in pages:
        page.context.close()


def press(page: Page, button: str) -> str:
    """Press it with a reason, and return what the page says then."""
    page.locator("main input[name=reason]:visible").first.fill("two at once")
    page.locator(f"main button:has-text('{button}'):visible").first.click()
    return page.locator("main").inner_text()


def at_once(posts: list[Callable[[], httpx.Response]]) -> list[httpx.Response]:
    """Send requests at the same time."""
    with ThreadPoolExecutor(len(posts)) as pool:
        return [each.result() for each in [pool.submit(post) for post in posts]]


@pytest.mark.proof
def test_one_of_two_holds_an_appeal(console: World, two: tuple[Page, Page]) -> None:
    """The other is told, from an old page too; who holds what was just released holds it; each order is there once."""
    appeal = console.do(lambda journal: journal.ask(lists.appeals))[0]
    url = f"{console.url}/console/appeals/{appeal.public_id}"
    for page in two:
        page.goto(url)
    said = [press(page, "Hold") for page in two]
    assert "It is held." in said[0]
    assert "Somebody has held it already" in said[1]
    two[1].goto(url)
    assert "aigul" in two[1].locator("#why + *").inner_text()
    assert "It goes on." in press(two[0], "Release")
    assert "It is not held: somebody has released it." in press(two[1], "Release")
    people = [console.signed_in("ops", name) for name in ("aigul", "marat")]
    for do in ("hold", "release"):
        forms = [{"csrf": csrf_of(each.get(url)), "reason": "at the same time"} for each in people]
        posts = [partial(who.post, f"{url}/{do}", data=data) for who, data in zip(people, forms, strict=True)]
        assert sorted(each.status_code for each in at_once(posts * 2)) == [200, 409, 409, 409]
    for what in (EventType.HELD, EventType.RELEASED):
        assert len(console.do(entries_of(what))) == 2


@pytest.mark.proof
def test_one_of_two_takes_a_message(console: World, two: tuple[Page, Page]) -> None:
    """Both have seen what would become of it; the other is told that it is no more as it was shown."""
    (message,) = console.do(kept(letter("two at once")))
    for page in two:
        page.goto(f"{console.url}/console/quarantine?code=message.kills")
        page.click("main a.button")
    said = [press(page, "Take them") for page in two]
    assert "1 message is taken, and worked on next." in said[0]
    assert "1 is no more as it was shown, and nothing is done with it." in said[1]
    assert [what for what, _, _ in log_of(console, message)].count("replayed") == 1
    assert (
        len([row for row in console.do(lambda journal: journal.ask(lists.appeals)) if row.message_id == "two at once"])
        == 1
    )


@pytest.mark.proof
def test_one_of_two_changes_what_is_read_again(console: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who presses on another server at the same time is told that nothing is changed, and it is changed once."""
    row, _ = console.do(spoiled)
    path, person = f"/console/appeals/{row.public_id}/reread", console.signed_in("ops", "marat")
    page = person.get(path)

    async def slower(journal: Journal, read: AppealRead, reason: str) -> WriteResult | JournalError:
        assert await write_read(journal.acting("person:aigul"), read, reason) is WriteResult.CHANGED
        return await write_read(journal, read, reason)

    monkeypatch.setattr(rereading, "write_read", slower)
    digest = re.findall(r'name="digest" value="(\w+)"', page.text)[0]
    answer = person.post(path, data={"csrf": csrf_of(page), "reason": "two at once", "digest": digest})
    assert (answer.status_code, "look at it again" in answer.text) == (409, True)
    entries = console.do(lambda journal: journal.ask(log.history, row.number, limit=1000))
    assert [each.actor for each in entries if each.what == EventType.REREAD][-1:] == ["person:aigul"]


def test_two_who_confirm_the_same_begin_one_operation(console: World, two: tuple[Page, Page]) -> None:
    """The second is led to what the first has begun."""
    for page in two:
        page.goto(f"{console.url}/console/operations/preview?do=hold&state=idle")
    for page in two:
        press(page, "Hold")
        page.wait_for_url(re.compile(r"/operations/\d+$"))
    assert two[0].url == two[1].url
    entries = console.do(entries_of(EventType.ORDERED))
    assert len(entries) == 1, "\n".join(map(repr, [*entries, two[0].url, two[1].url]))


@pytest.mark.system
def test_a_worker_that_is_killed_is_seen_to_be_gone(browser: Browser, tmp_path: Path) -> None:
    """Now goes on and says so by itself within the lease, and the page of workers shows it silent."""
    sqlite_journal(tmp_path / "journal.db")
    plugin = f'plugins = ["{Path(brief.__file__)}"]\n'
    (tmp_path / "appealbus.toml").write_text(CONFIGURATION.replace("[plugins.api]", f"{plugin}[plugins.api]", 1))
    link = run(tmp_path, "console", "link", "--role", "ops", "--actor", "aigul").stdout.strip().partition("?link=")[2]
    with Program(tmp_path, "run") as worker, Program(tmp_path, "serve") as server:
        url = f"http://127.0.0.1:{port_of(server)}/console"
        worker.until(lambda: "bus.started" in worker.err, "it works")
        page = browser.new_context(locale="en-GB").new_page()
        page.goto(f"{url}/enter?link={link}")
        page.click("main button")
        expect(page.locator("#flow ~ ol")).to_contain_text("1 worker", timeout=60_000)
        worker.kill()
        expect(page.locator("#flow ~ ol")).to_contain_text("no worker is alive", timeout=60_000)
        page.goto(f"{url}/workers")
        expect(page.locator("main")).to_contain_text("silent")
        assert page.locator(".note.bad").count() == 1
        page.context.close()
