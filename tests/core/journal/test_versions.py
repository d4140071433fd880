"""Whatever becomes of what versions are made of: each that is there is what was concluded."""

from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

import orjson
import pytest

from appealbus.core import clocks
from appealbus.core.journal import documents, events, keeping, retention
from appealbus.core.journal.appeals import cases, lists
from appealbus.core.journal.deliveries import deliveries, delivering
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.keeping import Anew
from appealbus.core.journal.retention import Ages
from appealbus.schemas.record import OtherRecord
from tests.core.journal.conftest import Make
from tests.core.journal.test_documents import told
from tests.services.forms import form, seeds
from tests.services.recomputed import check_the_past


@pytest.mark.proof
@pytest.mark.parametrize("seed", seeds(2, 40))
async def test_versions_stay_what_they_were(journal: Journal, make: Make, url: str, seed: int) -> None:
    """After answers with and without a record, rereading, deliveries and prunings, in any order."""
    random, never = Random(seed), datetime.fromtimestamp(0).astimezone()
    number = (await journal.accept(make.new())).receipt.number
    wanted: dict[int, Any] = {}
    trail = make.found().provenance
    assert trail is not None
    for step in range(form(12, 30)):
        case = await journal.ask(cases.case, number)
        assert case is not None
        named = trail.model_copy(update={"question_id": f"q{random.choice([0, 1, step])}"})
        record = OtherRecord.model_validate({"type": "acme.Thing", "size": random.randint(1, 3)})
        found = replace(make.found(), record=record, provenance=named, runs=step + 1)
        match random.randint(0, 5):
            case 0 | 1:
                wanted[case.version + 1] = await told(journal, case, found, keeps=random.random() < 0.7)
            case 2:
                failed = make.state("acme.thing", runs=step + 1)
                await journal.do(keeping.Keep(case.appeal_id, replace(failed, provenance=named)))
            case 3:
                for state in case.states:
                    anew = Anew(replace(found, key=state.key), "acme", (state.lookup, state.ended_at), ["size"])
                    await journal.do(keeping.Reread(case.appeal_id, [anew], reason="so"))
            case 4:
                due = await journal.ask(
                    deliveries.undelivered, "out", journal.now() + timedelta(days=9), random.randint(1, 3)
                )
                for each in due:
                    assert orjson.loads(each.dossier) == wanted[each.version]
                await journal.do(delivering.Confirmed([each.delivery_id for each in due]))
            case _:
                await retention.prune(journal, Ages(never, versions=clocks.wall() + timedelta(days=1)))
        there = {row.version for row in await journal.ask(lists.versions, number)}
        waiting = {
            row.version for row in await journal.ask(deliveries.deliveries, number) if row.state.value == "waiting"
        }
        assert there >= waiting | ({max(wanted)} if wanted else set())
        for version in there:
            assert orjson.loads(await journal.ask(documents.whole, number, version) or b"") == wanted[version]
    await journal.do(events.Placing())
    check_the_past(url)
