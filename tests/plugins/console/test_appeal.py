"""One appeal: what is missing and why, personal data only for a purpose, what happened, and what is done to it."""

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from appealbus.core.domain.event import LogEntry
from appealbus.core.domain.listing import AppealRow
from appealbus.core.journal import keeping, log
from appealbus.core.journal.appeals import cases, lists
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.keeping import Anew
from appealbus.core.management import sources
from appealbus.plugins.console.words import COOKIE
from appealbus.schemas.dossier import Completeness
from appealbus.schemas.person import Person
from tests.plugins.console.kit import csrf_of
from tests.plugins.console.world import World
from tests.services.forms import LONG

TABS = ("", "/dossier", "/term", "/timeline", "/versions")


@pytest.fixture(scope="module")
def parked(console: World) -> AppealRow:
    """An appeal that waits for the register of parcels, whatever other tests have done to it."""
    rows = console.do(lambda journal: journal.ask(lists.appeals))
    return next(row for row in rows if row.completeness == Completeness.PARTIAL)


@pytest.fixture(scope="module")
def found(console: World) -> tuple[AppealRow, dict[str, Any]]:
    """An appeal with a person in its dossier, and that person."""

    async def work(journal: Journal) -> tuple[AppealRow, dict[str, Any]]:
        for row in await journal.ask(lists.appeals):
            case = await journal.ask(cases.case, row.number)
            assert case is not None
            if getattr(case.appeal.applicant, "surname", None):
                return row, case.appeal.applicant.model_dump(mode="json")
        raise AssertionError("nobody has a name")

    return console.do(work)


def test_why_something_is_missing(console: World, parked: AppealRow) -> None:
    """The lookup, its outcome in words and as a code, how its source stands, and when it is asked again."""
    page = console.signed_in("ops").get(f"/console/appeals/{parked.public_id}")
    assert parked.number in page.text
    for said in ("egkn.parcel", "unavailable", "http.502", "after the due date", "gbdul.right_holder", "<svg"):
        assert said in page.text, said
    auditor = console.signed_in("auditor").get(f"/console/appeals/{parked.public_id}").text
    assert "partial" in auditor  # whoever may not know why is not told that nothing is missing
    assert "Nothing is missing" not in auditor
    until = console.journal.now() + timedelta(hours=1)
    console.do(lambda journal: sources.pause(journal, "egkn", until, reason="a test", by="olga"))
    page = console.signed_in("ops").get(f"/console/appeals/{parked.public_id}")
    assert "paused by olga until" in page.text
    console.do(lambda journal: sources.resume(journal, "egkn", reason="a test", by="olga"))


@pytest.mark.proof
def test_nothing_personal_is_shown_without_a_purpose(console: World, found: tuple[AppealRow, dict[str, Any]]) -> None:
    """On no page and for no role; with a purpose a reviewer sees it, each look is noted, and nobody else goes by it."""
    row, person = found
    secrets = [person[name] for name in ("iin", "surname", "phone", "address", "email") if person.get(name)]
    assert len(secrets) > 2
    reviewer = console.signed_in("reviewer", "gulnar")
    for who in (reviewer, console.signed_in("ops"), console.signed_in("integrator"), console.signed_in("auditor")):
        for tab in TABS:
            page = who.get(f"/console/appeals/{row.public_id}{tab}")
            assert page.status_code in (200, 403)
            assert not [each for each in secrets if each in page.text], tab
    form = reviewer.get(f"/console/appeals/{row.public_id}/dossier")
    given = {"csrf": csrf_of(form), "purpose": ""}
    unmask = f"/console/appeals/{row.public_id}/unmask"
    assert reviewer.post(unmask, data=given).status_code == 422
    open_ = reviewer.post(unmask, data=given | {"purpose": "the complaint of 12 January"})
    assert [each for each in secrets if each in open_.text] == secrets
    assert not [each for each in secrets if each in str(open_.url)]
    assert "физическое лицо" in reviewer.get(f"{open_.url}&lang=ru").text
    reviewer.cookies.delete(COOKIE)
    explained = reviewer.get(
        f"/console/appeals/{row.public_id}/explain?field=appeal.applicant.iin&{open_.url.query.decode()}"
    )
    assert person["iin"] in explained.text
    overview = reviewer.get(f"/console/appeals/{row.public_id}?{open_.url.query.decode()}")
    assert '<span lang="ru">АППК ст.' in overview.text
    kazakh = reviewer.get(str(overview.url), headers={"Accept-Language": "kk"})
    assert '<span lang="kk">ӘРПК-нің ' in kazakh.text
    looks = [each for each in console.do(history(row)) if each.what == "read" and each.actor == "person:gulnar"]
    assert [each.detail["as"] for each in looks] == ["dossier", "dossier", "explain", "why", "why"]
    assert {each.detail["purpose"] for each in looks} == {"the complaint of 12 January"}
    assert console.signed_in("reviewer", "other").get(str(open_.url)).status_code == 410
    others = console.do(lambda journal: journal.ask(lists.appeals))[-1]
    elsewhere = reviewer.get(f"/console/appeals/{others.public_id}/dossier?{open_.url.query.decode()}")
    assert "Personal data is hidden" in elsewhere.text
    assert console.signed_in("ops").post(unmask, data=given).status_code == 403


def test_a_mask_of_ones_own_holds_after_a_purpose(console: World, found: tuple[AppealRow, dict[str, Any]]) -> None:
    """What it hides is nowhere, neither before a purpose was said nor after; the rest is there after it alone."""
    row, person = found
    desk = console.signed_in("registry", "desk")
    path = f"/console/appeals/{row.public_id}"
    for tab in TABS:
        assert person["surname"] not in desk.get(f"{path}{tab}").text
    csrf = csrf_of(desk.get(f"{path}/dossier"))
    open_ = desk.post(f"{path}/unmask", data={"csrf": csrf, "purpose": "a call"})
    assert person["surname"] in open_.text
    seen = open_.url.query.decode()
    for tab in (*TABS, "/explain?field=appeal.applicant"):
        page = desk.get(f"{path}{tab}{'&' if '?' in tab else '?'}{seen}")
        assert person["iin"] not in page.text, tab
    assert desk.get(f"{path}/explain?field=appeal.applicant.iin&{seen}").status_code == 403
    csrf = csrf_of(desk.get("/console/appeals"))
    assert desk.post("/console/search", data={"csrf": csrf, "q": person["iin"], "purpose": "x"}).status_code == 403


def test_what_happened_is_told_once_each(console: World, parked: AppealRow) -> None:
    """A question has one line with its attempts; `failed` leaves what went wrong; a page goes on by key."""
    ops = console.signed_in("ops")
    whole = ops.get(f"/console/appeals/{parked.public_id}/timeline")
    for said in ("accepted", "version made", "delivered", "2 attempts", "http.502"):
        assert said in whole.text, said
    failed = ops.get(f"/console/appeals/{parked.public_id}/timeline?failed=1")
    assert "http.502" in failed.text
    assert "version made" not in failed.text
    beyond = ops.get(f"/console/appeals/{parked.public_id}/timeline?after=100000")
    assert "There is nothing more." in beyond.text
    assert ops.get(f"/console/appeals/{parked.public_id}/timeline?after=-1").status_code == 400


def test_what_is_done_is_on_record(console: World, parked: AppealRow) -> None:
    """With who did it and why; without a reason, or twice, nothing is done; whoever may only look does nothing."""
    ops, reason = console.signed_in("ops", "daniyar"), "the register is back <b>&\"'"
    path = f"/console/appeals/{parked.public_id}"
    csrf = csrf_of(ops.get(path))

    def do(what: str, **given: str) -> tuple[int, str]:
        answer = ops.post(f"{path}/{what}", data={"csrf": csrf, "reason": reason, **given})
        assert "<b>" not in answer.text
        return answer.status_code, answer.text

    assert do("hold", reason=" ")[0] == 422
    held = do("hold")[1]
    assert "It is held, and nobody works on it." in held
    assert held.count("once it is released") == 2  # why it lacks its parcel, and the plan, tell no time meanwhile
    assert do("hold")[0] == 409
    assert do("retry")[0] == 409
    assert "It goes on." in do("release")[1]
    assert do("release")[0] == 409
    assert "Its open questions are asked again at once." in do("retry")[1]
    assert do("refresh")[0] == 200
    shown = re.findall(r'name="shown" value="([^"]+)"', ops.get(path).text)[-1]
    assert "The version goes out again." in do("resend", shown=shown)[1]
    assert "Nothing is done" in do("resend", shown=shown)[1]  # pressed twice
    assert do("resend", shown="first")[0] == 422
    assert do("resend", shown=f"9{shown}")[0] == 404
    mine = [each for each in console.do(history(parked)) if each.actor == "person:daniyar"]
    assert [each.what for each in mine] == ["held", "released", "retried", "refreshed", "resent"]
    assert {each.detail["reason"] for each in mine} == {reason}
    assert "the register is back &lt;b&gt;" in ops.get(f"{path}/timeline").text
    auditor = console.signed_in("auditor")
    token = csrf_of(auditor.get("/console/appeals"))
    for what in ("hold", "release", "retry", "refresh", "resend"):
        assert auditor.post(f"{path}/{what}", data={"csrf": token, "reason": "x"}).status_code == 403


@pytest.mark.proof
def test_kept_replies_are_read_again_after_a_preview(console: World) -> None:
    """The preview names the fields and no values; what was shown is done, once, and anything else is refused."""
    row, asked = console.do(spoiled)
    ops = console.signed_in("ops", "saken")
    path = f"/console/appeals/{row.public_id}"
    page = ops.get(f"{path}/reread")
    assert "would be otherwise" in page.text
    assert "<code>surname</code> changed" in page.text
    assert asked not in page.text
    digest = re.findall(r'name="digest" value="(\w+)"', page.text)[0]
    given = {"csrf": csrf_of(page), "reason": "the plugin reads it right now", "digest": digest}
    assert "It is changed, and worked on next." in ops.post(f"{path}/reread", data=given).text
    mine = [each for each in console.do(history(row)) if each.actor == "person:saken"]
    assert ("reread", given["reason"]) in [(each.what, each.detail.get("reason")) for each in mine]
    if LONG:  # a process reads again each time
        assert ops.post(f"{path}/reread", data=given).status_code == 409


async def spoiled(journal: Journal) -> tuple[AppealRow, str]:
    """Have a record say something else than the reply that it was read from; return the appeal and what that says."""
    for row in await journal.ask(lists.appeals):
        for state in await journal.ask(cases.states, row.number):
            if isinstance(state.record, Person) and state.record.surname:
                record = state.record.model_copy(update={"surname": "Басқа"})
                anew = Anew(replace(state, record=record), "gbdfl", (state.lookup, state.ended_at), ["surname changed"])
                assert await journal.do(keeping.Reread(row.appeal_id, [anew], reason="a test")) == 1
                return row, state.record.surname
    raise AssertionError("nobody was found")


def test_an_appeal_out_of_scope_is_none(console: World, parked: AppealRow) -> None:
    """For who sees other places alone, it is not in the list, and its pages are those of one that there is not."""
    abroad = console.signed_in("ops", "abroad", places=("990000000",))
    assert "There is none like that." in abroad.get("/console/appeals").text
    for tab in TABS:
        assert abroad.get(f"/console/appeals/{parked.public_id}{tab}").status_code in (403, 404)
    assert abroad.get("/console/appeals/nonsense").status_code == 404


def history(row: AppealRow):  # type: ignore[no-untyped-def]
    async def work(journal: Journal) -> list[LogEntry]:
        return await journal.ask(log.history, row.number, limit=1000)

    return work


def test_a_record_that_was_misread_is_withdrawn(console: World, found: tuple[AppealRow, dict[str, Any]]) -> None:
    """By whoever operates, with a reason; what was shown is withdrawn, or nothing."""
    row, _ = found
    ops, path = console.signed_in("ops"), f"/console/appeals/{row.public_id}"
    assert f"{path}/withdraw" in ops.get(path).text
    page = ops.get(f"{path}/withdraw")
    (mark, named), *_ = re.findall(r'<option value="([0-9a-f]{16})">([^<]+)<', page.text)
    given = {"csrf": csrf_of(page), "record": mark, "reason": "the wrong column"}
    assert ops.post(f"{path}/withdraw", data=given | {"reason": ""}).status_code == 422
    assert "The record is withdrawn" in ops.post(f"{path}/withdraw", data=given).text, named
    assert "Nothing is done" in ops.post(f"{path}/withdraw", data=given).text
    states = console.do(lambda journal: journal.ask(cases.states, row.number))
    assert [each.code for each in states].count("record.withdrawn") == 1
    entries = console.do(lambda journal: journal.ask(log.history, row.number))
    assert [each.detail["reason"] for each in entries if each.what == "retracted"] == ["the wrong column"]
    assert "record withdrawn" in ops.get(f"{path}/timeline").text
