"""The signals, over a bus that works a real journal."""

import threading
from pathlib import Path
from typing import Any

import orjson
import pytest

from appealbus.core import Comparison, Inbound, Past, PastAssessor, Taken
from appealbus.core.bus.duties.filling import fill_next
from appealbus.core.bus.work import history_comparison
from appealbus.core.enrichment.fields import judged
from appealbus.core.journal.store import READERS
from appealbus.core.rights.fields import leads_in
from appealbus.core.rights.paths import path_of
from appealbus.core.testing import appeal
from appealbus.core.testing import dossier as made
from appealbus.plugins.identity import Identity
from appealbus.plugins.repeats.assessor import Repeats
from appealbus.plugins.repeats.part import Sketches
from appealbus.schemas import Appeal, Dossier, Person
from tests.core.kit import dossier, message, running_bus
from tests.plugins.repeats.making import LAND, by, text

PERSON = Person.model_validate(
    {
        "iin": "750301100019",
        "birth_date": "1975-03-01",
        "gender": {"code": "1"},
        "citizenship": {"code": "398"},
        "life_status": {"code": "0"},
    }
)
PARCEL = "20-315-045-123"
LETTER = text(12, 1)


def signals(told: Dossier) -> dict[str, str]:
    """Return what is said under which code, and see that each names fields that there are."""
    document = orjson.loads(told.model_dump_json(exclude_none=True))
    assert all(each.fields and all(leads_in(document, path_of(one)) for one in each.fields) for each in told.signals)
    return {each.code: each.message_en or "" for each in told.signals}


async def put(bus: Any, message_id: str, **given: Any) -> str:
    taken = await bus.accept(message(message_id, **{"kind": "application", **given}))
    assert isinstance(taken, Taken)
    return taken.receipt.number


async def ended(bus: Any, number: str, **given: Any) -> None:
    body = {"type": "change", "message_id": f"c-{number}-{given}"[:100], "number": number, "channel": "test"}
    body |= {"kind": "answered", "answered_on": "2026-03-01", **given}
    assert isinstance(await bus.accept(Inbound("test", "c", orjson.dumps(body))), Taken)


# How the earlier one ended, what this one says, and what it may be.
_ENDS: list[tuple[str, dict[str, Any], str, str, str]] = [
    ("application", {}, "{}", "undecided", "info"),
    ("application", {"result": "refused"}, "{}", "decided", "warning"),
    ("report", {"result": "explained"}, "{}", "terminable", "warning"),
    ("application", {"result": "terminated"}, "{}", "identical", "warning"),
    ("application", {"result": "refused"}, "{} Вода теперь и в подвале.", "new_arguments", "info"),
    ("application", {"result": "refused"}, "", "no_text", "info"),
    ("application", {"result": "silence"}, "{}", "undecided", "info"),
    ("application", {"kind": "withdrawn"}, "{}", "undecided", "info"),
]


async def test_the_same_matter_again(tmp_path: Path) -> None:
    """What it may be depends on how the earlier one ended and on what is new; it names number, body, outcome, day."""
    async with running_bus(tmp_path, assessors=[Repeats()], journal_parts=[Sketches()]) as bus:
        told = []
        for person, (kind, end, says, *_) in enumerate(_ENDS):
            letter = text(12, 100 + person)
            first = await put(bus, f"{person}-1", kind=kind, text=letter, category=LAND, **by(person))
            if end:
                await ended(bus, first, **end)
            again = says.format(letter.upper().replace(".", "!\n"))  # how it is written is nothing new
            second = await put(bus, f"{person}-2", kind=kind, text=again, category=LAND, **by(person))
            await bus.settle()
            assert (await dossier(bus, first, 1)).signals == []
            told.append((first, (await dossier(bus, second)).signals))
    for (_, end, _, code, severity), (first, found) in zip(_ENDS, told, strict=True):
        (signal,) = found
        assert (signal.code, signal.severity.value) == (f"repeats.{code}", severity)
        for part in (first, "Отдел земельных отношений", *(["2026-03-01"] if "result" in end else [])):
            assert all(part in said for said in (signal.message_en or "", signal.message_kk, signal.message_ru))
        rests = {
            "appeal.applicant.type",
            "appeal.applicant.iin",
            "appeal.text",
            "appeal.category",
            "appeal.addressee",
            "number",
        }
        assert rests <= {*signal.fields}


async def test_another_matter_another_body_and_new_files(tmp_path: Path) -> None:
    """Another category is another matter; what another body has ended is not identical; a new file is something new."""
    async with running_bus(tmp_path, assessors=[Repeats()], journal_parts=[Sketches()]) as bus:
        first = await put(bus, "1", text=LETTER, category=LAND, **by(0))
        await ended(bus, first, result="terminated")
        other = await put(bus, "2", text=text(12, 2), category={"code": "roads"}, **by(0))
        elsewhere = await put(bus, "3", text=LETTER, category=LAND, **{**by(0), "addressee": {"name": "Акимат"}})
        file = {"file_name": "акт.pdf", "sha256": "0" * 64}
        filed = await put(bus, "4", text=LETTER, category=LAND, attachments=[file], **by(0))
        named = await put(bus, "5", text=text(12, 3), repeats=[first], **by(0))
        await bus.settle()
        found = [signals(await dossier(bus, each)) for each in (other, elsewhere, filed, named)]
    assert [*map(list, found)] == [
        [],
        ["repeats.undecided"],
        ["repeats.new_arguments"],
        ["repeats.new_arguments"],
    ]
    assert "files: 1" in found[2]["repeats.new_arguments"]


async def test_what_it_may_be_in_odd_cases(tmp_path: Path) -> None:
    """Another parcel is something new, a complaint a right; the decision counts that nothing is new beside."""
    async with running_bus(tmp_path, assessors=[Repeats()], journal_parts=[Sketches()]) as bus:

        async def told(person: int, **given: Any) -> list[str]:
            number = await put(
                bus, f"{person}-last", category=LAND, **by(person), **{"text": text(12, 200 + person), **given}
            )
            await bus.settle()
            return list(signals(await dossier(bus, number)))

        async def before(person: int, *ends: dict[str, Any], **given: Any) -> str:
            letter = {"text": text(12, 200 + person), "category": LAND, **by(person), **given}
            number = await put(bus, f"{person}-{len(str(given))}", **letter)
            for end in ends:
                await ended(bus, number, **end)
            return number

        refused = {"result": "refused", "dated_at": "2026-03-01"}
        await before(0, refused, parcels=[{"cadastral_number": PARCEL}])
        assert await told(0, parcels=[{"cadastral_number": "20-315-045-999"}]) == ["repeats.new_arguments"]
        await before(1, refused)
        assert await told(1, kind="complaint") == ["repeats.complaint"]
        await before(2, refused)
        await before(2, {"result": "returned"}, attachments=[{"file_name": "b"}])
        assert await told(2) == ["repeats.decided"]
        await before(3, refused)
        await before(3, refused, text=text(12, 77))
        assert await told(3) == ["repeats.decided"]
        part = {"kind": "redirected", "part": True, "to": {"name": "Акимат"}, "dated_at": "2026-03-02"}
        closed = {"kind": "closed", "dated_at": "2026-03-03"}
        await before(4, refused, {**part, "answered_on": None}, {**closed, "answered_on": None})
        assert await told(4) == ["repeats.decided"]
        # As the term has it: a withdrawal counts before the decision alone.
        await before(5, refused, {"kind": "withdrawn", "dated_at": "2026-03-04", "answered_on": None})
        assert await told(5) == ["repeats.decided"]


async def test_others_with_the_same_text_and_about_the_same_parcel(tmp_path: Path) -> None:
    """Those before it, of other people or of nobody knows whom; names in the text may differ; short texts are alike."""
    async with running_bus(tmp_path, assessors=[Repeats()], journal_parts=[Sketches()]) as bus:
        field = [{"cadastral_number": PARCEL}]
        first = await put(bus, "1", text=f"{LETTER} Подпись: Сейтқали.", parcels=field, **by(0))
        copy = await put(bus, "2", text=f"{LETTER} Подпись: Жұмабек.", **by(1))
        unknown = await put(bus, "3", text=LETTER, **by(None))
        neighbour = await put(bus, "4", text=text(12, 4) + f" Участок {PARCEL}.", **by(2))
        short = [await put(bus, str(each), text="Прошу помочь", **by(each % 4)) for each in range(5, 8)]
        await bus.settle()
        found = {each: signals(await dossier(bus, each)) for each in (first, copy, unknown, neighbour, *short)}
    assert found[first] == {}
    assert list(found[copy]) == list(found[unknown]) == ["repeats.same_text"]
    assert f"1, the first is {first} of" in found[copy]["repeats.same_text"]
    assert f"2, the first is {first} of" in found[unknown]["repeats.same_text"]
    assert list(found[neighbour]) == ["repeats.same_parcel"]
    assert first in found[neighbour]["repeats.same_parcel"]
    assert [found[each] for each in short] == [{}, {}, {}]


class Raises(PastAssessor):
    """One with a defect."""

    name = "raises"

    def recall(self, appeal: Appeal, past: Past) -> list[Any]:
        raise SystemExit(1)

    def compare(self, appeal: Appeal, past: Past) -> Comparison:
        raise SystemExit(1)


async def test_one_with_a_defect_is_named_and_the_others_conclude(tmp_path: Path) -> None:
    """As any assessor that raises."""
    async with running_bus(tmp_path, assessors=[Raises(), Repeats()], journal_parts=[Sketches()]) as bus:
        await put(bus, "1", text=LETTER, category=LAND, **by(0))
        second = await put(bus, "2", text=LETTER, category=LAND, **by(0))
        await bus.settle()
        told = await dossier(bus, second)
        assert bus.parts.host.defects["assessor.raises"] == 2
    assert (told.unassessed, list(signals(told))) == (["raises"], ["repeats.undecided"])
    assert told.completeness.value == "complete"


class Lost(Sketches):
    """Finds nothing, as it has a defect."""

    def find(self, connection: Any, appeal_id: int, appeal: Appeal, *, thorough: bool = False) -> Past:
        raise KeyError(appeal_id)


async def test_a_finder_with_a_defect_costs_what_is_compared(tmp_path: Path) -> None:
    """The dossier is made all the same, and says who has not concluded."""
    async with running_bus(tmp_path, assessors=[Repeats()], journal_parts=[Lost()]) as bus:
        number = await put(bus, "1", text=LETTER, **by(0))
        await bus.settle()
        assert (await dossier(bus, number)).unassessed == ["repeats"]


class Hangs(PastAssessor):
    """One that never returns, until the test does."""

    name = "hangs"

    def __init__(self) -> None:
        self.asked = 0
        self.over = threading.Event()

    def recall(self, appeal: Appeal, past: Past) -> list[Any]:
        if past.others:
            self.asked += 1
            self.over.wait(60)
        return []

    def compare(self, appeal: Appeal, past: Past) -> Comparison:
        raise NotImplementedError


async def test_one_that_hangs_is_asked_no_second_time_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It costs its signals and one thread, however many appeals come; the others conclude."""
    monkeypatch.setattr(history_comparison, "_PATIENCE", 0.5)
    hangs = Hangs()
    try:
        async with running_bus(tmp_path, assessors=[hangs, Repeats()], journal_parts=[Sketches()]) as bus:
            numbers = [await put(bus, str(each), text=LETTER, category=LAND, **by(0)) for each in range(6)]
            await bus.settle()
            told = [await dossier(bus, each) for each in numbers[1:]]
        assert [each.unassessed for each in told] == [["hangs"]] * 5
        assert hangs.asked == 1
        assert [list(signals(each)) for each in told] == [["repeats.undecided"]] * 5
    finally:
        hangs.over.set()


class Loses(Sketches):
    """A finder with a defect: it raises, ends the program, hangs, or returns something else than a past."""

    def __init__(self, defect: str) -> None:
        self.defect = defect
        self.asked = 0
        self.over = threading.Event()

    def find(self, *given: Any, **more: Any) -> Any:
        self.asked += 1
        match self.defect:
            case "raises":
                raise KeyError(PARCEL)
            case "exits":
                raise SystemExit(1)
            case "hangs":
                self.over.wait(60)
        return [PARCEL]


@pytest.mark.parametrize("defect", ["raises", "exits", "hangs", "nonsense"])
async def test_a_finder_with_a_defect_is_no_empty_past(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, defect: str
) -> None:
    """The dossier comes, names who could not compare, and no second search waits for one that hangs."""
    monkeypatch.setattr(history_comparison, "_SEARCH", 0.5)
    loses = Loses(defect)
    try:
        async with running_bus(tmp_path, assessors=[Repeats()], journal_parts=[loses]) as bus:
            numbers = [await put(bus, str(each), text=LETTER, **by(0)) for each in range(8)]
            await bus.settle()
            loses.over.set()
            assert [(await dossier(bus, each)).unassessed for each in numbers] == [["repeats"]] * 8
            assert bus.parts.host.defects["journal_part.sketches"] == 8
        assert loses.asked == (8 if defect != "hangs" else min(8, READERS // 2))
    finally:
        loses.over.set()


async def test_nothing_is_kept_where_nobody_compares(tmp_path: Path) -> None:
    """No sketch; and once somebody does, those that came before get theirs, and later ones find them."""
    async with running_bus(tmp_path, journal_parts=[Sketches()]) as bus:
        await put(bus, "1", text=LETTER, **by(0))
        await bus.settle()
        first = await fill_next(bus.journal, Sketches(), 0)
        again = await fill_next(bus.journal, Sketches(), 0)
    assert first is not None
    assert again is not None
    assert (len(first.rows), len(again.rows)) == (1, 0)


def test_what_no_register_could_tell_is_no_gap_of_it() -> None:
    """It compares what citizens wrote, and no record."""
    told = made(appeal(), {"gbdfl.person": PERSON})
    fact = told.facts[0]
    unknown = fact.model_copy(update={"provenance": fact.provenance.model_copy(update={"unknown": ["life_status"]})})
    assert judged(Repeats(), [], told.model_copy(update={"facts": [unknown]})) == []
    assert judged(Identity(), [], told.model_copy(update={"facts": [unknown]})) != []
