"""Another key: everything is marked anew in batches, which may be interrupted anywhere."""

from dataclasses import replace
from pathlib import Path

import pytest

from appealbus.core.journal import keeping, log, renewing, store
from appealbus.core.journal.appeals import cases, leases, lists
from appealbus.core.journal.appeals.accepting import NewAppeal
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.key import KeyFile
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.record import OtherRecord
from tests.core.journal.test_naming import IIN, OTHER, number
from tests.services.asking import appeals_of

HOLDER, FORMER = number("85010130007"), number("85010130006")
APPEALS = 7


def key_of(url: str) -> Path:
    return Path(f"{url.removeprefix('sqlite:///')}.key") if url.startswith("sqlite") else store.UNNAMED_KEY


class Killed(Exception):
    """The process ended."""


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(renewing, "_BATCH", 2)


@pytest.fixture
async def filled(url, make):
    """A journal with appeals, each with a record that took another one's place."""
    async with await Journal.open(url) as journal:
        for index in range(APPEALS):
            content = Appeal.model_validate(
                {"message_id": f"m{index}", "applicant": {"type": "person", "iin": OTHER if index else IIN}}
            )
            accepted = await journal.accept(NewAppeal(content, make.now, "appealbus"), owner="me")
            for iin in (FORMER, HOLDER):
                record = OtherRecord.model_validate({"type": "acme.Person", "iin": iin})
                await journal.post(
                    keeping.Keep(accepted.appeal_id, replace(make.found(), record=record, inputs=()), owner="me")
                )
        await journal.do(leases.Release("me"))
    return url


async def counts(url: str) -> list[int]:
    async with await Journal.open(url) as journal:
        return [len(await appeals_of(journal, "iin", iin)) for iin in (IIN, OTHER, HOLDER, FORMER)]


async def renewed(url: str, killed_at: int | None = None) -> int:
    def tell(done: int) -> None:
        if killed_at is not None and done >= killed_at:
            raise Killed

    async with await Journal.open(url, key=KeyFile(key_of(url), anew=True)) as journal:
        return await renewing.renew(
            journal, lambda case: {(each.lookup, each.key): f"new-{case.appeal_id}" for each in case.states}, tell
        )


@pytest.mark.proof
async def test_all_is_found_as_before(filled, tmp_path):
    """However often it was stopped: with one new key, by whoever is named, by former records too."""
    before, old = await counts(filled), key_of(filled).read_text()
    assert before == [1, APPEALS - 1, APPEALS, APPEALS]
    with pytest.raises(Killed):
        await renewed(filled, 3)
    new = key_of(filled).read_text()
    assert new != old
    with pytest.raises(Exception, match="not all is marked anew"):
        await Journal.open(filled)
    with pytest.raises(Killed):
        await renewed(filled, 1)
    assert await renewed(filled) == 1
    assert key_of(filled).read_text() == new
    assert await counts(filled) == before
    async with await Journal.open(filled) as journal:
        for row in await journal.ask(lists.appeals):
            assert [state.key for state in await journal.ask(cases.states, row.number)] == [f"new-{row.appeal_id}"]
        told = [each for each in (await journal.ask(log.page)).entries if each.what == "migrated"]
    if filled.startswith("sqlite"):  # elsewhere a running bus places it
        assert [(each.about, each.detail) for each in told] == [("key", {"rows": 1})]


async def test_a_key_that_is_lost_while_all_is_marked_anew(filled):
    """It begins again with another one."""
    with pytest.raises(Killed):
        await renewed(filled, 3)
    key_of(filled).unlink()
    assert await renewed(filled) == APPEALS
    assert await counts(filled) == [1, APPEALS - 1, APPEALS, APPEALS]
