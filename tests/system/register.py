"""The address register, which speaks queues: asked in both forms at once, and what must be true of its answers."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from appealbus.schemas import Appeal, Dossier
from appealbus.schemas.appeal import Place
from appealbus.schemas.identifiers import parse_cadastral_number, parse_rka
from appealbus.schemas.outcome import OutcomeKind
from appealbus.schemas.record import Record
from appealbus.simulator.addresses import Addresses
from appealbus.simulator.population import Population
from tests.system.installation import Installation

PLUGIN = str(Path(__file__).with_name("later.py"))
QUEUES = ("address.questions", "appealbus.answers.later")
MIXED_UP = {"address.other_address", "address.repeated_address"}
"""What the lookups say of an answer to another question."""
_REGISTER = Addresses(Population())
_NORMAL = {"by_rka": parse_rka, "by_cadastral_number": parse_cadastral_number}


def both_forms(answer_within: str, **guard: Any) -> dict[str, dict[str, Any]]:
    """Return the tables of two sources: `address` gets each answer at once, `later` on a queue of its own."""
    table = {"connector": "amqp", "queue": QUEUES[0], "guard": guard}
    return {"address": table, "later": {**table, "answers": True, "answer_within": answer_within}}


def with_codes(appeals: Iterable[Appeal]) -> list[Appeal]:
    """Let each appeal name a place by its code, each another one, which the register knows."""
    return [
        each.model_copy(update={"place": (each.place or Place()).model_copy(update={"rka": f"2201{2 * at + 1:012d}"})})
        for at, each in enumerate(appeals)
    ]


def check_addresses(here: Installation, dossiers: Iterable[Dossier]) -> None:
    """Each question has ended for good, in both forms, with what the register has on that code or number."""
    questions = {row.question_id: (row.number, row.lookup, row.subject) for row in here.access()}
    for dossier in dossiers:
        at_once, later = (_answers(dossier, source, questions) for source in ("address", "later"))
        assert at_once == later == {subject: _known(subject) for subject in at_once}, dossier.number
        assert dossier.appeal.place is not None
        assert at_once[dossier.appeal.place.rka or ""] is not None, dossier.number


def _answers(dossier: Dossier, source: str, questions: Mapping[str, tuple[str, str, str]]) -> dict[str, Record | None]:
    """Return what came to each question, by whom it asked for; what was found came to a question of this appeal."""
    facts = {(fact.lookup, fact.key): fact for fact in dossier.facts}
    answers: dict[str, Record | None] = {}
    for each in dossier.outcomes:
        normal = _NORMAL.get(each.lookup.removeprefix(f"{source}."))
        if normal is None or each.outcome is OutcomeKind.NOT_APPLICABLE:
            continue
        subject = normal(each.inputs[0].value)
        fact = facts.get((each.lookup, each.key))
        assert each.outcome is (OutcomeKind.FOUND if fact else OutcomeKind.NOT_FOUND), (dossier.number, each)
        if fact is not None:
            told = questions[fact.provenance.question_id]
            assert told == (dossier.number, each.lookup, subject), (told, dossier.number, each)
        answers[subject] = fact.record if fact else None
    return answers


def _known(subject: str) -> Record | None:
    return _REGISTER.by_rka(subject) or _REGISTER.by_cadastral_number(subject)
