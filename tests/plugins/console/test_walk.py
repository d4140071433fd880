"""What operators come for, as a person does it in a browser: three clicks at most, with scripts and without."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page

from appealbus.core.clocks import day_of, wall
from appealbus.core.journal import events
from appealbus.core.journal.appeals import lists
from appealbus.core.journal.deliveries import deliveries, delivering
from appealbus.core.journal.journal import Journal
from appealbus.core.language import ReaderLanguage
from appealbus.core.loading.host import Plugin
from appealbus.plugins.console.words import Words
from appealbus.plugins.repeats.assessor import Repeats
from appealbus.plugins.repeats.part import Sketches
from appealbus.plugins.surges import kept
from appealbus.plugins.surges.store import Store
from tests.core.kit import message
from tests.plugins.console.alarms import alarm, alarms
from tests.plugins.console.browser import chromium, sign_in
from tests.plugins.console.lagging import lag
from tests.plugins.console.test_pages import a_person
from tests.plugins.console.test_quarantine import kept as quarantined
from tests.plugins.console.test_quarantine import letter
from tests.plugins.console.waiting import park, work_goes_on
from tests.plugins.console.world import World
from tests.plugins.repeats.making import LAND, by, text
from tests.plugins.repeats.test_repeats import ended
from tests.services.forms import form

MOST = 3
TODAY = day_of(wall())
WAYS = (("en", True), ("ru", False), ("kk", True), ("en", False), ("ru", True), ("kk", False))
"""Languages, with scripts and without."""


class Walker:
    """Somebody at a browser whose clicks are counted; what is typed or picked from a list is not."""

    def __init__(self, page: Page, console: World, lang: str, at: int) -> None:
        self.page, self.console, self.at = page, console, at
        self.words = Words(ReaderLanguage(lang))
        self.clicks = 0

    def begin(self) -> None:
        """Come to the first page, as the sign-in leads to it."""
        assert self.clicks <= MOST
        self.clicks = 0
        self.page.goto(f"{self.console.url}/console/")

    def say(self, text: str, **given: Any) -> str:
        """Return a text as the pages have it."""
        return self.words.say(text, **given)

    def main(self, selector: str) -> Locator:
        """Return something of the page, without what stands on all pages."""
        return self.page.locator("main").locator(selector)

    def click(self, text: str, where: str = "main", **given: Any) -> None:
        """Click what has this text: a link or a button that one can see."""
        said = self.say(text, **given)
        self.press(self.page.locator(where).locator(f'a:has-text("{said}"):visible, button:has-text("{said}"):visible'))

    def press(self, one: Locator) -> None:
        """Click the first of what was found, and wait for the page that it leads to."""
        self.clicks += 1
        one.first.click()
        self.page.wait_for_load_state()

    def search(self, number: str) -> None:
        """Search for something, from whatever page."""
        self.page.fill("#q", number)
        self.click("Search", ".search")

    def write(self, name: str, value: object) -> None:
        """Write something into a field that one can see."""
        self.main(f"input[name={name}]:visible").first.fill(str(value))

    def because(self, name: str = "reason") -> None:
        """Write why."""
        self.write(name, "walk")

    def reads(self, text: str, where: str = "", **given: Any) -> None:
        """Have the page say something that one can see."""
        assert self.say(text, **given) in self.main(where or "xpath=.").first.inner_text(), self.page.url


def why_is_something_missing(it: Walker) -> None:
    """Search for the appeal: what is missing is the first thing on its page, with why and when it is asked again."""
    it.search(it.console.do(without_a_parcel))
    it.reads(it.words.lookup("egkn.parcel"), "#why + *")
    for said in ("http.502", "egkn"):
        it.reads(said, "#why + *")


def what_must_be_done_before(it: Walker) -> None:
    """The first line of the first page leads to what falls due and lacks something; another day is a field away."""
    it.press(it.main(".findings a[href*=due_before]"))
    assert it.main("tbody tr").count() >= 3
    it.write("due_before", TODAY + timedelta(2))
    it.click("Show")
    assert (it.main("tbody tr").count(), "completeness=partial%2Csettled" in it.page.url) == (2, True)


def a_source_off_and_on(it: Walker) -> None:
    """It is switched off on the page that says which due dates that costs, and on again on its own."""
    it.press(it.main("#flow ~ ol a[href$='/sources/gbdfl']"))
    it.write("until", f"{TODAY + timedelta(1)}T18:00")
    it.click("Which due dates are missed?")
    it.reads("No appeal misses its due date by that.")
    it.because()
    it.press(it.main("form[method=post] button"))
    it.reads("It is switched off. All workers obey within two seconds; calls under way end.")
    it.reads("18:00")
    it.begin()
    it.press(it.main("#flow ~ ol a[href$='/sources/gbdfl']"))
    it.because()
    it.click("Ask it again")
    it.reads("It is asked again, and what waits for it, most urgent first.")


def what_failed_is_put_back(it: Walker) -> None:
    """All that waits for a source is asked again: looked at first, then confirmed."""
    it.console.do(park([40], name=f"walk{it.at}"))
    if it.at:
        time.sleep(1.1)  # the journal is read once a second for all who watch
        it.page.reload()
    it.press(it.main("#flow ~ ol a[href*='appeals?source=egkn']"))
    it.click("Look at them first")
    it.because()
    it.click("Ask again what is lacking")
    assert it.page.url.rpartition("/")[2].isdigit()


def who_looked(it: Walker) -> None:
    """Auditors ask who looked at a person, for a purpose; the ИИН is in no URL."""
    it.click("Account", "nav")
    iin = it.console.do(a_person)
    it.write("q", iin)
    it.because("purpose")
    it.click("Who looked?")
    it.reads(
        "Who looked at appeals that name this person, organisation or parcel. That you look is noted: {purpose}",
        purpose="walk",
    )
    assert iin not in it.page.url


def a_message_is_taken(it: Walker) -> None:
    """What stands in quarantine is tried, with why it is there, and taken."""
    it.console.do(quarantined(letter(f"walk {it.at}")))
    it.click("Quarantine", "nav")
    it.click("What would become of them?")
    it.reads("Processes died while they read it.")
    it.because()
    it.click("Take them")
    it.reads(
        it.words.say_n("{n} message is taken, and worked on next.", "{n} messages are taken, and worked on next.", 1)
    )


def a_receiver_goes_on(it: Walker) -> None:
    """Its page begins with what stands first and why; that is sent again there."""
    if it.at > 1:
        it.console.do(refuse_one)
    it.press(it.main("#flow ~ ol a[href$='/deliveries/out']"))
    it.reads("Refused first")
    it.because()
    it.click("Send again" if it.at else "Give up")  # of the first one the receiver has a newer version
    it.reads("It goes out again." if it.at else "It is given up.")


def an_appeal_is_held_and_released(it: Walker) -> None:
    """Both on its page."""
    it.search(it.console.do(without_a_parcel))
    it.because()
    it.click("Hold")
    it.reads("It is held, and nobody works on it.")
    it.because()
    it.click("Release")
    it.reads("It goes on.")


def an_alarm_is_taken_on(it: Walker) -> None:
    """Which topic and place have a surge stands in the list; its page takes it on."""
    it.click("Surges", "nav")
    it.reads("Қоқыс")
    it.press(it.main(f"table a[href$='/surges/{it.at + 1}']"))
    it.reads("24")
    it.because()
    it.click("Take it on")
    assert it.main(".note.good").count() == 1


def an_earlier_answer(it: Walker) -> None:
    """What an earlier appeal about the same got as answer stands beside what is new in this one."""
    it.search("WALK-2")
    it.click("Repeats")
    it.because("purpose")
    it.click("Show it")
    for said in ("WALK-1", "Крыша упала", "№ 12-3/45"):
        it.reads(said)


def what_is_in_force(it: Walker) -> None:
    """Each setting with the line that says so; what nobody has written is a click further."""
    it.click("Configuration", "nav")
    it.reads("appealbus.toml:", "table")
    it.press(it.main("a[href$='all=1']"))
    it.reads("default", "table")


def how_many_were_late(it: Walker) -> None:
    """The period's figures begin with all of it; the number of those late leads to them."""
    it.click("Figures", "nav")
    it.write("since", "2020-01-01")
    it.click("Count")
    it.press(it.main("a[href$='column=late']"))
    assert [each.strip() for each in it.main("tbody th").all_inner_texts()] == ["WALK-1"]


Task = Callable[[Walker], None]
TASKS: list[tuple[str, list[Task]]] = [
    ("ops", [why_is_something_missing, what_must_be_done_before, what_failed_is_put_back, a_source_off_and_on]),
    ("ops", [a_message_is_taken, a_receiver_goes_on, an_appeal_is_held_and_released, what_is_in_force]),
    ("reviewer", [an_alarm_is_taken_on, an_earlier_answer, how_many_were_late]),
    ("auditor", [who_looked]),
]


async def refuse_one(journal: Journal) -> None:
    """Have the receiver refuse one more."""
    found = await journal.ask(deliveries.undelivered, "out", journal.now() + timedelta(hours=2), 1)
    await journal.do(delivering.GivenUp([(found[0].delivery_id, "unfit")]))


async def without_a_parcel(journal: Journal) -> str:
    """Return the number of an appeal whose parcel could not be had."""
    found = await journal.ask(lists.appeals)
    return next(row.number for row in found if row.completeness == "partial" and row.channel == "files")


async def make(console: World, journal: Journal) -> None:
    """Have what the tasks are about."""
    await work_goes_on(journal)
    await park([0, 1, 3])(journal)
    await lag(journal)
    journal.keeper.parts = [Sketches()]
    letters = {"WALK-1": text(12, 1), "WALK-2": f"{text(12, 1)} Крыша упала вчера."}
    when = {"received_at": "2026-01-12T09:00:00Z", "due_on": "2026-02-01"}
    for number, said in letters.items():
        given = {**by(0), **(when if number == "WALK-1" else {}), "number": number, "category": LAND, "text": said}
        await console.api.reception.accept(message(number, kind="application", **given))
    await ended(console.api.reception, "WALK-1", result="refused", ground="АППК ст. 77", reference="№ 12-3/45")
    while await journal.do(events.Placing()):
        pass


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all."""
    with chromium() as made:
        yield made


@pytest.fixture(scope="module")
def full(console: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A console with something of everything to do."""
    console.api.host.plugins.append(Plugin("repeats", "1", "test", brought={"assessors": [Repeats()]}))
    console.do(lambda journal: make(console, journal))
    with alarms(console, tmp_path_factory.mktemp("surges")) as file:
        with closing(Store(file)) as store:
            kept.raise_alarms(store, [alarm(f"more{n}", "2736") for n in range(len(WAYS))], wall())
        yield console


@pytest.mark.proof
@pytest.mark.parametrize("group", range(len(TASKS)))
def test_nothing_takes_more_than_three_clicks(full: World, browser: Browser, group: int) -> None:
    """Each task once, in all languages with scripts and without; in the long form each of them in all these ways."""
    role, tasks = TASKS[group]
    for at, (lang, scripts) in form([*enumerate(WAYS)][group : group + 1], [*enumerate(WAYS)]):
        context = browser.new_context(locale=lang, java_script_enabled=scripts)
        context.set_default_timeout(20_000)
        walker = Walker(context.new_page(), full, lang, form(0, at))
        sign_in(walker.page, full, role)
        for task in tasks:
            walker.begin()
            task(walker)
            assert 0 < walker.clicks <= MOST, (task.__name__, walker.clicks)
        context.close()
