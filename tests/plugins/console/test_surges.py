"""Surges: as far as one sees the appeals behind them, and what people do about alarms, once and in the log."""

import re
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from appealbus.core import JournalError
from appealbus.core.clocks import wall
from appealbus.core.journal import events
from appealbus.core.journal import log as journal_log
from appealbus.core.journal.journal import Journal
from appealbus.plugins.console.view import all_views
from appealbus.plugins.surges import kept
from appealbus.plugins.surges.alarm import KeptAlarm
from appealbus.plugins.surges.reading import Reading
from appealbus.plugins.surges.series import WEEK, week_name
from appealbus.plugins.surges.store import Store
from tests.plugins.console.alarms import MONDAY, PARCEL, TODAY, alarms
from tests.plugins.console.kit import csrf_of
from tests.plugins.console.world import APPEALS, World
from tests.services.asking import instead


@pytest.fixture(scope="module")
def file(console: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The file of alarms."""
    with alarms(console, tmp_path_factory.mktemp("surges")) as made:
        yield made


def kept_in(file: Path, number: int) -> KeptAlarm:
    with closing(Store(file)) as store:
        found = kept.alarm(store, number)
    assert found is not None
    return found


def rows_of(console: World, number: int) -> list[tuple[str, str, dict[str, Any]]]:
    """Return what the log has of an alarm."""
    log = console.do(lambda journal: journal.ask(journal_log.page, None, 5000))
    entries = [each for each in log.entries if each.what.startswith("alarm_") and each.about == str(number)]
    return [(each.what, each.actor, dict(each.detail)) for each in entries]


def seen_on(page: httpx.Response) -> dict[str, str]:
    """Return what a form of an alarm's page sends by itself."""
    found = re.search(r'name="shown" value="([^"]*)"', page.text)
    assert found is not None
    return {"csrf": csrf_of(page), "shown": found[1]}


def test_alarms_and_weeks_are_told(console: World, file: Path) -> None:
    """Open alarms, the last week and what is possible; other weeks and topics by the URL; what is wrong is told."""
    reviewer = console.signed_in("reviewer")
    page = reviewer.get("/console/surges").text
    parts = re.split("<h2", page)
    alarms, week, maybe = ([*re.findall(r'surges/(\d+)"', part)] for part in parts[1:4])
    assert (alarms, week, maybe) == (["4", "3", "2", "1"], ["4"], [])
    assert "flood" in parts[3]
    assert week_name(MONDAY) in parts[2]  # the way to the week before
    other = reviewer.get(f"/console/surges?week={week_name(MONDAY)}&category=waste&place=27").text
    assert [re.findall(r'surges/(\d+)"', part) for part in re.split("<h2", other)[1:3]] == [["4", "1"], ["1"]]
    assert "was not judged" in reviewer.get("/console/surges?week=2020-W05").text
    for wrong in ("week=2026-W60", "week=next", "week=9999-12-31", "place=x", f"category={'x' * 101}", "before=x"):
        assert reviewer.get(f"/console/surges?{wrong}").status_code == 400, wrong
    assert console.signed_in("ops").get("/console/surges").status_code == 403


def test_an_alarm_has_its_series_and_what_it_rests_on(console: World, file: Path) -> None:
    """A picture that says what it shows, the same as a table, the appeals behind; what they share for a purpose."""
    reviewer = console.signed_in("reviewer", "dina")
    page = reviewer.get("/console/surges/1")
    svg = page.text.partition("<svg")[2].partition("</svg>")[0]
    assert re.search(r"<title id=[^>]*>Alarm 1", svg)
    assert re.search(r"<desc[^>]*>Appeals a week from .* 24, 5.4 expected, more than 9.5 stand out", svg)
    assert (svg.count("<rect"), svg.count('class="marked"'), svg.count("<line")) == (33, 1, 2)
    table = page.text.partition("As a table")[2].partition("</table>")[0]
    counts = re.findall(r'</th><td class="number">(\d+)</td>', table)
    assert counts == ["4", "4", "24", *["4"] * 30]  # of this topic and place alone
    links = re.findall(r'href="/console/appeals/([^"]+)"', page.text)
    assert len(links) == APPEALS
    assert reviewer.get(f"/console/appeals/{links[0]}").status_code == 200
    assert PARCEL not in page.text
    shown = reviewer.post("/console/surges/1/unmask", data={"csrf": csrf_of(page), "purpose": "the dump at Darinsk"})
    assert PARCEL in shown.text
    assert PARCEL not in reviewer.get(f"/console/surges/3?{shown.url.query.decode()}").text  # said of another one
    log = console.do(lambda journal: journal.ask(journal_log.page, None, 5000))
    looks = [dict(each.detail) for each in log.entries if each.what == "read" and each.actor == "person:dina"]
    assert {"as": "surges", "alarm": 1, "found": APPEALS, "purpose": "the dump at Darinsk"} in looks
    for wrong in ("9", "0", "x", "1" * 30, "-1"):
        assert reviewer.get(f"/console/surges/{wrong}").status_code == 404, wrong
    assert reviewer.get("/console/surges/1?from=x").status_code == 400


def test_nobody_sees_more_in_a_count_than_in_the_appeals(console: World, file: Path) -> None:
    """Places and kinds hold as over the API; whose mask hides something does not see who has it, and does nothing."""
    west = console.signed_in("reviewer", "west", places=("27",))
    assert west.get("/console/surges/1").status_code == 200
    assert west.get("/console/surges/2").status_code == 404
    page = west.get("/console/surges").text
    assert "roads" not in page
    assert "have turned out" not in page
    assert "secret" not in west.get("/console/surges/1").text
    assert (
        "no surges are shown"
        in console.signed_in("reviewer", "kinds", kinds=("complaint",)).get("/console/surges").text
    )
    desk = console.signed_in("reviewer", "desk")
    with closing(Store(file)) as store:
        kept.take(store, 4, "marat", TODAY + WEEK, wall())
    assert "marat" in west.get("/console/surges/4").text
    hidden = desk.get("/console/surges/4")
    assert "marat" not in hidden.text
    assert 'action="/console/surges/4/take"' not in hidden.text
    given = {"csrf": csrf_of(hidden), "until": str(TODAY + WEEK), "reason": "x", "verdict": "true", "done": "x"}
    for does in ("take", "close"):
        assert desk.post(f"/console/surges/4/{does}", data=given).status_code == 403
        assert (
            west.post(f"/console/surges/2/{does}", data=given | seen_on(west.get("/console/surges/4"))).status_code
            == 404
        )
    assert kept_in(file, 4).taken_by == "marat"


def test_who_takes_an_alarm_on_and_closes_it_is_in_the_log_once(console: World, file: Path) -> None:
    """Pressed twice is done once; of two at once the second is told, and nothing changes; each needs a reason."""
    aigul, marat = console.signed_in("reviewer", "aigul"), console.signed_in("registry", "marat")
    mine, his = seen_on(aigul.get("/console/surges/3")), seen_on(marat.get("/console/surges/3"))
    until = {"until": str(TODAY + WEEK), "reason": "I ask the akimat"}
    for wrong in ({"until": "x"}, {"until": str(TODAY - timedelta(days=1))}, {"reason": " "}):
        assert aigul.post("/console/surges/3/take", data=mine | until | wrong).status_code == 422, wrong
    for _ in range(2):
        taken = aigul.post("/console/surges/3/take", data=mine | until)
        assert "It is taken on until" in taken.text
    assert aigul.get(str(taken.url)).status_code == 200  # a reload does nothing
    for does, more in (
        ("take", until | {"until": str(TODAY + 2 * WEEK)}),
        ("close", {"verdict": "false", "done": "nothing"}),
    ):
        told = marat.post(f"/console/surges/3/{does}", data=his | more)
        assert (told.status_code, "aigul has taken it on meanwhile" in told.text) == (409, True)
    assert kept_in(file, 3).taken_by == "aigul"
    mine, his = seen_on(taken), seen_on(marat.get("/console/surges/3"))
    done = {"verdict": "true", "done": "The dump is out."}
    assert aigul.post("/console/surges/3/close", data=mine | done | {"verdict": "maybe"}).status_code == 422
    for _ in range(2):
        assert "It is closed." in aigul.post("/console/surges/3/close", data=mine | done).text
    told = marat.post("/console/surges/3/close", data=his | done)
    assert (told.status_code, "aigul has closed it meanwhile" in told.text) == (409, True)
    assert marat.post("/console/surges/3/take", data=his | until).status_code == 409
    closed = kept_in(file, 3)
    assert (closed.verdict, closed.closed_by, closed.done) == ("true", "aigul", "The dump is out.")
    assert rows_of(console, 3) == [
        ("alarm_taken", "person:aigul", {"until": str(TODAY + WEEK), "reason": "I ask the akimat"}),
        ("alarm_closed", "person:aigul", {"verdict": "true", "reason": "The dump is out."}),
    ]


def test_what_cannot_be_noted_is_not_done(console: World, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the journal is away nothing of an alarm changes, and the page says so."""
    reviewer = console.signed_in("reviewer")
    given = seen_on(reviewer.get("/console/surges/1")) | {"until": str(TODAY + WEEK), "reason": "x"}

    async def away(_: object) -> None:
        raise JournalError("away", "unreachable")

    with monkeypatch.context() as patched:
        instead(patched, Journal, events.Noted, away)
        assert reviewer.post("/console/surges/1/take", data=given).status_code == 503
    assert kept_in(file, 1).taken_by is None
    assert reviewer.post("/console/surges/1/take", data=given).status_code == 200
    assert kept_in(file, 1).taken_by == "reviewer"


def test_without_the_plugin_or_its_file_nothing_breaks(
    console: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not loaded it is not in the menu; without a file the page says what to set; a file that is none is a 503."""
    reviewer, host = console.signed_in("reviewer"), console.api.host
    settings_of = host.settings_of
    broken = tmp_path / "broken.db"
    broken.write_bytes(b"no database" * 1000)
    assert '"/console/surges"' in reviewer.get("/console/terms").text
    for shared, status in (
        (None, 200),
        (Reading(None), 200),
        (Reading(tmp_path / "none.db"), 200),
        (Reading(broken), 503),
    ):
        monkeypatch.setattr(host, "shared", lambda plugin, shared=shared: shared)
        page = reviewer.get("/console/surges")
        assert (page.status_code, "No alarms are kept" in page.text) == (status, status == 200), shared
        assert reviewer.get("/console/surges/1").status_code == (404 if status == 200 else 503)
    assert not (tmp_path / "none.db").exists()
    monkeypatch.setattr(host, "settings_of", lambda plugin: None if plugin == "surges" else settings_of(plugin))
    assert '"/console/surges"' not in reviewer.get("/console/terms").text
    assert [each.plugin for each in all_views() if each.name == "surges"] == ["surges"]
