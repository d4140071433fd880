"""Repeats side by side: what is new beside an earlier appeal and the decision on it, for a purpose that is noted."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from html import unescape

import httpx
import pytest

from appealbus.core import Past
from appealbus.core.domain.listing import AppealRow
from appealbus.core.journal.appeals import lists
from appealbus.core.journal.journal import Journal
from appealbus.core.loading.host import Plugin
from appealbus.plugins.api import turns
from appealbus.plugins.console.views.appeal import repeats
from appealbus.plugins.console.views.appeal.diff_view import bounded, in_pieces
from appealbus.plugins.repeats.assessor import Repeats
from appealbus.plugins.repeats.diff_view import Line, side_by_side
from appealbus.plugins.repeats.matter import Compared
from appealbus.plugins.repeats.part import Sketches
from appealbus.plugins.repeats.words import Label
from appealbus.schemas.appeal import Appeal
from tests.core.kit import message
from tests.plugins.console.browser import chromium, sign_in, violations, width
from tests.plugins.console.kit import csrf_of
from tests.plugins.console.test_appeal import history
from tests.plugins.console.world import World
from tests.plugins.repeats.making import LAND, PEOPLE, by, text
from tests.plugins.repeats.test_repeats import ended

PARCEL, HERE = "20-315-045-123", "750000000"
LETTER, LONG = text(12, 1), text(2400, 3)
BEFORE = f"{LETTER} Вода стоит в подвале уже 10 дней. Мой сосед всё видел."
NOW = f"{LETTER} Вода стоит в подвале уже 25 дней. Крыша упала <b>вчера</b>."


@pytest.fixture(scope="module")
def rows(console: World) -> list[AppealRow]:
    """An earlier letter of the same person, a copy, one about the same parcel, this one; and two that are long."""
    field = {"parcels": [{"cadastral_number": PARCEL}]}
    given = [
        {"text": BEFORE, "category": LAND, **by(0)},
        {"text": NOW, **by(1)},
        {"text": text(12, 2), **field, **by(2)},
        {"text": NOW, "category": LAND, **field, **by(0)},
        {"text": LONG, "category": LAND, **by(3)},
        {"text": f"{LONG.replace(' ', ' & ')[:190_000]} {text(60, 4)}", "category": LAND, **by(3)},
    ]

    async def work(journal: Journal) -> list[AppealRow]:
        journal.keeper.parts = [Sketches()]
        reception, numbers = console.api.reception, []
        for at, each in enumerate(given):
            taken = await reception.accept(message(f"r{at}", kind="application", place={"kato": HERE}, **each))
            numbers.append(taken.receipt.number)  # type: ignore[union-attr]
        await ended(reception, numbers[0], result="refused", ground="АППК ст. 77", reference="№ 12-3/45")
        return [row for number in numbers if (row := await journal.ask(lists.appeal_row, number)) is not None]

    console.api.host.plugins.append(Plugin("repeats", "1", "test", brought={"assessors": [Repeats()]}))
    return console.do(work)


def opened(who: httpx.Client, row: AppealRow) -> httpx.Response:
    """Say what for on the tab, and return what is shown then."""
    path = f"/console/appeals/{row.public_id}"
    asked = who.get(f"{path}/repeats")
    assert "Personal data is hidden" in asked.text
    given = {"csrf": csrf_of(asked), "purpose": "a second letter", "to": "repeats"}
    return who.post(f"{path}/unmask", data=given)


def plain(page: httpx.Response) -> str:
    """Return what people read of a page."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page.text)).split())


def test_an_earlier_one_stands_beside_this_one(console: World, rows: list[AppealRow]) -> None:
    """What is new, changed and gone is marked, beside the decision; each look is noted at each that is shown."""
    *others, row = rows[:4]
    who = console.signed_in("reviewer", "asel")
    asked = who.get(f"/console/appeals/{row.public_id}/repeats")
    assert not [each for each in others if each.number in asked.text]
    page = opened(who, row)
    assert page.url.path.endswith("/repeats")
    said = plain(page)
    assert "12 sentences the same" in said
    for each in (
        "the same applicant, the same matter",
        "refused 1 Mar 2026",
        "АППК ст. 77",
        "№ 12-3/45",
        "new arguments",
    ):
        assert each in said, each
    assert "<ins>Крыша упала &lt;b&gt;вчера&lt;/b&gt;.</ins>" in page.text
    assert "<del>Мой сосед всё видел.</del>" in page.text
    assert ("<del>10</del> дней." in page.text, "<ins>25</ins> дней." in page.text) == (True, True)
    assert page.text.count("> the same</span>") == 12
    assert [each.number in said for each in others] == [True] * 3
    copy = who.get(f"{page.url}&beside={others[1].public_id}")
    assert ("<ins>" in copy.text, copy.text.count("> the same</span>")) == (False, 14)
    assert who.get(f"{page.url}&beside={rows[4].public_id}").status_code == 404
    looks = [
        [
            (each.detail["as"], each.detail["purpose"])
            for each in console.do(history(one))
            if each.actor == "person:asel"
        ]
        for one in others
    ]
    assert looks == [[("repeats", "a second letter")] * 2] * 3
    assert PEOPLE[0] not in str(page.url)
    for role, tab in (("reviewer", True), ("ops", False)):
        overview = console.signed_in(role).get(f"/console/appeals/{row.public_id}")
        assert (f"/console/appeals/{row.public_id}/repeats" in overview.text) is tab
    assert console.signed_in("ops").get(f"/console/appeals/{row.public_id}/repeats").status_code == 403


@pytest.mark.proof
def test_sides_can_be_read_by_everybody(console: World, rows: list[AppealRow]) -> None:
    """axe finds nothing where two appeals stand beside each other; on a telephone one stands below the other."""
    with chromium() as browser:
        page = browser.new_context(locale="en-GB").new_page()
        sign_in(page, console, "reviewer")
        page.goto(f"{console.url}/console/appeals/{rows[3].public_id}/repeats")
        page.fill("#f-purpose", "a second letter")
        page.click("main form button")
        places = [page.locator(".sides li p").nth(at).bounding_box() for at in (-2, -1)]
        assert len({each["y"] for each in places if each is not None}) == 1
        page.set_viewport_size({"width": 320, "height": 800})
        assert width(page) <= 320
        assert page.locator(".side").last.is_visible()
        assert violations(page) == []


@pytest.mark.proof
def test_of_long_letters_there_is_a_page(console: World, rows: list[AppealRow]) -> None:
    """Two texts of 200,000 characters make less than 100 kB, which say what is left out."""
    page = opened(console.signed_in("reviewer"), rows[5])
    assert len(page.content) < 100_000
    assert "The page has no room for all of it. Not shown:" in page.text


@pytest.mark.proof
def test_what_is_hidden_is_in_neither(console: World, rows: list[AppealRow]) -> None:
    """Whose mask hides who wrote sees no matter; who sees other kinds sees nobody else's."""
    desk = opened(console.signed_in("registry", "desk"), rows[3])
    assert ("the same matter" in desk.text, PEOPLE[0] in desk.text) == (False, False)
    assert rows[1].number in desk.text


def test_the_order_is_that_of_the_letter() -> None:
    """What is gone stands where it stood; a part of another sentence is the same; nothing is left out."""
    before = "Первое. Второе ушло. Третье, и четвёртое с ним."
    now = "Первое. Новое здесь. Третье."
    told = [*side_by_side(now, before)]
    assert told == [
        Line(Label.SAME, "Первое.", "Первое."),
        Line(Label.NEW, "Новое здесь."),
        Line(Label.SAME, "Третье."),
        Line(Label.GONE, was="Второе ушло."),
        Line(Label.GONE, was="Третье, и четвёртое с ним."),
    ]


def test_what_is_the_same_goes_first() -> None:
    """Where a page has no room; words of a long sentence are marked together."""
    lines = [("same", "с" * 3000, "с" * 3000)] * 40 + [("new", "н" * 100, "")] * 10
    assert [kind for kind, _, _ in bounded(lines)] == ["new"] * 10
    long = " ".join(map(str, range(90)))
    assert in_pieces(("changed", long, f"{long} 91")).now == [(True, long)]


def test_nobody_waits_for_long(console: World, rows: list[AppealRow], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever presses again and again has one comparison under way, is told so, and gets it once there is time."""
    reviewer, running, most, go = console.signed_in("reviewer", "hurried"), list[int](), list[int](), threading.Event()
    page = opened(reviewer, rows[3])

    def slowly(appeal: Appeal, past: Past) -> Compared:
        running.append(1)
        most.append(len(running))
        go.wait(20)
        running.pop()
        return Compared(appeal, past)

    monkeypatch.setattr(turns, "_PATIENCE", 0.2)
    with monkeypatch.context() as slow, ThreadPoolExecutor(5) as pool:
        slow.setattr(repeats, "Compared", slowly)
        for answer in [each.result() for each in [pool.submit(reviewer.get, page.url) for _ in range(5)]]:
            assert (answer.status_code, "takes too long" in answer.text) == (503, True)
        go.set()
    assert most == [1]
    monkeypatch.setattr(turns, "_PATIENCE", 20.0)
    assert reviewer.get(page.url).status_code == 200
