"""What hostile people send: forged paths, tokens and texts; no page fails, and none shows what it must not."""

import json
import re
import time
from datetime import timedelta
from html import unescape
from pathlib import Path
from urllib.parse import quote

import pytest

from appealbus.core.domain.client import Credential
from appealbus.core.domain.listing import AppealState
from appealbus.core.domain.operation import Operation, Order
from appealbus.core.domain.selection import Selection
from appealbus.core.domain.source_state import SourceState
from appealbus.core.journal import clients, workers
from appealbus.core.journal.appeals import lists
from appealbus.core.journal.appeals.accepting import NewAppeal
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.workers import WorkerState
from appealbus.core.management import operations
from appealbus.core.management.settings import in_force
from appealbus.core.rights.credentials import new_token
from appealbus.plugins.console import truncation
from appealbus.plugins.console.view import all_views
from appealbus.schemas.appeal import Appeal, AppealKind
from tests.plugins.console import world as worlds
from tests.plugins.console.kit import csrf_of
from tests.plugins.console.waiting import park
from tests.plugins.console.world import World, world

IIN, BODY = "900101300017", "740240030071"


@pytest.mark.proof
@pytest.mark.parametrize("role", ["ops", "registry"])
def test_no_page_fails_over_what_a_path_says(console: World, role: str) -> None:
    """Numbers without end, digits of others, NUL and broken UTF-8 lead to nothing, and it is said so."""
    who = console.signed_in(role)
    paths = {each.path for view in all_views() for each in view.routes if "{" in each.path}
    said = ("9" * 5000, "9" * 19, quote("\0"), quote("٣"), "%ff")
    addresses = {f"/console{re.sub('{.*?}', each, path)}" for path in paths for each in said}
    failed = {each[:80]: status for each in addresses if (status := who.get(each).status_code) not in (403, 404, 405)}
    assert not failed


def test_a_token_is_good_for_what_it_was_made_for(console: World) -> None:
    """Who may ask who looked at a person does not list that person's appeals by it; nor does any other token."""
    auditor = console.signed_in("auditor")
    given = {"csrf": csrf_of(auditor.get("/console/account")), "q": IIN, "purpose": "a call"}
    looks = auditor.post("/console/account/find", data=given)
    assert looks.status_code == 200
    token = looks.url.params["find"]
    assert auditor.get("/console/appeals", params={"find": token}).status_code == 410
    (row, *_) = console.do(lambda journal: journal.ask(lists.appeals))
    registry = console.signed_in("registry")
    path = f"/console/appeals/{row.public_id}"
    opened = registry.post(f"{path}/unmask", data={"csrf": csrf_of(registry.get(f"{path}/dossier")), "purpose": "x"})
    seen = opened.url.params["seen"]
    assert registry.get("/console/appeals", params={"find": seen}).status_code == 410
    found = registry.post("/console/search", data={**given, "csrf": csrf_of(opened)}).url.params["find"]
    assert registry.get(f"{path}/dossier", params={"seen": found}).status_code == 410


def test_an_appeal_stands_there_for_whom_times_are_hidden(console: World) -> None:
    """A mask that hides a field hides when questions that rest on it ended: the page is there without that."""
    desk = console.signed_in("reviewer", "desk")
    for row in console.do(lambda journal: journal.ask(lists.appeals)):
        assert desk.get(f"/console/appeals/{row.public_id}").status_code == 200


@pytest.mark.proof
def test_now_tells_nothing_that_is_hidden(console: World) -> None:
    """Who sees some places has no numbers of others there; bodies stay hidden where the mask hides them."""
    console.do(park([0, 2], body=BODY))
    ops, chief = console.signed_in("ops"), console.signed_in("ops", "chief")
    some = console.signed_in("ops", "region", places=("750000000",))
    time.sleep(1.1)  # one look of Now serves a second
    pages = [who.get("/console/now").text for who in (ops, chief, some)]
    assert [BODY in each for each in pages] == [False, True, False]
    assert ["AB-20" in each for each in pages] == [True, True, False]


def test_what_steers_a_page_is_written_out(console: World) -> None:
    """Marks of direction in a number or a text turn nothing round on a page: they are seen as what they are."""

    told = {"message_id": "b\u202ea", "channel": "c", "number": "Ж\u202e-15", "text": "\u2066<b>Жер"}
    appeal = Appeal(**told, kind=AppealKind.COMPLAINT)
    console.do(lambda journal: journal.accept(NewAppeal(appeal, journal.now(), "x")))
    public_id = console.do(lambda journal: journal.ask(lists.appeals, limit=100))[-1].public_id
    ops = console.signed_in("registry")
    for page in (ops.get("/console/appeals"), ops.get(f"/console/appeals/{public_id}")):
        assert ("\u202e" in page.text, r"Ж\u202e-15" in page.text) == (False, True)


def test_what_is_written_as_a_reason_hides_what_a_mask_hides(console: World) -> None:
    """A number of a person in a reason is shown to nobody whose mask hides it; a reason that is not seen is none."""
    ops, chief = console.signed_in("ops"), console.signed_in("ops", "chief")
    (row, *_) = console.do(lambda journal: journal.ask(lists.appeals, state=AppealState.IDLE))
    path, reason = f"/console/appeals/{row.public_id}", f"she ({IIN})\u202e called\0"
    csrf = csrf_of(chief.get(path))
    for unseen in ("\u200b\u202e", " ", "\0"):
        assert chief.post(f"{path}/hold", data={"csrf": csrf, "reason": unseen}).status_code == 422
    assert f"she ({IIN}) called" in chief.post(f"{path}/hold", data={"csrf": csrf, "reason": reason}).text

    async def ordered(journal: Journal) -> int:
        frozen = await operations.freeze(journal, Order(Operation.REFRESH), Selection(kind="complaint"))
        return (await operations.begin(journal, frozen, frozen.hash, reason=reason)).id

    number = console.do(ordered)
    for each in (path, "/console/appeals?state=held", "/console/operations", f"/console/operations/{number}"):
        assert IIN in chief.get(each).text
        page = ops.get(each)
        assert (page.status_code, IIN in page.text, "she (" in page.text) == (200, False, True), each


@pytest.mark.proof
def test_the_largest_appeal_has_pages_of_their_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever one writes, no page is larger than others; all of it is on one of them, but the end of a letter."""
    given = {"message_id": "b", "channel": "c", "kind": "complaint", "text": "\u202e<Жер" * 40_000}
    given["attachments"] = [{"file_name": f"<{'Құжат' * 55}> {at}."} for at in range(1000)]
    given["parcels"] = [{"cadastral_number": f"20-315-{at:03}-001", "note": "Ж" * 900} for at in range(100)]
    (tmp_path / "one.jsonl").write_text(json.dumps(given), encoding="utf-8")
    monkeypatch.setattr(worlds, "_EXAMPLES", tmp_path / "one.jsonl")
    monkeypatch.setattr(worlds, "APPEALS", 1)
    monkeypatch.setattr(worlds, "PARKED", 1)
    with world(tmp_path) as made:
        (row,) = made.do(lambda journal: journal.ask(lists.appeals))
        person, path = made.signed_in("registry"), f"/console/appeals/{row.public_id}"
        given = {"csrf": csrf_of(person.get(f"{path}/dossier")), "purpose": "a call"}
        pages = [person.post(f"{path}/unmask", data=given)]
        seen = pages[0].url.params["seen"]
        while following := re.search(r'rel="next" href="([^"]+)"', pages[-1].text):
            pages.append(person.get(unescape(following[1])))
        found = [number for each in pages for number in re.findall(r"&gt; (\d+)\.</dd>", each.text)]
        assert found == [str(at) for at in range(1000)]
        pages += [person.get(path), person.get(path, params={"seen": seen})]
        pages.append(person.get(f"{path}/explain", params={"seen": seen, "field": "appeal.text"}))
        assert all("90 more" in each.text for each in pages[-3:-1])
        pages.append(person.get(f"{path}/explain", params={"seen": seen, "field": "appeal"}))
        fields = []
        while following := re.search(r'rel="next" href="([^"]+)"', pages[-1].text):
            fields += re.findall(r"<code>appeal\.attachments\[(\d+)\]", pages[-1].text)
            pages.append(person.get(unescape(following[1])))
        fields += re.findall(r"<code>appeal\.attachments\[(\d+)\]", pages[-1].text)
        assert fields == [str(at) for at in range(1000)]
        assert [(each.status_code, len(each.content)) for each in pages if len(each.content) > 100_000] == []
        assert {each.status_code for each in pages} == {200}


def test_somebody_who_is_signed_in_very_often_sees_and_ends_it(console: World) -> None:
    """The newest sessions are shown, the others counted, and all but this one end at once."""
    person = console.signed_in("reviewer", "often")

    async def begin(journal: Journal) -> None:
        now = journal.now()
        for _ in range(60):
            _, mark, digest = new_token()
            await journal.do(
                clients.NewCredential("often", Credential(mark, "session", now, now + timedelta(hours=1)), digest, None)
            )

    console.do(begin)
    page = person.get("/console/account/mine")
    assert "11 more" in page.text
    page = person.post("/console/account/sign-out", data={"csrf": csrf_of(page)})
    assert ("this one" in page.text, "more" in page.text.partition("signed in</h2>")[2].partition("</section>")[0]) == (
        True,
        False,
    )


@pytest.mark.proof
def test_hundreds_of_sources_fit_on_pages(console: World) -> None:
    """The worst are named on the first page, the others counted; the list goes on until all were there."""
    names = {f"s{at}" for at in range(300)}

    async def tell(journal: Journal) -> None:
        states = [
            SourceState(each, "shep", "open", 0, 1, 0.2, {"unavailable": 9}, 0.1, 2.5, last_error="http.502: away")
            for each in names
        ]
        worker = WorkerState("0123456789abcdef", "node-1", 4711, journal.now(), 3, 1200, ())
        await journal.do(workers.Beat(worker, states, 600))

    console.do(tell)
    ops = console.signed_in("ops")
    time.sleep(1.1)  # one look of Now serves a second
    page = ops.get("/console/now")
    assert (len(page.content) < 30_000, "273 more" in page.text) == (True, True)
    pages = [ops.get("/console/sources")]
    while following := re.search(r'rel="next" href="([^"]+)"', pages[-1].text):
        pages.append(ops.get(unescape(following[1])))
    assert max(len(each.content) for each in pages) < 100_000
    assert names <= {name for each in pages for name in re.findall(r"/console/sources/(\w+)\"", each.text)}
    assert ops.get("/console/sources?behind=900").status_code == 400


def test_a_long_configuration_goes_on(console: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of dozens of sources with all that nobody has written: each setting stands on one page."""
    ops = console.signed_in("ops")
    assert 'rel="next"' not in ops.get("/console/configuration?all=1").text
    monkeypatch.setattr(truncation, "_BYTES", 9000)
    pages = [ops.get("/console/configuration?all=1")]
    while following := re.search(r'rel="next" href="([^"]+)"', pages[-1].text):
        pages.append(ops.get(unescape(following[1])))
    assert len(pages) > 5
    settings = [each for page in pages for each in re.findall(r'<th scope="row"><code>([^<]+)', page.text)]
    assert sorted(settings) == sorted(each.key for each in in_force(console.api.loaded, console.api.host))
