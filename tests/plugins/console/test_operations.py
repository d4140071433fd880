"""Operations on many at once: looked at, confirmed by their hash, done once, told row by row."""

import re
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

import httpx
import pytest

from appealbus.core.domain.event import EventType
from appealbus.core.domain.listing import AppealState
from appealbus.core.domain.operation import Operation, Order
from appealbus.core.domain.selection import Selection
from appealbus.core.errors import UNREACHABLE, JournalError
from appealbus.core.journal import events, log
from appealbus.core.journal import operations as operating
from appealbus.core.journal.appeals import lists, suspects
from appealbus.core.journal.errors import OutcomeUnknown
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.writer import Writer
from appealbus.core.journal.writes import Write
from appealbus.core.management import operations
from appealbus.plugins.console.views.operations import carrying
from tests.plugins.console.kit import csrf_of
from tests.plugins.console.world import APPEALS, World


def form_of(page: httpx.Response, **more: str) -> dict[str, str]:
    """Return the form by which a preview is confirmed."""
    hidden = dict(re.findall(r'name="(said|hash|newest)" value="([^"]*)"', page.text))
    return {"csrf": csrf_of(page), **{name: text.replace("&amp;", "&") for name, text in hidden.items()}, **more}


def ended(browser: httpx.Client, url: Any) -> str:
    """Return the page of an operation once it has ended."""
    for _ in range(100):
        page = browser.get(str(url))
        if "finished" in page.text:
            return page.text
        time.sleep(0.05)
    raise AssertionError(page.text)


def entries_of(*what: EventType) -> Any:
    """Return what gives the entries of the log of some kinds."""

    async def read(journal: Journal) -> list[Any]:
        await journal.do(events.Placing())
        return list((await journal.ask(log.page, what=[str(each) for each in what], limit=10_000)).entries)

    return read


def test_what_was_looked_at_is_done_once(console: World) -> None:
    """The preview counts and does nothing; two who press at once, and twice, begin one operation with one entry."""
    ops, other = console.signed_in("ops", "aigul"), console.signed_in("ops", "marat")
    query = "do=hold&state=&kind=complaint"
    previews = [each.get(f"/console/operations/preview?{query}") for each in (ops, other)]
    assert "appeals are selected" in previews[0].text
    before, done = (len(console.do(entries_of(each))) for each in (EventType.ORDERED, EventType.CARRIED_OUT))
    kind = console.do(lambda journal: journal.find(Selection(kind="complaint")))
    console.do(lambda journal: journal.do(suspects.Hold(kind.rows[0].number, by="x", reason="before")))

    with ThreadPoolExecutor(4) as pool:
        presses = [
            pool.submit(each.post, "/console/operations", data=form_of(page, reason="a test"))
            for each, page in zip((ops, other), previews, strict=True)
            for _ in range(2)
        ]
        urls = {str(press.result().url) for press in presses}
    assert len(urls) == 1, urls
    shown = ended(ops, urls.pop())
    assert [entry.detail["reason"] for entry in console.do(entries_of(EventType.ORDERED))[before:]] == ["a test"]
    assert len(console.do(entries_of(EventType.CARRIED_OUT))) == done + 1
    assert "refused: it is held" in shown
    assert kind.rows[0].number in shown
    again = ops.post("/console/operations", data=form_of(previews[0], reason="a test"))
    assert "finished" in again.text
    assert len(console.do(entries_of(EventType.ORDERED))) == before + 1
    assert again.url.path in other.get("/console/operations").text

    released = ops.get("/console/operations/preview?do=release&kind=complaint&state=held")
    page = ops.post("/console/operations", data=form_of(released, reason="enough"))
    assert "refused" not in ended(ops, page.url)
    assert console.do(lambda journal: journal.find(Selection(state=AppealState.HELD))).rows == []
    done = ops.get("/console/account/done?what=carried_out").text
    assert "<td>Release</td>" in done  # in the words of the button


def test_a_selection_that_has_changed_is_shown_anew(console: World) -> None:
    """Nothing is done to what is selected now under the hash of what was; the new hash is confirmed then."""
    ops = console.signed_in("ops")
    before = ops.get("/console/operations/preview?do=hold&state=idle")
    (row, *_) = console.do(lambda journal: journal.ask(lists.appeals, state=AppealState.IDLE))
    console.do(lambda journal: journal.do(suspects.Hold(row.number, by="x", reason="before")))
    ordered = len(console.do(entries_of(EventType.ORDERED)))
    changed = ops.post("/console/operations", data=form_of(before, reason="a test"))
    assert changed.status_code == 409
    assert "Something else is selected by now" in changed.text
    assert len(console.do(entries_of(EventType.ORDERED))) == ordered
    assert form_of(changed)["hash"] != form_of(before)["hash"]
    assert "finished" in ended(ops, ops.post("/console/operations", data=form_of(changed, reason="a test")).url)
    held = ops.get("/console/operations/preview?do=release&state=held")
    ended(ops, ops.post("/console/operations", data=form_of(held, reason="back")).url)
    gone = ops.post("/console/operations", data=form_of(held, reason="back", newest="999999"))
    assert (gone.status_code, "Nothing is selected any more" in gone.text) == (409, True)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("do=retry", 422),
        ("do=retry&state=", 422),
        ("do=release", 422),
        ("do=retry&stat=parked&kind=complaint", 400),
        ("do=retry&state=parked&state=held", 400),
        ("do=history&receiver=files", 400),
        ("state=parked", 400),
        ("do=retry&find=zz", 410),
        ("do=retry&signal=critical", 403),
        ("do=resend&receiver=files", 422),
        ("do=resend&receiver=files&since=yesterday", 400),
        ("do=resend&receiver=files&since=0001-01-01T00:00&until=9999-12-31T23:59", 400),
        ("do=resend&receiver=files&since=1990-01-01T00:00%2B05:00&until=2100-12-31", 200),
        ("do=hold&age=0", 200),
    ],
)
def test_it_is_never_about_all_for_a_lost_filter(console: World, query: str, status: int) -> None:
    """No filter, one that nobody knows, or one twice: refused in words, before anything is read or done."""
    assert console.signed_in("ops").get(f"/console/operations/preview?{query}").status_code == status


def test_forged_forms_are_refused(console: World) -> None:
    """Whoever may not operate, and forms that are none, change nothing and are told so."""
    ops, reviewer = console.signed_in("ops"), console.signed_in("reviewer")
    assert reviewer.get("/console/operations").status_code == 403
    assert reviewer.get("/console/operations/preview?do=hold&state=parked").status_code == 403
    good = form_of(ops.get("/console/operations/preview?do=hold&state=parked"), reason="x")
    for change, status in (
        ({"reason": " "}, 422),
        ({"said": ""}, 400),
        ({"said": "do=hold"}, 422),
        ({"said": "%%%"}, 400),
        ({"newest": "-1"}, 400),
        ({"newest": "x" * 100}, 400),
        ({"hash": "0" * 16}, 409),
        ({"csrf": "0" * 64}, 403),
    ):
        assert ops.post("/console/operations", data={**good, **change}).status_code == status, change
    number = ops.post("/console/operations", data=good).url.path.rpartition("/")[2]
    for path, status in (
        ("999", 404),
        ("9" * 30, 404),
        ("-1", 404),
        ("zz", 404),
        (f"{number}?after=-1", 400),
        (f"{number}?verdict=done", 400),
        (f"{number}?verdict=zz", 400),
    ):
        assert ops.get(f"/console/operations/{path}").status_code == status, path
    assert ops.get("/console/operations?before=zz").status_code == 400


@pytest.mark.proof
def test_it_is_stopped_and_gone_on_with(console: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody carries out any more stands there with what is left of it; to stop and to go on are on record."""
    monkeypatch.setattr(operating, "PART", 1)

    async def killed(journal: Journal) -> int:
        frozen = await operations.freeze(journal, Order(Operation.REFRESH), Selection(kind="complaint"))
        begun = await operations.begin(journal, frozen, frozen.hash, reason="then it died")
        await journal.do(operating.Go(begun.hash))
        return begun.id

    ops, scoped = console.signed_in("ops"), console.signed_in("ops", "scoped", kinds=("complaint",))
    url = f"/console/operations/{console.do(killed)}"
    page = ops.get(url)
    assert 'hx-trigger="every 2s"' in page.text
    assert 'hx-trigger="every 2s"' not in ops.get(f"{url}?still=1").text
    row = console.do(lambda journal: journal.ask(operating.one, int(url.rpartition("/")[2])))
    assert row is not None
    for later, state, silent in ((0, "under way", False), (15, "under way", True), (40, "interrupted", False)):
        with monkeypatch.context() as waits:
            waits.setattr(console.journal._clock, "now", lambda later=later: row.moved_at + timedelta(seconds=later))
            shown = ops.get(url).text
        assert (state in shown, "nothing was heard of it for 15 s" in shown) == (True, silent), later
    time.sleep(1.1)  # one look of Now serves a second
    assert "1 operation is not finished" in ops.get("/console/now").text
    assert scoped.post(f"{url}/stop", data={"csrf": csrf_of(scoped.get(url)), "reason": "x"}).status_code == 403
    stopped = ops.post(f"{url}/stop", data={"csrf": csrf_of(page), "reason": "a mistake"})
    assert "Go on with the rest" in stopped.text
    assert ops.post(f"{url}/stop", data={"csrf": csrf_of(page), "reason": "a mistake"}).status_code == 409
    part = ops.get(f"{url}/progress")
    assert (part.headers["hx-refresh"], "hx-trigger" in part.text) == ("true", False)
    gone_on = ops.post(f"{url}/go-on", data={"csrf": csrf_of(page), "reason": "none"})
    assert "finished" in ended(ops, gone_on.url)
    switched = console.do(entries_of(EventType.STOPPED, EventType.WENT_ON))
    assert [(each.actor, each.detail["reason"]) for each in switched] == [
        ("person:ops", "a mistake"),
        ("person:ops", "none"),
    ]
    assert ops.post(f"{url}/go-on", data={"csrf": csrf_of(page), "reason": "none"}).status_code == 409


@pytest.mark.proof
def test_it_outlives_a_journal_that_is_away(console: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes on by itself once the journal is back, and nobody reports what is not known."""
    away, do, commit = [UNREACHABLE, "unknown", "disk_full"], Journal.do, Writer._commit

    async def trouble(journal: Journal, item: Write[Any]) -> Any:
        if away and isinstance(item, operating.Go):
            raise JournalError("away", away.pop())
        return await do(journal, item)

    def lost(writer: Writer, transaction: Any) -> None:
        commit(writer, transaction)
        raise OutcomeUnknown

    def no_room(writer: Writer, transaction: Any) -> None:
        transaction.rollback()
        raise JournalError("the disk is full", "disk_full")

    async def none(*_: object) -> dict[str, str]:
        return {}

    monkeypatch.setattr(carrying, "_PAUSE", 0.01)
    monkeypatch.setattr(Journal, "do", trouble)
    monkeypatch.setattr(console.api.limits, "take", none)  # the first request of a minute writes, too
    ops = console.signed_in("ops")
    page = ops.get("/console/operations/preview?do=refresh&kind=complaint")
    assert "finished" in ended(ops, ops.post("/console/operations", data=form_of(page, reason="a cut")).url)
    assert away == []
    row = console.do(lambda journal: journal.ask(lists.appeals))[0]
    path = f"/console/appeals/{row.public_id}"
    form = {"csrf": csrf_of(ops.get(path)), "reason": "a cut"}
    with monkeypatch.context() as cut:
        cut.setattr(Writer, "_commit", lost)
        said = ops.post(f"{path}/hold", data=form)
    assert (said.status_code, "look whether it is done" in said.text) == (503, True)
    with monkeypatch.context() as full:
        full.setattr(Writer, "_commit", no_room)
        said = ops.post(f"{path}/release", data=form)
    assert (said.status_code, "the disk of the journal is full" in said.text) == (503, True)
    assert "It is held, and nobody works on it." in ops.get(path).text
    assert ops.post(f"{path}/release", data=form).status_code == 200


def test_whoever_sees_some_does_it_to_those(console: World) -> None:
    """An operation of a person with scopes is about what they see; others' rows are neither counted nor named."""
    kinds = ("complaint",)
    scoped = console.signed_in("ops", "narrow", kinds=kinds)
    page = scoped.get("/console/operations/preview?do=refresh&due_from=2000-01-01&state=")
    meant = Selection(kind="complaint", due_from=date(2000, 1, 1))
    found = console.do(lambda journal: journal.find(meant))
    assert 0 < len(found.rows) < APPEALS
    assert f"{len(found.rows)} appeals are selected" in page.text
    assert scoped.get("/console/operations/preview?do=resend&receiver=files&since=2020-01-01").status_code == 403


def test_what_was_confirmed_is_delivered_again(console: World) -> None:
    """A receiver and a time select deliveries; each of them goes out again, with who did it on record."""
    ops = console.signed_in("ops")
    assert 'name="since"' in ops.get("/console/operations").text
    receiver = next(iter(console.api.loaded.settings.deliveries))
    page = ops.get(f"/console/operations/preview?do=resend&receiver={receiver}&since=2020-01-01T00:00&until=")
    assert "deliveries are selected" in page.text
    before = len(console.do(entries_of(EventType.RESENT)))
    assert "finished" in ended(ops, ops.post("/console/operations", data=form_of(page, reason="lost")).url)
    resent = console.do(entries_of(EventType.RESENT))[before:]
    assert resent
    assert {each.actor for each in resent} == {"person:ops"}


def test_a_list_is_kept_under_a_name(console: World) -> None:
    """For all who have its filters; once; without what was searched for; gone by its maker or operators alone."""
    ops, reviewer, other = (
        console.signed_in(role, name)
        for role, name in (("ops", "ops"), ("reviewer", "reviewer"), ("registry", "registry"))
    )
    page = ops.get("/console/appeals?state=parked&age=0&find=&after=0")
    assert page.status_code == 200
    said = re.search(r'name="said" value="([^"]*)"', page.text)
    assert said is not None
    assert said[1] == "age=0&amp;state=parked"
    csrf = csrf_of(page)
    kept = {"csrf": csrf, "name": "  Parked  now ", "said": "state=parked&find=abc&after=3&lang=kk"}
    assert ops.post("/console/views", data=kept).status_code == 200
    assert ops.post("/console/views", data=kept).status_code == 409
    for change, status in (
        ({"name": " "}, 422),
        ({"name": "x" * 61}, 422),
        ({"name": "of 900101 300017"}, 422),
        ({"name": "all", "said": "find=abc"}, 422),
        ({"name": "bad", "said": "state=zz"}, 400),
        ({"name": "long", "said": "&".join(["state=parked"] * 101)}, 400),
        ({"name": "secret", "said": "signal=critical"}, 403),
    ):
        assert ops.post("/console/views", data={**kept, **change}).status_code == status, change
    assert 'href="/console/appeals?state=parked"' in reviewer.get("/console/appeals").text
    assert "Parked now" in reviewer.get("/console/views").text
    drop = {"name": "Parked now", "csrf": csrf_of(reviewer.get("/console/views"))}
    assert reviewer.post("/console/views/drop", data=drop).status_code == 403
    assert "Parked now" not in ops.post("/console/views/drop", data={**drop, "csrf": csrf}).text
    assert ops.post("/console/views/drop", data={**drop, "csrf": csrf}).status_code == 404
    kinds = [each.what for each in console.do(entries_of(EventType.VIEW_KEPT, EventType.VIEW_DROPPED))]
    assert kinds == ["view_kept", "view_dropped"]
    assert other.get("/console/views").status_code == 200


def test_appeals_are_chosen_by_age(console: World) -> None:
    """Accepted before the midnight so many days ago: all of today's are younger than a day, and none is a week old."""
    ops = console.signed_in("ops")
    assert ops.get("/console/appeals?age=7").text.count('<th scope="row"') == 0
    assert ops.get("/console/appeals?age=-1").status_code == 400
    assert ops.get(f"/console/appeals?age={'9' * 150}").status_code == 400
