"""What hostile people send: forged paths, tokens and texts; no page fails, and none shows what it must not."""

import re
import time
from urllib.parse import quote

import pytest

from appealbus.core.domain.listing import AppealState
from appealbus.core.domain.operation import Operation, Order
from appealbus.core.domain.selection import Selection
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.rows import NewAppeal
from appealbus.core.operations import operations
from appealbus.plugins.console.view import all_views
from appealbus.schemas.appeal import Appeal, AppealKind
from tests.plugins.console.kit import csrf_of
from tests.plugins.console.waiting import park
from tests.plugins.console.world import World

IIN, BODY = "900101300017", "740240030071"


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
    (row, *_) = console.do(lambda journal: journal.appeals())
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
    for row in console.do(lambda journal: journal.appeals()):
        assert desk.get(f"/console/appeals/{row.public_id}").status_code == 200


def test_now_tells_nothing_that_is_hidden(console: World) -> None:
    """Who sees some places has no numbers of others there; bodies stay hidden where the mask hides them."""
    console.do(park([0, 2], body=BODY))
    ops, chief = console.signed_in("ops"), console.signed_in("ops", "chief")
    some = console.signed_in("ops", "region", places=("750000000",))
    time.sleep(1.1)  # one look of Now serves a second
    pages = [who.get("/console/now").text for who in (ops, chief, some)]
    assert [BODY in each for each in pages] == [False, True, False]
    assert ["AB-2026-" in each or "AB-2027-" in each for each in pages] == [True, True, False]


def test_what_steers_a_page_is_written_out(console: World) -> None:
    """Marks of direction in a number or a text turn nothing round on a page: they are seen as what they are."""

    told = {"message_id": "b\u202ea", "channel": "c", "number": "Ж\u202e-15", "text": "\u2066<b>Жер"}
    appeal = Appeal(**told, kind=AppealKind.COMPLAINT)
    console.do(lambda journal: journal.accept(NewAppeal(appeal, journal.now(), "x")))
    public_id = console.do(lambda journal: journal.appeals(limit=100))[-1].public_id
    ops = console.signed_in("registry")
    for page in (ops.get("/console/appeals"), ops.get(f"/console/appeals/{public_id}")):
        assert ("\u202e" in page.text, r"Ж\u202e-15" in page.text) == (False, True)


def test_what_is_written_as_a_reason_hides_what_a_mask_hides(console: World) -> None:
    """A number of a person in a reason is shown to nobody whose mask hides it; a reason that is not seen is none."""
    ops, chief = console.signed_in("ops"), console.signed_in("ops", "chief")
    (row, *_) = console.do(lambda journal: journal.appeals(state=AppealState.IDLE))
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
