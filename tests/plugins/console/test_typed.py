"""What is typed is not lost over a reload, the way back, a refusal, the end of a session; once sent it is forgotten."""

import re
from collections.abc import Iterator
from html import unescape

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from appealbus.core.errors import JournalError
from appealbus.core.journal.appeals import lists, suspects
from appealbus.core.journal.journal import Journal
from tests.plugins.console.browser import chromium, sign_in
from tests.plugins.console.kit import csrf_of
from tests.plugins.console.world import World
from tests.services.asking import instead

WHY = 'the office asked: "wait", <please>'


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all."""
    with chromium() as made:
        yield made


@pytest.fixture
def path(console: World) -> str:
    """The page of an appeal that nobody holds."""
    row = console.do(lambda journal: journal.ask(lists.appeals))[0]
    if row.held_by:
        console.do(lambda journal: journal.do(suspects.Releasing(row.number, reason="test")))
    return f"/console/appeals/{row.public_id}"


@pytest.fixture
def page(browser: Browser, console: World) -> Iterator[Page]:
    """A page of an operator."""
    made = browser.new_context(locale="en-GB").new_page()
    made.set_default_timeout(15_000)
    sign_in(made, console, "ops")
    yield made
    made.context.close()


def fields(answer: httpx.Response) -> dict[str, str]:
    """Return the form that a page gives back."""
    form = answer.text.partition('<section class="card narrow"')[2].partition("</form>")[0]
    return {name: unescape(text) for name, text in re.findall(r'name="(\w+)"[^>]*? value="([^"]*)"', form)}


def reason(page: Page) -> str:
    """Return what stands in the field for the reason of what is done with an appeal."""
    return page.locator("#f-reason").input_value()


def kept(page: Page) -> str:
    """Return all that the tab keeps."""
    return str(page.evaluate("JSON.stringify({...sessionStorage})"))


@pytest.mark.proof
def test_a_form_that_can_be_mended_is_given_back(console: World, path: str) -> None:
    """With all that was in it, so that one mends it and sends it again; of another site nothing is given back."""
    ops = console.signed_in("ops")
    said = {"csrf": csrf_of(ops.get(path)), "reason": WHY + "!" * 500, "shown": "as it was"}
    answer = ops.post(f"{path}/hold", data=said, headers={"Referer": f"{console.url}{path}?lang=en"})
    assert answer.status_code == 422
    again = fields(answer)
    assert again == {**said, "back": f"{path}?lang=en"}
    assert f'action="{path}/hold"' in answer.text
    foreign = ops.post(f"{path}/hold", data=said, headers={"Origin": "https://evil.example"})
    assert (foreign.status_code, "the office" in foreign.text) == (403, False)
    leads_away = ops.post(f"{path}/hold", data=said, headers={"Referer": "https://evil.example/console/x"})
    assert "evil" not in leads_away.text
    done = ops.post(f"{path}/hold", data={**again, "reason": WHY})
    assert "It is held." in done.text
    told = ops.post(f"{path}/hold", data={**again, "reason": WHY})
    assert (told.status_code, fields(told)) == (409, {})  # it has changed: looked at anew, not sent again
    assert "the office asked" in unescape(told.text)
    assert f'href="{path}?lang=en"' in told.text


@pytest.mark.proof
def test_what_the_server_cannot_take_now_is_given_back(
    console: World, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To be sent again where nothing is done; only to be read where nobody knows."""
    ops = console.signed_in("ops")
    said = {"csrf": csrf_of(ops.get(path)), "reason": WHY}
    for code, again in (("unreachable", True), ("unknown", False)):

        async def away(_: object, code: str = code) -> None:
            raise JournalError("away", code)

        with monkeypatch.context() as broken:
            instead(broken, Journal, suspects.Hold, away)
            answer = ops.post(f"{path}/hold", data=said)
        assert (answer.status_code, "the office asked" in answer.text) == (503, True)
        assert ("Send it again" in answer.text) is again
    greedy = console.signed_in("ops", "greedy", per_minute=60)
    token = csrf_of(greedy.get(path))
    for _ in range(100):
        answer = greedy.post(f"{path}/hold", data={"csrf": token, "reason": " "})
        if answer.status_code == 429:
            break
    assert answer.status_code == 429
    assert fields(answer)["csrf"] == token
    answer = greedy.post("/console/account/find", data={"csrf": token, "q": "AB-1", "purpose": ""})
    assert (answer.status_code, fields(answer)["purpose"], "required" in answer.text) == (429, "", False)


@pytest.mark.proof
def test_nothing_is_lost_without_scripts_when_the_session_ends(browser: Browser, console: World, path: str) -> None:
    """The page says that nothing is done and shows what was written; signed in beside it, one sends it from there."""
    context = browser.new_context(java_script_enabled=False, locale="en-GB")
    page = context.new_page()
    sign_in(page, console, "ops")
    page.goto(console.url + path)
    page.fill("#f-reason", WHY)
    context.clear_cookies(name="appealbus")
    page.click("main button.danger")
    expect(page.locator("h1")).to_have_text("You were signed out meanwhile, and nothing is done.")
    assert reason(page) == WHY
    assert (
        page.locator("main a", has_text="Sign in").get_attribute("href")
        == f"/console/enter?to={path.replace('/', '%2F')}"
    )
    sign_in(context.new_page(), console, "ops")
    page.click("main form button")
    expect(page.locator("h1")).to_contain_text("not of your session")
    page.click("main form button")
    expect(page.locator("main [role=status]")).to_have_text("It is held.")
    expect(page.locator("#why + p")).to_contain_text(WHY)
    context.close()


def test_whoever_is_signed_out_is_not_shown_whom_they_sought(console: World) -> None:
    """A search leads to the sign-in, and back to the page that it was on."""
    nobody = console.browser()
    answer = nobody.post(
        "/console/search",
        data={"q": "900101300017", "purpose": "why"},
        headers={"Referer": f"{console.url}/console/appeals?state=held"},
    )
    assert answer.url.path == "/console/enter"
    assert answer.url.params["to"] == "/console/appeals?state=held"
    assert "900101300017" not in answer.text


@pytest.mark.proof
def test_what_is_typed_is_there_again(page: Page, console: World, path: str) -> None:
    """After a reload, after the way back, and where the server refused it; once it is taken, no more."""
    page.goto(console.url + path)
    page.fill("#f-reason", WHY)
    page.reload()
    assert reason(page) == WHY
    page.click("nav >> text=Appeals")
    page.wait_for_url("**/appeals")
    page.go_back()
    assert reason(page) == WHY
    page.goto(f"{console.url}{path}?lang=ru")  # the same page
    assert reason(page) == WHY
    page.goto(f"{console.url}{path}?lang=en")
    number = page.locator("h1").inner_text()
    console.do(lambda journal: journal.do(suspects.Hold(number, by="x", reason="before")))
    page.click("main button.danger")
    expect(page.locator("h1")).to_contain_text("Somebody has held it already")
    page.click("text=Back to the page")
    assert reason(page) == WHY
    page.click("text=Release")
    expect(page.locator("main [role=status]")).to_have_text("It goes on.")
    assert (reason(page), kept(page)) == ("", "{}")
    page.reload()
    assert reason(page) == ""
    page.goto(f"{console.url}/console/sources/egkn")
    page.fill("#f-until", "2026-12-24T12:34")
    with page.expect_navigation():
        page.click("text=Which due dates are missed?")
    page.go_back()
    assert page.input_value("#f-until") == "2026-12-24T12:34"


@pytest.mark.proof
def test_it_outlives_the_session_for_the_same_person_alone(page: Page, console: World, path: str) -> None:
    """Signed out by time and in again one finds it; somebody else does not; who signs out leaves nothing."""
    page.goto(console.url + path)
    page.fill("#f-reason", WHY)
    page.context.clear_cookies(name="appealbus")
    page.click("main button.danger")
    expect(page.locator("h1")).to_contain_text("You were signed out meanwhile")
    sign_in(page, console, "ops")
    page.goto(console.url + path)
    assert reason(page) == WHY
    page.context.clear_cookies(name="appealbus")
    page.goto(f"{console.url}/console/enter?link={console.link('ops', 'another')}")
    page.click("main button")
    page.goto(console.url + path)
    assert (reason(page), kept(page)) == ("", "{}")
    page.fill("#f-reason", WHY)
    assert "the office asked" in kept(page)
    page.click("text=Sign out")
    expect(page.locator("h1")).to_have_text("Sign in")
    assert kept(page) == "{}"


@pytest.mark.proof
def test_nobody_is_kept(page: Page, console: World, path: str) -> None:
    """Neither what is searched for, nor a number of a person in any field, nor the token of the session."""
    page.goto(console.url + path)
    page.fill("#f-reason", "wait")
    page.fill("#q", "900101300017")
    token = page.locator("main [name=csrf]").first.input_value()
    assert "wait" in kept(page)
    for number in ("900101 300 017", "08:118:770:894", "08–118–770–894"):
        page.fill("#f-reason", f"of {number}")
        assert kept(page) == "{}"
    page.fill("#f-reason", "wait")
    sign_in(page, console, "auditor")
    page.goto(f"{console.url}/console/account")
    page.fill("#f-q", "Серіков")
    page.fill("#f-purpose", "a complaint of Серіков")
    page.click("main summary")
    page.fill("#f-actor", "aigul")
    said = kept(page)
    assert ("aigul" in said, "Серіков" in said, "900101" in said, token in said) == (True, False, False, False)
    page.reload()
    expect(page.locator("#f-actor")).to_have_value("aigul")
    expect(page.locator("#f-actor")).to_be_visible()  # its box is open again
