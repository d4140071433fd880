"""One term with its proof: each day, the norm, who acts until when, and what contradicts; for whom it is to be seen."""

import re
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from appealbus.core.domain.listing import AppealRow
from appealbus.core.journal import log as journal_log
from appealbus.core.journal.appeals import cases, lists
from appealbus.core.journal.appeals.accepting import NewAppeal
from appealbus.core.journal.journal import Journal
from appealbus.schemas import Appeal
from tests.plugins.console.kit import csrf_of
from tests.plugins.console.world import World

CAME = datetime(2026, 3, 16, 5, 0, tzinfo=UTC)
"""A Monday; Nauryz and a day off for it lie in the term."""


@pytest.fixture(scope="module")
def appeal(console: World) -> AppealRow:
    """An application of March 2026, of which the register says another day than the law."""
    told = {"message_id": "term-1", "kind": "application", "received_at": CAME, "due_on": "2026-04-03"}
    told["addressee"] = {"name": "Әкімдік", "bin": "940340000421"}

    async def work(journal: Journal) -> AppealRow:
        new = NewAppeal(Appeal.model_validate(told), CAME + timedelta(hours=1), "appealbus")
        row = await journal.ask(lists.appeal_row, (await journal.accept(new)).receipt.number)
        assert row is not None
        return row

    return console.do(work)


def opened(browser: httpx.Client, row: AppealRow) -> httpx.Response:
    """Return the page after a purpose was said."""
    page = browser.get(f"/console/appeals/{row.public_id}/term")
    assert "АППК" not in page.text
    given = {"csrf": csrf_of(page), "to": "term", "purpose": "complaint about a late answer"}
    return browser.post(f"/console/appeals/{row.public_id}/unmask", data=given)


def test_each_day_is_there_with_why_it_counts_or_not(console: World, appeal: AppealRow) -> None:
    """All days of the proof, once; holidays by name; norms as each reads them; what contradicts; the look is noted."""
    reviewer = console.signed_in("reviewer", "saule")
    page = opened(reviewer, appeal)
    assert page.status_code == 200, page.text
    assert page.url.path.endswith("/term")
    (case,) = console.do(lambda journal: journal.ask(cases.cases, [appeal.appeal_id]))
    proof = console.api.host.counting.proofs(case, CAME.date())[0]["proof"]
    term = proof["considered"][-1]["term"]
    calendar = page.text.partition('<table class="calendar">')[2].partition("</table>")[0]
    cells = re.findall(
        r'<td class="(counted|off)[^"]*"><span class="date">([\d.]+)</span>(.*?)</td>', calendar, re.DOTALL
    )
    told = [(kind == "counted", int(day.partition(".")[0])) for kind, day, _ in cells]
    assert told == [(each["number"] is not None, each["day"].day) for each in term["days"]]
    assert [int(number) for number in re.findall(r"<b>(\d+)</b>", calendar)] == [*range(1, 16)]
    assert calendar.count("nauryz") == sum(each["kind"] == "nauryz" for each in term["days"]) > 1
    for said in ("АППК ст. 76 ч. 1–2, ст. 87", term["norm"]["source"], term["calendar"], "3 Apr 2026", "executor"):
        assert said in page.text, said
    assert "Other due date" in page.text
    again = reviewer.get(str(page.url), headers={"Accept-Language": "kk"})
    assert "Наурыз мейрамы" in again.text
    cited = "ӘРПК-нің 76-бабының 1–2-бөліктері, 87-бабы"
    assert f'<span lang="kk">{cited}</span>' in again.text
    assert "АППК" not in again.text
    log = console.do(lambda journal: journal.ask(journal_log.page, None, 5000))
    looks = [each.detail for each in log.entries if each.what == "read" and each.actor == "person:saule"]
    assert [(each["as"], each["purpose"]) for each in looks] == [("term", "complaint about a late answer")] * 2


def test_it_is_told_as_it_stands_on_a_day(console: World, appeal: AppealRow) -> None:
    """Before the end it is open, after it silence; what is no day is told."""
    reviewer = console.signed_in("reviewer", "saule")
    url = opened(reviewer, appeal).url
    for on, outcome in (("2026-03-20", "Open"), ("2026-06-01", "Silence")):
        assert f"</span> {outcome}</span>" in reviewer.get(url.copy_merge_params({"on": on})).text, on
    for wrong in ("2026-13-01", "x", "2026-03-20T10:00", "9999-12-31"):
        assert reviewer.get(url.copy_merge_params({"on": wrong})).status_code == 400, wrong


def test_who_sees_no_terms_is_told_so(console: World, appeal: AppealRow) -> None:
    """Operators have no such page; whose mask hides what a term follows from gets no proof, and no form for it."""
    path = f"/console/appeals/{appeal.public_id}/term"
    assert console.signed_in("ops").get(path).status_code == 403
    page = console.signed_in("integrator").get(path)
    assert page.status_code == 200
    assert "Your mask hides something" in page.text
    assert "unmask" not in page.text
    assert "АППК" not in page.text


def test_a_calendar_that_ends_and_terms_that_are_not_there_are_told(
    console: World, appeal: AppealRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No error of the server: the year that is missing, that nothing counts, that it failed, that others count."""
    reviewer = console.signed_in("reviewer", "saule")
    url = str(opened(reviewer, appeal).url)
    for proofs, said in (
        ([{"name": "law", "proof": {"on": "2026-11-27", "due_on": None, "unknown_year": 2031}}], "the year 2031"),
        ([], "plugin terms is not loaded"),
        ([{"name": "law", "proof": None}], "could not be counted"),
        ([{"name": "other", "proof": {"x": 1}}], "other plugins count, too: other"),
    ):
        monkeypatch.setattr(console.api.host.counting, "proofs", lambda case, today, proofs=proofs: proofs)
        page = reviewer.get(url)
        assert (page.status_code, said in page.text) == (200, True), said
