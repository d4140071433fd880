"""The word of a dossier: everything required is told, or told absent; or it may come; or it never will by itself."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from appealbus.core import From, Taken
from appealbus.core.cli.heading import lacking
from appealbus.core.domain.case import LookupState
from appealbus.core.enrichment.assembly import completeness_of
from appealbus.core.planning.contract import CompletenessContract
from appealbus.core.planning.plan import Plan
from appealbus.schemas import Completeness, OutcomeKind
from appealbus.schemas.identifiers import Bin, CadastralNumber, Iin
from tests.core.kit import dossier, lookup, message, running_bus

NOW = datetime(2026, 3, 1, tzinfo=UTC)
COMPLETE, PARTIAL, SETTLED = Completeness.COMPLETE, Completeness.PARTIAL, Completeness.SETTLED
WHO = lookup("s.who", x=(Iin, From("applicant.iin")))
WHERE = lookup("s.where", x=(CadastralNumber, From("parcels[*].cadastral_number")))
IIN = "750301100019"
CADASTRAL = "03-045-111-222"


def a(kind: str, code: str = "", *, again: bool = False, name: str = "s.a") -> LookupState:
    return LookupState(name, "1", OutcomeKind.stored(kind), NOW, code, next_attempt_at=NOW if again else None)


@pytest.mark.parametrize(
    ("states", "word", "named"),
    [
        ([a("found")], COMPLETE, COMPLETE),
        ([a("found", "refresh.failed", again=True)], COMPLETE, COMPLETE),
        ([a("not_found")], COMPLETE, COMPLETE),
        ([a("not_applicable", "inputs.absent")], COMPLETE, SETTLED),
        ([a("skipped", "input.missing")], COMPLETE, SETTLED),
        ([a("not_applicable", "inputs.malformed")], SETTLED, SETTLED),
        ([a("not_applicable", "inputs.unknown")], SETTLED, SETTLED),
        ([a("not_applicable", "inputs.too_many")], SETTLED, SETTLED),
        ([a("refused", "http.403")], SETTLED, SETTLED),
        ([a("refused", "http.403", again=True)], PARTIAL, PARTIAL),
        ([a("unavailable", "http.502", again=True)], PARTIAL, PARTIAL),
        ([a("unavailable", "http.502")], SETTLED, SETTLED),
        ([a("unavailable", "lookup.not_loaded")], PARTIAL, PARTIAL),
        ([a("timed_out", "end.unknown")], SETTLED, SETTLED),
        ([a("found", "source.stale", again=True)], PARTIAL, PARTIAL),
        ([a("not_found", "source.stale", again=True)], PARTIAL, PARTIAL),
        ([a("found", "reply.partly_read")], SETTLED, SETTLED),
        ([a("skipped", "appeal.closed")], SETTLED, SETTLED),
        ([a("invalid", "record.withdrawn")], SETTLED, SETTLED),
        ([a("of_a_later_release")], PARTIAL, PARTIAL),
        ([a("refused"), a("unavailable", again=True)], PARTIAL, PARTIAL),
        ([a("refused", name="s.optional")], COMPLETE, COMPLETE),
    ],
)
def test_the_word_follows_from_how_the_required_questions_stand(
    states: list[LookupState], word: Completeness, named: Completeness
) -> None:
    """Named by the configuration a lookup lacks, too, where it had nothing to ask about."""
    plan, required = Plan([]), frozenset({"s.a"})
    assert completeness_of(states, CompletenessContract(plan, required, 1.0)) is word
    assert completeness_of(states, CompletenessContract(plan, required, 1.0, named=frozenset({required}))) is named


@pytest.mark.parametrize(
    ("given", "word", "unknown"),
    [
        ({"aplicant": {"type": "person", "iin": IIN}, "applicant": None}, SETTLED, {"s.who"}),
        ({"zayavitel": {"nomer": IIN}, "applicant": None}, SETTLED, {"s.who"}),
        ({"applicant": {"type": "person", "nomer": IIN}}, SETTLED, {"s.who"}),
        ({"applicant": {"type": "person", "iin": {"value": IIN}}}, SETTLED, {"s.who"}),
        ({"applicant": f"Serikov, {IIN}"}, SETTLED, {"s.who"}),
        ({"parsels": [{"cadastral_number": CADASTRAL}]}, SETTLED, {"s.where"}),
        ({"parcels": [{"cadastral_number": CADASTRAL}, {"nomer": "03-045-111-223"}]}, SETTLED, {"s.where"}),
        ({"applicant": {"type": "person", "iin": IIN}, "iin": "1"}, COMPLETE, set()),
        ({"priority": "high", "created": "2026-03-01", "phone": "87011234567"}, COMPLETE, set()),
        ({"applicant": {"type": "organisation", "snils": "1"}}, COMPLETE, set()),
        ({}, COMPLETE, set()),
    ],
)
async def test_an_input_that_may_be_there_and_was_not_read_is_not_absent(
    tmp_path: Path, given: dict[str, Any], word: Completeness, unknown: set[str]
) -> None:
    """An appeal that names no parcel lacks none; one whose field has another name does, and the gap says so."""
    async with running_bus(tmp_path, WHO, WHERE) as bus:
        taken = await bus.accept(message(**given))
        assert isinstance(taken, Taken)
        await bus.settle()
        made = await dossier(bus, taken.receipt.number)
    assert {gap.lookup for gap in made.gaps if gap.code == "inputs.unknown"} == unknown
    assert made.completeness is word
    assert not any(IIN in gap.reason for gap in made.gaps)


async def test_a_lookup_that_the_configuration_names_is_needed_in_each_appeal(tmp_path: Path) -> None:
    """It says that an official needs it; what else is asked may have nothing to be asked about."""
    async with running_bus(tmp_path, WHO, WHERE, completeness={"complaint": {"required": ["s.who"]}}) as bus:
        taken = await bus.accept(message(parcels=[{"cadastral_number": CADASTRAL}]))
        assert isinstance(taken, Taken)
        await bus.settle()
        made = await dossier(bus, taken.receipt.number)
    assert made.completeness is SETTLED
    assert [(gap.lookup, gap.required, gap.code) for gap in made.gaps] == [("s.who", True, "inputs.absent")]


async def test_one_of_a_group_is_needed_in_each_appeal_and_what_is_given_of_the_others(tmp_path: Path) -> None:
    """Who applies is a person or an organisation; `required` of a gap says what the dossier lacks, and nothing else."""
    firm = lookup("s.firm", x=(Bin, From("applicant.bin")))
    about = {"complaint": {"required": ["s.who or s.firm"], "where_given": ["s.where"]}}
    made = []
    async with running_bus(tmp_path, WHO, WHERE, firm, completeness=about) as bus:
        for given in ({"iin": IIN}, {"type": "organisation", "bin": "210740000018"}, {"surname": "Серік"}):
            taken = await bus.accept(message(str(given), applicant=given))
            assert isinstance(taken, Taken)
            await bus.settle()
            made.append(await dossier(bus, taken.receipt.number))
    assert [each.completeness for each in made] == [COMPLETE, COMPLETE, SETTLED]
    assert [{gap.lookup for gap in each.gaps if gap.required} for each in made] == [set(), set(), {"s.who", "s.firm"}]
    assert {gap.lookup for gap in lacking(made[2])} == {"s.who", "s.firm"}
