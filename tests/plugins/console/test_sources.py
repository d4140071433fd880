"""Sources: how each stands, what it does to due dates to be away, and switching one off and on."""

import re
from datetime import timedelta

import httpx
import pytest

from appealbus.core.clocks import KAZAKHSTAN
from appealbus.core.domain.event import EventType
from appealbus.core.journal import figures, pauses
from appealbus.core.journal import log as journal_log
from appealbus.core.journal.figures import past_calls
from appealbus.core.journal.journal import Journal
from tests.plugins.console.kit import csrf_of
from tests.plugins.console.waiting import park, work_goes_on
from tests.plugins.console.world import World


@pytest.fixture(scope="module")
def ops(console: World) -> httpx.Client:
    """An operator of a console where three appeals wait for the register of parcels, due today and in two days."""
    console.do(park([0, 0, 2]))
    console.do(work_goes_on)
    return console.signed_in("ops", "daniyar")


async def now(journal: Journal) -> str:
    return f"{journal.now().astimezone(KAZAKHSTAN) + timedelta(days=1):%Y-%m-%dT%H:%M}"


def test_the_worst_source_comes_first_and_says_what_is_wrong(ops: httpx.Client) -> None:
    """Its breaker, who waits, what failed, what is left of its quota, and which certificate ends."""
    page = ops.get("/console/sources").text
    assert page.index("/console/sources/egkn") < page.index("/console/sources/gbdfl")
    for said in ("does not answer", "31 of 931", "2,500 ms", "certificate ends", "1 path not declared", ">4</a>"):
        assert said in page, said
    assert "today" in page


def test_one_source_tells_its_past_as_far_as_the_log_does(console: World, ops: httpx.Client) -> None:
    """The attempts of each question with their codes; paths that are not declared; how far back all that goes."""
    page = ops.get("/console/sources/egkn").text
    for said in ("http.502", "As the whole log tells", "<svg", "sign.p12", "4 appeals are parked for it", "open: it"):
        assert said in page, said
    assert "persons/person/removed" in ops.get("/console/sources/gbdfl").text
    newest = console.do(lambda journal: journal.ask(lambda connection: past_calls(connection, {"egkn.parcel"}, 3)))
    assert (newest.whole, newest.calls) == (False, [])
    whole = console.do(lambda journal: journal.ask(figures.past_calls, {"egkn.parcel"}))
    assert whole.whole
    assert [each.code for each in whole.calls if each.kind == "unavailable"] == ["http.502", "http.502"]
    assert ops.get("/console/sources/nothing").status_code == 404


def test_a_source_is_switched_off_by_who_has_seen_what_that_does(console: World, ops: httpx.Client) -> None:
    """The page names those that miss their day, and has the form; the order is the commands', in the person's name."""
    until = console.do(now)
    page = ops.get(f"/console/sources/egkn/impact?until={until}")
    assert "2 appeals miss their due date, the first on" in page.text
    assert page.text.count('<a href="/console/appeals/') == 2
    given = {"csrf": csrf_of(page), "until": until}
    assert ops.post("/console/sources/egkn/pause", data=given).status_code == 422
    done = ops.post("/console/sources/egkn/pause", data={**given, "reason": "they mend <b>it</b>"})
    assert "switched off" in done.text
    assert "they mend &lt;b&gt;it&lt;/b&gt;" in done.text
    assert console.do(lambda journal: journal.ask(pauses.news)).pauses["egkn"].by == "daniyar"
    late = console.signed_in("ops", "late")
    old = {**given, "csrf": csrf_of(late.get("/console/sources")), "reason": "seen before"}
    refused = late.post("/console/sources/egkn/pause", data=old)
    assert (refused.status_code, "nothing is changed" in refused.text) == (409, True)
    seen = re.search(r'name="seen" value="([0-9.]+)"', late.get(f"/console/sources/egkn/impact?until={until}").text)
    assert seen is not None
    assert (
        late.post("/console/sources/egkn/pause", data={**old, "seen": seen[1], "reason": "longer"}).status_code == 200
    )
    resume = {"csrf": given["csrf"], "reason": "mended"}
    assert "It is asked again" in ops.post("/console/sources/egkn/resume", data=resume).text
    assert ops.post("/console/sources/egkn/resume", data=resume).status_code == 409
    log = console.do(lambda journal: journal.ask(journal_log.page, what=[EventType.PAUSED, EventType.RESUMED])).entries
    assert [(each.what, each.actor, each.detail["reason"]) for each in log] == [
        ("paused", "person:daniyar", "they mend <b>it</b>"),
        ("paused", "person:late", "longer"),
        ("resumed", "person:daniyar", "mended"),
    ]


@pytest.mark.parametrize("until", ["", "soon", "2020-01-01T09:00", "9999-12-31T23:59", "2099-01-01T09:00", "1" * 9000])
def test_times_that_are_none_are_refused(ops: httpx.Client, until: str) -> None:
    """What is no time, is over, or is more than a month from now; so is a page that is none."""
    assert ops.get("/console/sources/egkn/impact", params={"until": until}).status_code == 400


def test_a_preview_without_a_time_is_until_the_next_working_morning(ops: httpx.Client) -> None:
    """So a link may lead there from anywhere."""
    assert re.search(r'name="until"[^>]* value="20\d\d-\d\d-\d\dT09:00"', ops.get("/console/sources/egkn/impact").text)


def test_only_those_switch_off_who_may(console: World, ops: httpx.Client) -> None:
    """A reviewer sees how sources stand, and neither previews nor does anything; an auditor sees none of it."""
    until = console.do(now)
    assert ops.get(f"/console/sources/egkn/impact?until={until}&after=zz").status_code == 400
    assert ops.get(f"/console/sources/nothing/impact?until={until}").status_code == 404
    reviewer = console.signed_in("reviewer")
    page = reviewer.get("/console/sources/egkn")
    assert "/impact" not in page.text
    assert reviewer.get(f"/console/sources/egkn/impact?until={until}").status_code == 403
    given = {"csrf": csrf_of(page), "until": until, "reason": "x"}
    assert reviewer.post("/console/sources/egkn/pause", data=given).status_code == 403
    assert console.signed_in("auditor").get("/console/sources").status_code == 403
    assert console.do(lambda journal: journal.ask(pauses.news)).pauses == {}
