"""Masked versions: made once, kept within a bound, never an old one, and none holds up the loop."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from appealbus.core.domain.client import Role
from appealbus.core.fair_share import on_behalf_of
from appealbus.core.journal.appeals import lists
from appealbus.core.journal.appeals.accepting import NewAppeal
from appealbus.core.journal.appeals.concluding import Conclusion
from appealbus.core.journal.journal import Journal
from appealbus.core.process import helpers
from appealbus.core.rights import masked_version
from appealbus.core.rights import masker as module
from appealbus.core.rights.mask import Mask
from appealbus.core.rights.masked_version import Looks
from appealbus.core.rights.masker import Masker, NeverMasked, NotMasked
from appealbus.core.rights.paths import Pattern
from appealbus.core.rights.viewer import Viewer
from appealbus.core.rights.views import Views
from appealbus.schemas import Appeal, Completeness
from tests.core.journal.conftest import NOW
from tests.core.rights.made import FIELDS, dossier, value
from tests.services.journals import sqlite_journal

MASK = Mask("desk", hides=(Pattern.parse("appeal.applicant.phone"),), identifiers=("iin", "bin", "cadastral_number"))


def version(text: str = "a letter", number: int = 1) -> bytes:
    """Return the JSON of a version."""
    made = dossier({path: value(kind, number) for path, kind in FIELDS.items()}) | {"version": 1}
    made["appeal"]["text"] = text
    return orjson.dumps(made)


LARGE = version("1 " * 100_000)


@pytest.fixture
async def masker() -> AsyncIterator[Masker]:
    made = Masker()
    yield made
    await made.aclose()


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was masked in this process."""
    made: list[Any] = []
    original = masked_version.masked

    def masked(mask: Mask, *given: Any) -> Any:
        made.append(mask)
        return original(mask, *given)

    monkeypatch.setattr(masked_version, "masked", masked)
    monkeypatch.setattr(module, "_SMALL", 64 * 1024)
    return made


@pytest.mark.proof
@pytest.mark.parametrize("raw", [version(), LARGE], ids=["small", "large"])
async def test_what_is_kept_is_what_would_be_made(masker: Masker, raw: bytes) -> None:
    """Small or large, the first time and the next one."""
    expected = masked_version.seen(MASK, raw, 1)
    for at in (1, 7):
        found = await masker.seen(MASK, raw, at)
        assert (found.raw, found.digest, found.version) == (expected.raw, expected.digest, at)


@pytest.mark.proof
async def test_a_small_version_full_of_numbers_does_not_hold_up_the_loop(masker: Masker) -> None:
    """It looks as it would anyway; a usual one needs no helper process."""

    def small(text: str) -> bytes:
        return orjson.dumps({"schema_version": "1", "receipt": {}, "appeal": {"text": text}})

    usual = small("Прошу ответить, ИИН 750301100019, тел. +7 701 123 45 67. " * 5 + "Фонари не горят. " * 100)
    assert (await masker.seen(MASK, usual, 1)).raw == masked_version.seen(MASK, usual, 1).raw
    assert not masker._helpers._idle
    await masker.seen(MASK, LARGE, 1)
    for piece in ("O1|20:327:001:123aОИИН ", "1| :", "750301100019 ", "1-"):
        raw = small(piece * (6_000 // len(piece)))
        assert len(raw) < module._SMALL
        expected = masked_version.seen(MASK, raw, 1).raw
        busy = time.thread_time()
        found = await masker.seen(MASK, raw, 1)
        assert time.thread_time() - busy < 0.025, piece
        assert found.raw == expected, piece


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
async def test_a_repeated_read_masks_nothing(
    request: pytest.FixtureRequest, tmp_path: Path, masker: Masker, counted: list[Any], database: str
) -> None:
    """A viewer reads, another one with the mask does, and the row is told: the version is masked once."""
    url = sqlite_journal(tmp_path / "journal.db")
    if database == "postgresql":
        url = str(request.getfixturevalue("journal_database"))
    async with await Journal.open(url) as journal:
        taken = await journal.accept(NewAppeal(Appeal(message_id="m"), NOW, "bus"))
        for at in (1, 2):
            made = Conclusion(
                taken.appeal_id, dossier=version(number=at), version=at, completeness=Completeness.COMPLETE
            )
            await journal.conclude(made)
        row, looks = await journal.ask(lists.appeal_row, taken.receipt.number), Looks()
        assert row is not None
        for name in ("one", "two"):
            views = Views(journal, Viewer(name, Role.REVIEWER, MASK), looks, masker)
            for _ in range(5):
                first = await views.dossier(row)
                assert first is not None
                await views.row(row)
        assert len(counted) == 2  # the newest, and the one before


@pytest.mark.proof
async def test_nothing_old_is_shown(masker: Masker) -> None:
    """Another content under the same number, and another mask under the same name, are masked anew."""
    first = await masker.seen(MASK, version("onyx"), 1)
    assert b"onyx" in first.raw
    assert b"topaz" in (await masker.seen(MASK, version("topaz"), 1)).raw
    stricter = replace(MASK, hides=(*MASK.hides, Pattern.parse("appeal.text")))
    assert b'"text"' in first.raw
    for _ in range(2):
        assert b"onyx" not in (await masker.seen(stricter, version("onyx"), 1)).raw
    assert (await masker.seen(MASK, version("onyx"), 1)).raw == first.raw


async def test_what_is_kept_is_bounded(counted: list[Any]) -> None:
    """In bytes; who reads much loses its own, and not what others read."""
    masker = Masker(most=200_000)
    with on_behalf_of("modest"):
        await masker.seen(MASK, version(), 1)
    with on_behalf_of("greedy"):
        for at in range(100):
            await masker.seen(MASK, version(f"{at} a" * 1000), 1)
    held = sum(len(entry.found.raw) for entry in masker._kept.values() if entry.found)
    assert 100_000 < held < 200_000
    assert masker._sizes.total() == sum(entry.size for entry in masker._kept.values())
    before = len(counted)
    with on_behalf_of("modest"):
        await masker.seen(MASK, version(), 1)
    assert len(counted) == before


@pytest.mark.proof
async def test_a_large_version_does_not_hold_the_loop(masker: Masker, counted: list[Any]) -> None:
    """It is masked in another process: of this one it costs some copies."""
    raw = version("слово " * 350_000)
    await masker.seen(MASK, LARGE, 1)
    before = time.thread_time()
    found = await masker.seen(MASK, raw, 1)
    assert time.thread_time() - before < 0.3
    assert len(found.raw) > 3_000_000
    assert not counted


@pytest.mark.proof
async def test_what_takes_too_long_has_an_end(masker: Masker, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told as such, at once for a while, and the next version is masked."""
    monkeypatch.setattr(module, "_WITHIN", 0.0)
    await masker.seen(MASK, LARGE, 1)  # the start of the helper does not count
    second = version("2 " * 100_000)
    with pytest.raises(NotMasked):
        await masker.seen(MASK, second, 1)
    monkeypatch.undo()
    with pytest.raises(NotMasked):
        await masker.seen(MASK, second, 1)
    assert (await masker.seen(MASK, version("3 " * 100_000), 1)).raw
    monkeypatch.setattr(module, "monotonic", lambda: float("inf"))
    assert (await masker.seen(MASK, second, 1)).raw


@pytest.mark.proof
async def test_a_large_version_that_is_damaged_is_told(masker: Masker) -> None:
    """As a small one is."""
    for raw in (b"{}", b'{"a": "' + b"a" * 100_000 + b'"}', LARGE[:-1]):
        with pytest.raises(ValueError, match=r"damaged|JSON|unexpected"):
            await masker.seen(MASK, raw, 1)


async def test_who_waits_for_a_large_one_holds_up_no_other(masker: Masker, monkeypatch: pytest.MonkeyPatch) -> None:
    """One requester has one process at a time: the next one finds another free."""
    inside: list[str] = []
    go = asyncio.Event()

    async def ask(self: object, about: list[Any], raw: bytes, within: float) -> tuple[list[Any], bytes]:
        inside.append(raw.decode())
        await go.wait()
        return [True, "00"], raw

    monkeypatch.setattr(helpers.Helper, "ask", ask)
    with on_behalf_of("greedy"):
        tasks = [asyncio.create_task(masker.seen(MASK, b"%d" % at * 100_000, 1)) for at in (1, 2, 3)]
    await asyncio.sleep(0.01)
    with on_behalf_of("modest"):
        tasks.append(asyncio.create_task(masker.seen(MASK, b"4" * 100_000, 1)))
    await asyncio.sleep(0.01)
    assert [each[0] for each in inside] == ["1", "4"]
    go.set()
    await asyncio.gather(*tasks)


async def test_what_nobody_can_mask_counts_as_damaged(masker: Masker, monkeypatch: pytest.MonkeyPatch) -> None:
    """A defect at once, and what takes too long after some tries: so no letter stops those who read the feed."""

    async def dies(*given: Any) -> Any:
        raise helpers.HelperDied

    monkeypatch.setattr(helpers.Helper, "ask", dies)
    monkeypatch.setattr(module, "_AGAIN", -1.0)
    for _ in range(module._TRIES):
        with pytest.raises(NotMasked):
            await masker.seen(MASK, LARGE, 1)
    with pytest.raises(NeverMasked, match="cannot be masked"):
        await masker.seen(MASK, LARGE, 1)

    def defect(*given: Any) -> Any:
        raise RuntimeError

    monkeypatch.setattr(masked_version, "masked", defect)
    monkeypatch.setattr(module, "_SMALL", 64 * 1024)
    with pytest.raises(ValueError, match="cannot be masked"):
        await masker.seen(MASK, version("3"), 1)
