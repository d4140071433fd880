"""A lookup finds what it does not declare: that is told as its defect, and nothing is stored as a fact."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from appealbus.core import AccessRow, From, Lookup, Outcome, OutcomeKind, Query, Request, Source, found
from appealbus.core.clocks import monotonic
from appealbus.core.guards.context import Bound, GuardServices
from appealbus.core.guards.guard import Guard
from appealbus.core.guards.question import Question
from appealbus.core.guards.settings import GuardSettings
from appealbus.core.readings import At, Reading
from appealbus.core.testing import ScriptedWire
from appealbus.schemas.base import Model
from appealbus.schemas.record import Record


class Paper(Model):
    at: Annotated[datetime | None, At("At")] = None


class Licence(Record):
    type: Literal["misfit.Licence"] = "misfit.Licence"
    note: str = ""
    issued: Annotated[datetime | None, At("Issued")] = None
    papers: list[Paper] = Field(default_factory=list)


class Better(Licence):
    type: Literal["misfit.Better"] = "misfit.Better"  # type: ignore[assignment]


class Other(Record):
    type: Literal["misfit.Other"] = "misfit.Other"


class LicenceQuery(Query):
    iin: Annotated[str, From("applicant.iin")]


NAIVE, AWARE = datetime(2026, 2, 2, 10), datetime(2026, 2, 2, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("record", "says"),
    [
        (Other(), "the lookup misfit.licence found a Other and declares Licence: return what it declares"),
        (Licence(issued=NAIVE), "found a record in which issued is a moment without a zone: give it tzinfo"),
        (Licence(papers=[Paper(at=AWARE), Paper(at=NAIVE)]), "in which papers[*].at is a moment without a zone"),
        (Licence(issued=AWARE, note="2026-02-02T10:00:00"), ""),
        (Better(), ""),
    ],
)
async def test_what_is_found_is_what_is_declared(record: Any, says: str) -> None:
    class LicenceByIin(Lookup[LicenceQuery, Licence]):
        name = "misfit.licence"
        purpose = "a test"

        async def ask(self, query: LicenceQuery, source: Source) -> Outcome[Any]:
            await source.call(Request({}))
            return found(record)

    async def access(rows: Sequence[AccessRow]) -> None:
        pass

    wire, settings = ScriptedWire(["{}"]), GuardSettings(attempts=1)
    guard = Guard(Bound("misfit", "x", wire, settings), GuardServices(access, lambda source, state: None))
    asked = Question(LicenceByIin(), LicenceQuery(iin="1"), "k", (), "N-1", "t", monotonic() + 5, "p", "0", "a test")
    outcome = (await guard.ask(asked)).outcome
    if not says:
        assert outcome.kind is OutcomeKind.FOUND
        return
    assert (outcome.kind, outcome.code) == (OutcomeKind.INVALID, "plugin.error")
    assert says in outcome.reason
    assert "test_guard_misfits.py:" in outcome.reason


def test_a_declared_moment_has_the_zone_of_its_source() -> None:
    """Also where the field itself would take one without."""
    record = Reading(Licence, papers="Paper").read({"Issued": "2026-02-02T10:00:00", "Paper": [{"At": "2026-02-02"}]})
    assert [each and each.utcoffset() is not None for each in (record.issued, record.papers[0].at)] == [True, True]
