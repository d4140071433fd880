"""`appealbus withdraw`: a record that was misread is taken out, with a reason that readers get."""

from datetime import UTC, datetime

import pytest
from orjson import dumps

from appealbus.core import OutcomeKind
from appealbus.core.domain.case import LookupState
from appealbus.core.domain.listing import AppealState
from appealbus.core.journal import keeping
from appealbus.core.journal.appeals import cases, claiming, lists
from appealbus.core.journal.appeals.concluding import Conclusion
from appealbus.schemas.dossier import Completeness
from tests.core.kit import Thing
from tests.schemas.test_records import PROVENANCE


@pytest.mark.proof
async def test_a_record_is_withdrawn_once(program, journal, accepted):
    """Its appeal is worked next, and the log of what happened has who and why; the program's log has no reason."""
    number, now = accepted.receipt.number, datetime.now(UTC)
    for key in ("one", "two"):
        state = LookupState("acme.thing", key, OutcomeKind.FOUND, now, record=Thing(name=key), provenance=PROVENANCE)
        assert await journal.do(keeping.Keep(accepted.appeal_id, state, owner="me"))
    why = ("--reason", "the wrong column")
    untold = program("withdraw", number, "acme.thing[one]", *why)
    assert (untold.returncode, "there are: none" in untold.stderr) == (3, True)
    given = {"version": 1, "completeness": Completeness.COMPLETE, "receivers": []}
    told = dumps({"facts": [{"lookup": "acme.thing", "key": key} for key in ("one", "two")]})
    await journal.conclude(Conclusion(accepted.appeal_id, dossier=told, due_at=now, **given))
    assert await claiming.claim(journal, claiming.Claim("me", datetime.now(UTC), 1, 60))
    busy = program("withdraw", number, "acme.thing[one]", *why)
    assert (busy.returncode, "worked on right now" in busy.stderr) == (4, True)
    await journal.conclude(Conclusion(accepted.appeal_id, dossier=None, due_at=None, **given))

    several = program("withdraw", number, "acme.thing", *why)
    assert (several.returncode, several.stderr) == (
        3,
        f"{number} has 2 records 'acme.thing'; there are: acme.thing[one], acme.thing[two]\n",
    )
    assert program("withdraw", number, "acme.thing[one]", "--reason", " ").returncode == 2
    done = program("withdraw", number, "acme.thing[one]", *why)
    assert (done.returncode, done.stdout) == (
        0,
        f"acme.thing[one] of {number} is withdrawn; the next version says so. `appealbus retry {number}` asks again.\n",
    )
    assert "record.withdrawn" in done.stderr
    assert "column" not in done.stderr
    assert program("withdraw", number, "acme.thing[one]", *why).returncode == 3
    assert program("withdraw", "AB-2026-00000009", "acme.thing", *why).returncode == 3

    assert [row.state for row in await journal.ask(lists.appeals)] == [AppealState.READY]
    states = {each.key: (each.kind, each.code, each.record) for each in await journal.ask(cases.states, number)}
    assert states["one"] == (OutcomeKind.INVALID, "record.withdrawn", None)
    assert states["two"][:2] == (OutcomeKind.FOUND, "")
    told = program("history", number).stdout
    assert "the record of acme.thing is withdrawn: the wrong column" in told
