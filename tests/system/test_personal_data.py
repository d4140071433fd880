"""Nothing that a log, a reason or a message of the program says is about a person."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from appealbus.schemas import Dossier
from tests.system.installation import Agencies, Installation, letters
from tests.system.program import appealbus, without_ids

pytestmark = pytest.mark.system

ABOUT_PEOPLE = re.compile(
    r"(iin|bin|surname|name|patronymic|phone|email|address|document_number|number|subject|cadastral_number|street|"
    r"building|leader|birth_date|text|city|name_ru|name_kk|leader_name|organisation_name)$"
)
BAD = ["http_502", "truncated", "wrong_types", "wrong_namespace", "repeated", "doubled", "entity_bomb", "status", "cut"]


def secrets(dossiers: Iterable[Dossier]) -> set[str]:
    """Collect every identifier, name, address and text of the appeals and of the registers' records."""
    found: set[str] = set()
    for dossier in dossiers:
        found |= set(_values(dossier.appeal)) - {dossier.number}
        for fact in dossier.facts:
            found |= set(_values(fact.record))
    # A house number or a short word may stand in a log by chance.
    return {value for value in found if len(value) >= 5}


def _values(value: Any, key: str = "") -> Iterator[str]:
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _values(getattr(value, name), name)
    elif isinstance(value, list):
        for each in value:
            yield from _values(each, key)
    elif value is not None and ABOUT_PEOPLE.match(key):
        text = str(value)
        yield text if len(text) < 100 else text[:30]


def _leaks(told: str, values: set[str]) -> set[str]:
    low = told.casefold()
    return {value for value in values if value.casefold() in low}


@pytest.mark.parametrize("format_", ["json", "console"])
def test_the_whole_log_at_its_loudest_names_nobody(here: Installation, agencies: Agencies, format_: str) -> None:
    """With level debug, a raising plugin, bad agencies and bad input, no line holds a value of a letter or a record."""
    agencies.misbehave(**{name: dict.fromkeys(BAD, 0.05) for name in ("gbdfl", "gbdul", "egkn")})
    (here.folder / "leaky.py").write_text(LEAKY)
    here.configure(
        log={"level": "debug", "format": format_},
        bus={"journal": "sqlite:///journal.db", "plugins": ["./leaky.py"]},
    )
    made = letters(40)
    sent = here.write(made)
    lines = here.appeals.read_text().splitlines()
    bad = [line.replace('"message_id":"', '"message_id":"\\u0001') for line in lines[:5]] + [
        line[: len(line) // 2] for line in lines[5:10]
    ]
    (here.folder / "bad.jsonl").write_text("\n".join(bad))
    told = appealbus(here.folder, "intake", here.appeals.name).err
    told += appealbus(here.folder, "intake", "bad.jsonl", expect=1).err
    agencies_know = appealbus(here.folder, "run", "--until-settled").err
    dossiers = here.dossiers()
    assert dossiers.keys() == set(sent)
    values = secrets(dossiers.values())
    assert len(values) > 500
    told += agencies_know
    assert told.count("\n") > 40, "there is hardly a log"
    assert "assessor.raised" in told
    reasons = appealbus(here.folder, "quarantine", "list").out
    assert "bad.jsonl:1" in reasons
    gaps = "\n".join(gap.reason + gap.code for each in dossiers.values() for gap in each.gaps)
    for what, text in (("log", told), ("quarantine", reasons), ("gaps", gaps)):
        assert _leaks(text, values) == set(), what
        assert not re.search(r"(?<!\d)\d{12}(?!\d)", without_ids(text)), what


LEAKY = """
import structlog
from appealbus.core import Assessor, hookimpl

log = structlog.get_logger(__name__)

class Leaky(Assessor):
    name = "leaky"

    def assess(self, dossier):
        person = dossier.appeal.applicant
        told = " ".join(str(value) for value in person.model_dump().values())
        names = f"{getattr(person, 'iin', '')} {getattr(person, 'surname', '')} {person.phone}"
        log.info("leaky.saw", applicant=person, iin=told, reason=f"saw {names}", code=told, lookup=told)
        raise ValueError(f"cannot assess {person!r}")

@hookimpl
def register_assessors():
    return [Leaky()]

@hookimpl
def dossier_ready(dossier):
    raise KeyError(dossier.appeal.text)
"""
