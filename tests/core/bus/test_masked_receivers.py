"""Receivers with a mask: nothing hidden goes out, by whatever way, and nothing tells that it has changed."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import aclosing, closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from appealbus.core import From, Handed, Outgoing, Refused, packing
from appealbus.core.bus.delivery.receiver import UNMASKED, ReceiverMask
from appealbus.core.journal.appeals import cases
from appealbus.core.journal.appeals.accepting import NewAppeal
from appealbus.core.journal.appeals.concluding import Conclusion
from appealbus.core.journal.deliveries import deliveries, delivering
from appealbus.core.journal.deliveries.deliveries import DeliveryState
from appealbus.core.journal.journal import Journal
from appealbus.core.rights import masked_version
from appealbus.core.rights.mask import Mask
from appealbus.core.rights.masker import Masker
from appealbus.core.rights.paths import Pattern
from appealbus.core.rights.viewer import Viewer
from appealbus.schemas import Appeal, Completeness
from tests.core import kit
from tests.core.journal.conftest import NOW
from tests.core.journal.test_damaged_frames import conclude
from tests.core.rights.made import FIELDS, dossier, value
from tests.services.processes import PATIENCE

DAY = timedelta(days=1)
SECRET = "+77010001122"
_POLICY = """
[masks.desk]
hides = ["appeal.applicant.phone", "s.thing/name"]
[receivers.out]
mask = "desk"
"""


@pytest.fixture(autouse=True)
def _nothing_got() -> None:
    kit.Receiver.got.clear()


def _tables(folder: Path) -> dict[str, Any]:
    (folder / "policy.toml").write_text(_POLICY)
    return {
        "deliveries": {"out": {"kind": "receiver"}, "all": {"kind": "receiver"}},
        "bus": {
            "journal": kit.sqlite_journal(folder / "journal.db"),
            "grace": 1,
            "policy": str(folder / "policy.toml"),
        },
    }


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not holds():
            await asyncio.sleep(0.01)


def _versions(receiver: str) -> list[int]:
    return [item.version for item in kit.Receiver.got.get(receiver, [])]


def _correction(message_id: str, **fields: Any) -> kit.Inbound:
    body = {"type": "change", "message_id": message_id, "appeal_message_id": "m-1", "kind": "corrected"}
    return kit.Inbound("test", f"test:{message_id}", orjson.dumps({**body, "corrected": {"applicant": fields}}))


async def test_a_receiver_gets_what_its_mask_shows(tmp_path: Path) -> None:
    """What is hidden is in no byte, and said to be; a receiver without a mask gets all."""
    thing = kit.lookup("s.thing", q=From("applicant.name"))
    async with kit.running_bus(tmp_path, thing, **_tables(tmp_path)) as bus:
        await bus.accept(kit.message(applicant={"type": "person", "name": "Асель", "phone": SECRET}))
        await _until(lambda: bool(_versions("out")) and bool(_versions("all")))
    (masked,), (whole,) = kit.Receiver.got["out"], kit.Receiver.got["all"]
    assert SECRET.encode() in whole.dossier
    assert SECRET.encode() not in masked.dossier
    document = orjson.loads(masked.dossier)
    assert document["hidden"] == ["appeal.applicant.phone", "s.thing/name"]
    assert document["appeal"]["applicant"] == {"type": "person", "name": "Асель"}
    assert document["facts"][0]["record"] == {"type": "test.Thing", "next": []}
    assert "raw_sha256" not in document["facts"][0]["provenance"]


async def test_a_version_that_says_nothing_new_is_not_handed_over(tmp_path: Path) -> None:
    """A correction of a hidden field goes to others alone; the next visible one comes to all, once."""
    async with kit.running_bus(tmp_path, **_tables(tmp_path)) as bus:
        taken = await bus.accept(kit.message(applicant={"type": "person", "name": "Асель", "phone": SECRET}))
        await _until(lambda: _versions("all") == [1])
        await bus.accept(_correction("c-1", type="person", phone="+77010009999"))
        await _until(lambda: _versions("all") == [1, 2])
        await bus.accept(_correction("c-2", type="person", name="Әсел"))
        await _until(lambda: _versions("all") == [1, 2, 3] and _versions("out")[-1:] == [3])
        async with asyncio.timeout(PATIENCE):
            while any(
                each.state is DeliveryState.WAITING
                for each in await bus.journal.ask(deliveries.deliveries, taken.receipt.number)
            ):
                await asyncio.sleep(0.01)
        rows = await bus.journal.ask(deliveries.deliveries, taken.receipt.number)
    assert _versions("out") == [1, 3]
    assert [(row.version, row.state) for row in rows if row.receiver == "out"] == [
        (version, DeliveryState.DELIVERED) for version in (1, 2, 3)
    ]
    told = [orjson.loads(item.dossier) for item in kit.Receiver.got["out"]]
    assert "changes" not in told[0]
    assert [each["fields"] for each in told[1]["changes"]] == [["applicant.name"]]


async def test_what_cannot_be_masked_does_not_go_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits for a person with a code, and the receiver gets nothing of it."""

    def broken(mask: Mask, *given: Any) -> Any:
        raise RuntimeError(f"a defect over {given}")

    monkeypatch.setattr(masked_version, "masked", broken)
    async with kit.running_bus(tmp_path, **_tables(tmp_path)) as bus:
        taken = await bus.accept(kit.message(applicant={"type": "person", "phone": SECRET}))
        await _until(lambda: bool(_versions("all")))
        async with asyncio.timeout(PATIENCE):
            while not (alone := await bus.journal.ask(deliveries.deliveries, receiver="out")):
                await asyncio.sleep(0.01)
    assert [(row.number, row.state, row.reason) for row in alone] == [
        (taken.receipt.number, DeliveryState.ALONE, UNMASKED)
    ]
    assert "out" not in kit.Receiver.got


async def test_a_version_goes_out_where_the_receiver_never_had_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it would not take is nothing that it knows: the next version is news, though it looks the same."""
    deliver = kit.Receiver.deliver

    async def choosy(self: kit.Receiver, batch: Sequence[Outgoing]) -> Sequence[Handed]:
        if self.name == "out" and batch[0].version == 1:
            return [Refused("no")]
        return await deliver(self, batch)

    monkeypatch.setattr(kit.Receiver, "deliver", choosy)
    async with kit.running_bus(tmp_path, **_tables(tmp_path)) as bus:
        await bus.accept(kit.message(applicant={"type": "person", "name": "Асель", "phone": SECRET}))
        await _until(lambda: _versions("all") == [1])
        await bus.accept(_correction("c-1", type="person", phone="+77010009999"))
        await _until(lambda: _versions("out") == [2])


async def _handed(journal: Journal, masker: Masker, became: dict[int, str], looks: str) -> list[int]:
    """Make versions that look as the letters do, and return those that go out to a receiver with a mask.

    What became of a version is `taken` or `given up`; many other receivers take all of them.
    """
    taken = await journal.accept(NewAppeal(Appeal(message_id="m"), NOW, "bus"))
    mask = Mask("desk", hides=(Pattern.parse("appeal.applicant.phone"),))
    receiver = ReceiverMask(Viewer("out", None, mask), journal, masker)
    usual = {path: value(kind, 1) for path, kind in FIELDS.items()}
    out = []
    for version, look in enumerate(looks, 1):
        made = dossier({**usual, "appeal.text": look, "appeal.applicant.phone": str(version)}) | {"version": version}
        others = [f"r-{number}" for number in range(40)] + ["out"]
        await journal.conclude(
            Conclusion(
                taken.appeal_id,
                dossier=orjson.dumps(made),
                version=version,
                completeness=Completeness.COMPLETE,
                receivers=others,
            )
        )
        due = [
            each
            for name in others[:-1]
            for each in await journal.ask(deliveries.undelivered, name, journal.now() + DAY, 10)
        ]
        await journal.do(delivering.Confirmed([each.delivery_id for each in due]))
        rows = await journal.ask(deliveries.undelivered, "out", journal.now() + DAY, 10)
        going, _ = await receiver.masked(rows)
        out += [row.version for row in going]
        if became.get(version, "taken") == "taken":
            await journal.do(delivering.Confirmed([row.delivery_id for row in rows]))
        else:
            await journal.do(delivering.GivenUp([(row.delivery_id, "died") for row in rows]))
    return out


@pytest.mark.proof
@pytest.mark.parametrize(
    ("looks", "became", "goes"),
    [
        ("AABA", {}, [1, 3, 4]),
        ("ABA", {}, [1, 2, 3]),
        ("ABA", {2: "given up"}, [1, 2, 3]),  # it may have arrived
        ("AA", {1: "given up"}, [1, 2]),
    ],
)
async def test_what_a_receiver_has_had_last_counts(
    tmp_path: Path, looks: str, became: dict[int, str], goes: list[int]
) -> None:
    """Not what came before, and not the first of a hundred deliveries of all receivers."""
    url = kit.sqlite_journal(tmp_path / "journal.db")
    async with await Journal.open(url) as journal, aclosing(Masker()) as masker:
        assert await _handed(journal, masker, became, looks) == goes


async def test_a_damaged_version_of_before_stops_no_receiver(tmp_path: Path) -> None:
    """Nobody knows how it looked: the next one goes out."""
    mask = Mask("desk", hides=(Pattern.parse("appeal.applicant.phone"),))
    async with await Journal.open(kit.sqlite_journal(tmp_path / "journal.db")) as journal:
        taken = await journal.accept(NewAppeal(Appeal(message_id="m"), NOW, "bus"))
        for _ in range(2):
            await conclude(journal, (await journal.ask(cases.cases, [taken.appeal_id]))[0])
            rows = await journal.ask(deliveries.undelivered, "out", journal.now() + DAY, 10)
            if rows[0].version == 1:
                await journal.do(delivering.Confirmed([row.delivery_id for row in rows]))
        with closing(sqlite3.connect(tmp_path / "journal.db")) as connection, connection:
            damage = "UPDATE dossier SET document = ? WHERE version = 1"
            assert connection.execute(damage, (packing._PACKED + b"{}",)).rowcount == 1
        async with aclosing(Masker()) as masker:
            going, ended = await ReceiverMask(Viewer("out", None, mask), journal, masker).masked(rows)
    assert ([row.version for row in going], ended) == ([2], [])
