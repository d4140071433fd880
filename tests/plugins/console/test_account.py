"""Account: who looked at what, what was done, who sees what, and what one may and has done oneself."""

import re
from datetime import timedelta
from hashlib import sha256

import httpx
import pytest

from appealbus.core.domain.access import AuditFilter
from appealbus.core.domain.event import EventType
from appealbus.core.journal import access
from appealbus.core.journal.appeals import cases, lists
from appealbus.core.journal.journal import Journal
from appealbus.core.language import ReaderLanguage
from appealbus.core.rights.viewer import Action
from appealbus.plugins.console.views.account.queries import RIGHTS
from appealbus.plugins.console.views.appeal.log_lines import kind_said
from appealbus.plugins.console.words import Words
from tests.plugins.console.kit import csrf_of
from tests.plugins.console.world import World

_IIN = "900101100014"


def ids(console: World) -> list[str]:
    """Return the public ids of all appeals."""
    return [each.public_id for each in console.do(lambda journal: journal.ask(lists.appeals))]


def unmask(reviewer: httpx.Client, appeal: str, purpose: str) -> None:
    """Look at a dossier, with a purpose."""
    path = f"/console/appeals/{appeal}"
    answer = reviewer.post(f"{path}/unmask", data={"csrf": csrf_of(reviewer.get(path)), "purpose": purpose})
    assert answer.status_code == 200


def iin_of(console: World) -> tuple[str, str]:
    """Return the ИИН of who wrote the first appeal of a person, and the id of that appeal."""
    for row in console.do(lambda journal: journal.ask(lists.appeals)):
        case = console.do(lambda journal, number=row.number: journal.ask(cases.case, number))  # type: ignore[misc]
        assert case is not None
        if iin := getattr(case.appeal.applicant, "iin", None):
            return str(iin), row.public_id
    raise AssertionError("nobody has an ИИН")


@pytest.mark.proof
def test_the_auditor_sees_who_looked_and_others_only_themselves(console: World) -> None:
    """With purpose and way to the appeal, and no number that somebody wrote into a purpose."""
    first = ids(console)[0]
    unmask(console.signed_in("reviewer", "saule"), first, f"complaint of {_IIN}")
    unmask(console.signed_in("reviewer", "erlan"), first, "complaint 15")
    page = console.signed_in("auditor").get("/console/account").text
    assert _IIN not in page
    for said in ("saule", "erlan", "complaint of [hidden]", "complaint 15", f"/console/appeals/{first}"):
        assert said in page, said
    for role, name in (("reviewer", "saule"), ("ops", "marat"), ("registry", "erlan2"), ("integrator", "i")):
        other = console.signed_in(role, name)
        own = other.get(f"/console/account?appeal={first}&actor=erlan")
        assert own.url.path == "/console/account/mine"
        assert "complaint 15" not in own.text
        assert (f"complaint of {_IIN}" in own.text) is (name == "saule")
        asked = other.post("/console/account/find", data={"csrf": csrf_of(own), "q": _IIN, "purpose": "x"})
        assert asked.status_code == 403
        codes = [other.get(f"/console/account/{each}").status_code for each in ("done", "policy")]
        assert codes == ([200, 200] if role == "ops" else [403, 403]), role
    regional = console.signed_in("auditor", "regional", places=("111010000",))
    assert "saule" not in regional.get("/console/account").text
    assert regional.get(f"/console/account?appeal={first}").status_code == 404
    assert regional.get("/console/account?of=sources").text.count("<tr>") <= 1


def test_who_looked_at_a_person_is_found_with_a_purpose(console: World) -> None:
    """People and sources; the ИИН is in no URL and on no page; the search is itself a look, and is one's own."""
    iin, appeal = iin_of(console)
    unmask(console.signed_in("reviewer", "dana"), appeal, "her complaint")
    auditor = console.signed_in("auditor", "asel")
    form = {"csrf": csrf_of(auditor.get("/console/account")), "q": f" {iin[:6]} {iin[6:]} "}
    asked = auditor.post("/console/account/find", data=form)
    assert "Why do you search for this?" in asked.text
    page = auditor.post("/console/account/find", data={**form, "purpose": "a request of the citizen"})
    assert page.status_code == 200
    assert iin not in str(page.url)
    assert iin not in page.text
    for said in ("dana", "her complaint", "gbdfl", "a request of the citizen", f"/console/appeals/{appeal}"):
        assert said in page.text, said
    looks = console.do(lambda journal: journal.ask(access.deeds, AuditFilter(looks=True, actor="person:asel"))).entries
    assert [(each.detail["as"], each.detail["purpose"]) for each in looks] == [("looks", "a request of the citizen")]
    assert looks[0].detail["found"] >= 1
    assert "a request of the citizen" in auditor.get("/console/account/mine").text
    assert console.signed_in("auditor").get(str(page.url)).status_code == 410
    number = console.do(lambda journal: journal.ask(lists.appeal_of, appeal))
    assert number is not None
    found = auditor.post("/console/account/find", data={**form, "q": number.number})
    assert found.url.query.decode() == f"appeal={appeal}"
    assert "dana" in found.text
    assert auditor.post("/console/account/find", data={**form, "q": "AB-2026-99999999"}).status_code == 404


def test_pages_go_on_by_key_and_are_chosen(console: World) -> None:
    """Each look once, by actor and by day; what is no such page says so."""

    async def many(journal: Journal) -> None:
        for n in range(120):
            await journal.do(access.Look("export log", purpose=f"look {n:03}.", by="api:export"))

    console.do(many)
    auditor = console.signed_in("auditor")
    path, seen = "/console/account?actor=api:export", []
    for _ in range(4):
        page = auditor.get(path).text
        assert len(page) < 100_000
        seen += re.findall(r"look (\d{3})\.", page)
        following = re.search(r'rel="next" href="([^"]+)"', page)
        if following is None:
            break
        path = following[1].replace("&amp;", "&")
    assert seen == [f"{n:03}" for n in reversed(range(120))]
    today = console.api.journal.now() + timedelta(hours=5)
    assert "look 119." in auditor.get(f"/console/account?actor=api:export&day={today:%Y-%m-%d}").text
    assert "Nobody has looked." in auditor.get("/console/account?actor=api:export&day=2020-01-01").text
    assert "Nobody has looked." in auditor.get("/console/account?actor=export").text
    assert "source" in auditor.get(f"/console/account?of=sources&day={today:%Y-%m-%d}").text
    for query in (
        "before=x",
        f"before={'9' * 30}",
        "day=tomorrow",
        "day=0001-01-01",
        "actor=a%00",
        f"actor={'a' * 300}",
    ):
        assert auditor.get(f"/console/account?{query}").status_code == 400, query
        assert auditor.get(f"/console/account/done?{query}").status_code == 400, query
    for query, code in (("find=x", 410), ("appeal=x", 404), (f"appeal={ids(console)[0]}&before=1", 400)):
        assert auditor.get(f"/console/account?{query}").status_code == code, query
    assert auditor.get("/console/account/done?what=read").status_code == 400
    assert auditor.get("/console/account/done?number=AB-1").status_code == 404


def test_what_was_done_has_who_and_why(console: World) -> None:
    """By actor, kind and appeal; looks are not among it, and ops see it as auditors do."""
    ops, appeal = console.signed_in("ops", "berik"), ids(console)[-1]
    path = f"/console/appeals/{appeal}"
    ops.post(f"{path}/hold", data={"csrf": csrf_of(ops.get(path)), "reason": "the citizen calls"})
    row = console.do(lambda journal: journal.ask(lists.appeal_of, appeal))
    assert row is not None
    for who in (console.signed_in("auditor"), ops):
        for query in ("", "actor=berik", "what=held&actor=person:berik", f"number={row.number}"):
            page = who.get(f"/console/account/done?{query}").text
            assert "the citizen calls" in page
            assert f'href="{path}"' in page
        assert "signed in" in who.get("/console/account/done?actor=berik&what=client_rotated").text
        assert "the citizen calls" not in who.get("/console/account/done?what=released").text
        assert "looked at" not in who.get("/console/account/done").text


def test_every_kind_of_entry_has_words() -> None:
    """Whatever can stand in the log is told in the reader's language, not in the log's own word."""
    words = Words(ReaderLanguage.KAZAKH)
    assert [each.value for each in EventType if kind_said(each, words).isascii()] == []


def test_the_policy_is_a_page_without_secrets(console: World) -> None:
    """Each role, client and receiver with its mask and what that hides; each client with its sessions."""
    ops = console.signed_in("ops", "berik")
    page = ops.get("/console/account/policy").text
    for said in ("gbdfl.person/birth_date", "technical", "receiver", "desk", "berik", "operate"):
        assert said in page, said
    assert all(each in page for each in RIGHTS.values())
    assert set(RIGHTS) == set(Action)
    assert "дереккөздерді ажырату" in ops.get("/console/account/mine?lang=kk").text
    secret = ops.cookies["appealbus"]
    assert secret not in page
    assert sha256(secret.encode()).hexdigest() not in page
    assert ops.get("/console/account/policy?before=zzz").status_code == 200


def test_one_signs_out_everywhere_else(console: World) -> None:
    """At once, on record, and this session goes on; a second press does nothing."""
    here, there = console.signed_in("reviewer", "olga"), console.signed_in("reviewer", "olga")
    page = here.get("/console/account/mine")
    assert page.text.count("since ") == 2
    for _ in range(2):
        after = here.post("/console/account/sign-out", data={"csrf": csrf_of(page)})
        assert "You are signed out everywhere else." in after.text
        assert after.text.count("since ") == 1
    assert there.get("/console/appeals").url.path == "/console/enter"
    ended = console.do(
        lambda journal: journal.ask(access.deeds, AuditFilter(actor="person:olga", what="client_revoked"))
    ).entries
    assert len(ended) == 3  # two links that were used, and one session
