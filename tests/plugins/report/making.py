"""Registers of synthetic appeals: plain letters, and the outlines that a journal would have of them."""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Any

from appealbus.core import KeptChange
from appealbus.core.clocks import KAZAKHSTAN
from appealbus.core.domain.counts import Outline
from appealbus.core.journal.key import JournalKey
from appealbus.plugins.report.fact import fact_of
from appealbus.plugins.report.store import Store
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.change import Change
from appealbus.schemas.identifiers import control_digit, parse_iin, parse_or_none
from appealbus.schemas.stored import APPEAL
from tests.plugins.report.plain import Event, Letter


def _iin(number: int) -> str:
    """Return the ИИН of somebody born in the 19th century."""
    begin = f"7503011000{number}"
    return f"{begin}{control_digit(begin)}"


RESULTS = ["satisfied", "partly_satisfied", "refused", "explained", "taken_note", "terminated", "left", "silence"]
BODIES = [
    "Аппарат акима Теректинского района",
    "Отдел полиции",
    "ӘКІМДІК (аким) Орал қ.",
    "Комитет земельного кадастра",
]
PLACES = ["275200000", "275230100", "271000000", "", "273200000"]
KINDS = ["answered"] * 6 + ["redirected"] * 2 + ["extended", "complained", "withdrawn", "due", "closed"]
NOBODY: Any = {"person": "", "parcels": [], "ready": None, "records": 0}
PERSONS = [each for number in range(8) if parse_or_none(parse_iin, each := _iin(number))]
PARCELS = ["08-130-001-0001", "08-130-001-0002", "08-130-001-0003"]
BESIDE = ["registered", "directed", "preliminary", "notified", "executed"]
MARK = JournalKey(b"k" * 32).mark
NOON = time(12)


def letter(on: date, **said: Any) -> Letter:
    """Return an appeal of which nothing more is known."""
    known = Letter(on=on, body=BODIES[0], kato="275200000", code="20", repeat=False, due=None, events=[], **NOBODY)
    return Letter(**{**known, **said})


def event(on: date, kind: str, result: str | None = None, **said: Any) -> Event:
    """Return a change of which nothing more is known."""
    return Event(**{**Event(on=on, kind=kind, result=result, part=False, to="", answered_on=None), **said})


def random_register(random: Random, size: int) -> list[Letter]:
    """Return a register of two years in which all may happen, in any order of kinds."""
    return [_random(random) for _ in range(size)]


def _random(random: Random) -> Letter:
    on = date(2025, 1, 1) + timedelta(days=random.randrange(700))
    events, at = [], on
    for _ in range(random.choice([0, 0, 1, 1, 2, 3, 5])):
        at += timedelta(days=random.randrange(9))
        kind = random.choice(KINDS if random.random() < 0.8 else BESIDE)
        # In what order moves of one day count is for the tests of terms.
        if kind == "registered" or (events and events[-1]["kind"] == "registered"):
            at += timedelta(days=1)
        answered = kind == "answered"
        events.append(
            event(
                at,
                kind,
                random.choice([*RESULTS, None]) if answered else None,
                part=kind == "redirected" and random.random() < 0.3,
                to=random.choice([*BODIES, ""]) if kind in ("redirected", "registered") else "",
                answered_on=random.choice([None, at - timedelta(days=random.randrange(4))]) if answered else None,
            )
        )
    return letter(
        on,
        body=random.choice(BODIES),
        kato=random.choice(PLACES),
        code=random.choice(["10", "10.02", "100", "20", ""]),
        repeat=random.random() < 0.3,
        due=random.choice([None, on + timedelta(days=random.randrange(25))]),
        events=events,
        person=random.choice([*PERSONS, ""]),
        parcels=random.sample(PARCELS, random.choice([0, 0, 1, 2])),
        ready=random.choice([None, datetime.combine(on, NOON) + timedelta(hours=random.randrange(200))]),
        records=random.randrange(4),
    )


def outline_of(number: int, plain: Letter) -> Outline:
    """Return the outline of a letter."""
    moment = _moment(plain["on"])
    fields = {
        "message_id": f"m{number}",
        "received_at": moment,
        "due_on": plain["due"],
        "addressee": {"name": plain["body"]},
        "category": {"code": plain["code"] or None},
        "place": {"kato": plain["kato"] or None},
        "repeats": ["ЖТ-1"] if plain["repeat"] else [],
        "applicant": {"type": "person", "iin": plain["person"] or None},
        "parcels": [{"cadastral_number": each} for each in plain["parcels"]],
    }
    changes = tuple(_change(at, each) for at, each in enumerate(plain["events"]))[::-1]
    raw = APPEAL.write(Appeal.model_validate(fields), exclude_none=True)
    ready = plain["ready"] and plain["ready"].replace(tzinfo=KAZAKHSTAN)
    return Outline(number, moment, None, raw, None, changes, ("a.b",) * plain["records"], ready)


def filled(register: Iterable[Letter]) -> Store:
    """Return a file, in memory, in which a register is counted."""
    store = Store(None)
    store.put(fact_of(outline_of(number, plain), MARK) for number, plain in enumerate(register, 1))
    return store


def _change(at: int, told: Event) -> KeptChange:
    said: dict[str, Any] = {name: told[name] for name in ("kind", "result", "part", "answered_on")}  # type: ignore[literal-required]
    to = {"to": {"name": told["to"]}} if told["to"] else {}
    change = Change.model_validate({"message_id": f"{at:03d}", "number": "N", **said, **to})
    return KeptChange(change, _moment(told["on"]))


def _moment(day: date) -> datetime:
    return datetime.combine(day, NOON, KAZAKHSTAN)
