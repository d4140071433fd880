"""A version that is damaged in the journal, read over HTTP."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from appealbus.core import packing
from appealbus.core.domain.client import Role
from appealbus.core.journal.appeals import cases, lists
from appealbus.core.journal.appeals.accepting import NewAppeal
from appealbus.core.journal.appeals.concluding import Conclusion
from appealbus.schemas import Appeal, Completeness
from tests.core.journal.test_damaged_frames import conclude
from tests.plugins.api.serving import Served, kind_of
from tests.plugins.api.test_roles import PURPOSE

ROUTES = ("", "/dossier", "/versions", "/versions/1", "/versions/1/difference?from=1", "/why", "/explain?field=appeal")
PLACES = ("document SET body", "dossier SET document")


@pytest.mark.parametrize("broken", [b"{}", b"[]", b'{"schema_version":"1","receipt":1,"appeal":"x"}', b"\xff"])
async def test_a_damaged_version_is_no_defect(server: Served, broken: bytes) -> None:
    """Whoever asks for what it says is told that it is damaged, and not to ask again; everything else goes on."""
    journal = server.journal
    taken = await journal.accept(NewAppeal(Appeal(message_id="m"), datetime.now(UTC), "bus"))
    conclusion = Conclusion(taken.appeal_id, dossier=broken, version=1, completeness=Completeness.COMPLETE)
    await journal.conclude(conclusion)
    row = await journal.ask(lists.appeal_row, taken.receipt.number)
    assert row is not None
    for role in (Role.REGISTRY, Role.INTEGRATOR):
        client = await server.client(role)
        for path in (f"/v1/appeals/{row.public_id}{route}" for route in (*ROUTES, "/term", "/history")):
            for accept in ("application/json, */*;q=0.1", "application/xml, */*;q=0.1"):
                answer = await client.get(path, headers={**PURPOSE, "Accept": accept})
                assert answer.status_code in (200, 404, 410), (role, path, accept)
                if answer.status_code == 410:
                    assert kind_of(answer) == "damaged"
        found = await client.post("/v1/appeals/find", json={"number": row.number})
        assert [each["id"] for each in found.json()["appeals"]] == [row.public_id]
        dossier = await client.get(f"/v1/appeals/{row.public_id}/dossier", headers=PURPOSE)
        assert (dossier.status_code == 200) is (role is Role.REGISTRY)


@pytest.mark.parametrize("place", PLACES)
async def test_a_version_of_parts_that_is_damaged_is_not_asked_for_again(
    server: Served, tmp_path: Path, place: str
) -> None:
    """It is damaged, whichever of its parts is, and not away for the moment; how the appeal stands is told."""
    journal = server.journal
    taken = await journal.accept(NewAppeal(Appeal(message_id="m"), datetime.now(UTC), "bus"))
    await conclude(journal, (await journal.ask(cases.cases, [taken.appeal_id]))[0])
    with closing(sqlite3.connect(tmp_path / "journal.db")) as connection, connection:
        assert connection.execute(f"UPDATE {place} = ?", (packing._PACKED + b"{}",)).rowcount > 0
    row = await journal.ask(lists.appeal_row, taken.receipt.number)
    assert row is not None
    for role in (Role.REGISTRY, Role.INTEGRATOR):
        client = await server.client(role)
        at = f"/v1/appeals/{row.public_id}"
        for route in ("/dossier", "/versions/1", "/why", "/explain?field=appeal.kind"):
            answer = await client.get(f"{at}{route}", headers=PURPOSE)
            assert answer.status_code in (403, 404, 410), (role, route)
        assert kind_of(await client.get(f"{at}/dossier", headers=PURPOSE)) == "damaged"
        assert (await client.get(at)).status_code == 200
        found = await client.post("/v1/appeals/find", json={"number": row.number})
        assert [each["id"] for each in found.json()["appeals"]] == [row.public_id]
        term = await client.get(f"{at}/term", headers=PURPOSE)
        is_read = role is Role.REGISTRY and place.startswith("document")
        assert term.status_code == (410 if is_read else 200)


async def test_a_defect_is_a_problem_too(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody has foreseen is 500 in the form of all problems, without what it was."""

    def fail(name: object) -> None:
        raise RuntimeError("secret")

    client = await server.client(Role.REGISTRY)
    monkeypatch.setattr(server.api.limits, "take", fail)
    answer = await client.get("/v1/me")
    assert (answer.status_code, kind_of(answer)) == (500, "defect")
    assert "secret" not in answer.text
