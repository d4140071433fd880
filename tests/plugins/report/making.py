"""Registers of synthetic appeals: plain stories, and the cases that a journal would have of them."""

from datetime import date, datetime, timedelta
from random import Random

from appealbus.core import Case, KeptChange
from appealbus.core.clocks import KAZAKHSTAN
from appealbus.plugins.report.fact import fact_of
from appealbus.plugins.report.store import Store
from appealbus.schemas.appeal import Appeal, Receipt
from appealbus.schemas.change import Change
from tests.plugins.report.plain import Story

RESULTS = ["satisfied", "partly_satisfied", "refused", "explained", "taken_note", "terminated", "left", "silence"]
BODIES = [
    "Аппарат акима Теректинского района",
    "Отдел полиции",
    "ӘКІМДІК (аким) Орал қ.",
    "Комитет земельного кадастра",
]
PLACES = ["275200000", "275230100", "271000000", "", "273200000"]
NOON = timedelta(hours=12)


def story(day: date, **said: object) -> Story:
    """Return an appeal of which nothing more is known."""
    plain: Story = {"day": day, "body": BODIES[0], "kato": "275200000", "code": "20", "repeat": False}
    return {**plain, "due": None, "events": [], **said}


def random_register(random: Random, size: int) -> list[Story]:
    """Return a register of two years in which all may happen, in any order of kinds."""
    return [_random(random) for _ in range(size)]


def _random(random: Random) -> Story:
    day = date(2025, 1, 1) + timedelta(days=random.randrange(700))
    events, at = [], day
    for _ in range(random.choice([0, 0, 1, 1, 2, 3, 5])):
        at += timedelta(days=random.randrange(9))
        kind = random.choice(["answered"] * 5 + ["redirected", "extended", "complained", "withdrawn", "due", "closed"])
        result = random.choice(RESULTS) if kind == "answered" else None
        events.append((at, kind, result, kind == "redirected" and random.random() < 0.3))
    return story(
        day,
        body=random.choice(BODIES),
        kato=random.choice(PLACES),
        code=random.choice(["10", "10.02", "100", "20", ""]),
        repeat=random.random() < 0.3,
        due=random.choice([None, day + timedelta(days=random.randrange(25))]),
        events=events,
    )


def case_of(number: int, plain: Story) -> Case:
    """Return the case of a story."""
    moment = _moment(plain["day"])
    fields = {
        "message_id": f"m{number}",
        "received_at": moment,
        "due_on": plain["due"],
        "addressee": {"name": plain["body"]},
        "category": {"code": plain["code"] or None},
        "place": {"kato": plain["kato"] or None},
        "repeats": ["ЖТ-1"] if plain["repeat"] else [],
    }
    receipt = Receipt(
        number=f"N{number}", accepted_at=moment, accepted_by="appealbus", message_id=f"m{number}", channel="files"
    )
    changes = [
        KeptChange(
            Change.model_validate(
                {"message_id": f"{at:03d}", "number": "N", "kind": kind, "result": result, "part": part}
            ),
            _moment(day),
        )
        for at, (day, kind, result, part) in enumerate(plain["events"])
    ]
    return Case(number, Appeal.model_validate(fields), receipt, 1, kept_changes=tuple(reversed(changes)))


def filled(register: list[Story]) -> Store:
    """Return a file, in memory, in which a register is counted."""
    store = Store(None)
    store.put(fact_of(case_of(number, plain)) for number, plain in enumerate(register, 1))
    return store


def _moment(day: date) -> datetime:
    return datetime.combine(day, datetime.min.time(), KAZAKHSTAN) + NOON
