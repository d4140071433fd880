"""Every page in a real browser: WCAG 2.2 AA by axe, in both schemes, three languages, narrow, and without scripts."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zlib import crc32

import pytest
from playwright.sync_api import Browser, Page

from appealbus.core.domain.client import Role
from appealbus.core.domain.listing import AppealState
from appealbus.core.domain.operation import Operation, Order, Progress
from appealbus.core.domain.selection import Selection
from appealbus.core.journal import operations as operating
from appealbus.core.journal.appeals import lists
from appealbus.core.journal.appeals.accepting import NewAppeal
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.quarantine import NewQuarantine
from appealbus.core.management import operations
from appealbus.core.rights.viewer import MAY
from appealbus.plugins.console.view import all_views
from appealbus.schemas.appeal import Appeal, Warning
from tests.plugins.console.alarms import alarms
from tests.plugins.console.browser import chromium, sign_in, violations, width
from tests.plugins.console.world import World
from tests.services.forms import LONG

PAGES = [
    # What the menu leads to is here by itself; these are the pages behind it. `{id}` is an appeal's, `{soon}` a day,
    # `{message}` one in quarantine.
    ("reviewer", "/console/appeals"),
    ("ops", "/console/nothing"),
    ("ops", "/console/enter"),
    ("ops", "/console/appeals/{id}"),
    ("reviewer", "/console/appeals/{id}/dossier"),
    ("reviewer", "/console/appeals/{id}/term"),
    ("reviewer", "/console/surges/1"),
    ("ops", "/console/appeals/{id}/timeline"),
    ("reviewer", "/console/appeals/{id}/versions"),
    ("reviewer", "/console/appeals/{id}/repeats"),
    ("reviewer", "/console/report/appeals?column=registered&since=2020-01-01"),
    ("ops", "/console/quarantine/{message}"),
    ("ops", "/console/quarantine/{message}/try"),
    ("ops", "/console/quarantine?code=json.malformed"),
    ("ops", "/console/quarantine/warned?channel=misnames"),
    ("ops", "/console/sources/egkn"),
    ("ops", "/console/configuration?all=1"),
    ("auditor", "/console/account"),
    ("auditor", "/console/account?appeal={id}"),
    ("ops", "/console/account/done"),
    ("ops", "/console/account/policy"),
    ("ops", "/console/deliveries/out?show=confirmed"),
    ("ops", "/console/sources/egkn/impact?until={soon}"),
    ("ops", "/console/appeals?state=parked"),
    ("reviewer", "/console/views"),
    ("ops", "/console/operations"),
    ("ops", "/console/operations/preview?do=retry&state=parked"),
]
WAYS = (("light", "en", 1280), ("dark", "ru", 1280), ("light", "kk", 320), ("dark", "kk", 1280), ("light", "ru", 320))
_TELEPHONE = 320
_ROLES = (Role.OPS, Role.REVIEWER, Role.AUDITOR, Role.REGISTRY)
MENU = [
    (next(role.value for role in _ROLES if each.needs is None or each.needs in MAY[role]), f"/console{each.path}")
    for each in all_views()
    if each.place
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all pages."""
    with chromium() as made:
        yield made


@pytest.fixture(scope="module")
def people(browser: Browser, console: World) -> Iterator[dict[str, Page]]:
    """By role a page of somebody who is signed in, which says what its console complains of."""
    made = {}
    for role in sorted({role for role, _ in (*MENU, *PAGES)}):
        page = browser.new_context(locale="en-GB").new_page()
        sign_in(page, console, role)
        made[role] = page
    yield made
    for page in made.values():
        page.context.close()


@pytest.fixture(scope="module", autouse=True)
def file(console: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Alarms to show."""
    with alarms(console, tmp_path_factory.mktemp("surges")) as made:
        yield made


@pytest.fixture(scope="module")
def appeal(console: World) -> str:
    """The id of an appeal."""
    return console.do(lambda journal: journal.ask(lists.appeals, state=AppealState.PARKED))[0].public_id


@pytest.fixture(scope="module")
def named(console: World, appeal: str) -> dict[str, str]:
    """What stands in paths for what there is: an appeal, a message in quarantine, a day that comes soon."""

    async def work(journal: Journal) -> int:
        odd = Warning(field="appeal", code="field.unknown", message="the contract does not know aplicant here")
        wrong = Appeal(message_id="wrong", channel="misnames", warnings=[odd])
        await journal.accept(NewAppeal(wrong, journal.now(), "x"))
        raw, reason = b'{"message_id": "broken",\n "text": "no end', "not JSON, at character 36"
        row = NewQuarantine(journal.now(), "files", "a:1", reason, raw, "application/json", "json.malformed", None)
        return await journal.do(row)

    soon = f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%d}"
    return {"{id}": appeal, "{message}": str(console.do(work)), "{soon}": soon}


@pytest.mark.proof
@pytest.mark.parametrize(("role", "path"), [*MENU, *PAGES])
def test_a_page_can_be_used_by_everybody(
    people: dict[str, Page], console: World, named: dict[str, str], role: str, path: str
) -> None:
    """axe finds nothing, light and dark; the page is no wider than a telephone; nothing breaks its policy.

    In the short form each page is had in one way, and then made narrow; all pages together are had in all ways.
    """
    page, said = people[role], []
    page.on("console", lambda message: said.append(message.text))
    url = console.url + re.sub(r"\{\w+\}", lambda name: named[name[0]], path)
    for scheme, lang, wide in WAYS if LONG else (WAYS[crc32(path.encode()) % len(WAYS)],):
        page.set_viewport_size({"width": wide, "height": 800})
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        page.goto(f"{url}{'&' if '?' in url else '?'}lang={lang}")
        assert page.locator("html").get_attribute("lang") == lang
        assert violations(page) == []
        for narrow in (wide, _TELEPHONE):
            page.set_viewport_size({"width": narrow, "height": 800})
            assert width(page) <= narrow
    assert [text for text in said if "404" not in text] == []


def test_keys_do_what_they_say(people: dict[str, Page], console: World) -> None:
    """`/` goes to the search, `j` and `k` through the rows, `?` shows the keys, the first tab skips to the content."""
    page = people["ops"]
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(f"{console.url}/console/appeals?lang=en")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    numbers = page.locator("tbody th a").all_text_contents()
    for key, at in (("j", 0), ("j", 1), ("j", 2), ("k", 1)):
        page.keyboard.press(key)
        assert page.evaluate("document.activeElement.textContent") == numbers[at]
    page.keyboard.press("?")
    assert page.locator("#keys").is_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "q"
    page.keyboard.type("AB-2026-00000001?/j")
    assert page.input_value("#q") == "AB-2026-00000001?/j"
    page.keyboard.press("Escape")
    page.keyboard.press("k")
    assert page.evaluate("document.activeElement.textContent") == numbers[-1]
    page.goto(f"{console.url}/console/now?lang=en")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.closest('.findings li') !== null")


@pytest.mark.proof
def test_an_operation_goes_on_by_itself(
    people: dict[str, Page], console: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its page tells how far it is without a click, stands still once that is paused, and ends by itself."""
    monkeypatch.setattr(operating, "PART", 1)

    async def begun(journal: Journal) -> Progress:
        frozen = await operations.freeze(journal, Order(Operation.REFRESH), Selection(kind="report"))
        return await operations.begin(journal, frozen, frozen.hash, reason="to be watched")

    operation, page = console.do(begun), people["ops"]
    page.goto(f"{console.url}/console/operations/{operation.id}?lang=en")
    console.do(lambda journal: journal.do(operating.Go(operation.hash)))
    page.get_by_text(f"1 of {operation.total} rows").wait_for(timeout=60_000)
    page.click("text=Pause the display")
    assert page.locator("[hx-trigger]").count() == 0
    page.click("text=Show it live")
    console.do(lambda journal: journal.do(operating.Go(operation.hash)))
    page.get_by_text("finished").wait_for(timeout=60_000)
    page.get_by_role("button", name="Stop").wait_for(state="detached", timeout=60_000)


@pytest.mark.proof
def test_it_works_without_scripts(browser: Browser, console: World) -> None:
    """Signing in, choosing, searching and signing out."""
    page = browser.new_context(java_script_enabled=False, locale="en-GB").new_page()
    sign_in(page, console, "ops")
    page.goto(f"{console.url}/console/now")
    assert page.locator("#flow").is_visible()
    page.goto(f"{console.url}/console/appeals")
    page.click("summary")
    page.select_option("select[name=state]", "idle")
    page.click("main form button")
    assert "state=idle" in page.url
    number = page.locator("tbody th a").first.text_content()
    page.fill("#q", number or "")
    page.click(".search button")
    assert page.locator("h1").text_content() == number
    page.go_back()
    assert "state=idle" in page.url
    page.click("text=Sign out")
    page.goto(f"{console.url}/console/appeals")
    assert "/console/enter" in page.url
    page.context.close()


@pytest.mark.parametrize("path", ["/docs", "/problems/unknown"])
def test_a_page_of_the_api_fits_a_telephone(people: dict[str, Page], console: World, path: str) -> None:
    """They are read on the way, too."""
    page = people["ops"]
    page.set_viewport_size({"width": _TELEPHONE, "height": 800})
    page.goto(f"{console.url}{path}")
    assert width(page) <= _TELEPHONE
