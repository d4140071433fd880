"""What a completeness contract makes of an appeal tells neither its hidden kind nor how a hidden lookup ended."""

import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from appealbus.core import From, Taken, found, refused
from appealbus.core.bus.bus import Bus
from appealbus.core.config.loading import from_document
from appealbus.core.journal import events
from appealbus.core.journal.appeals import lists
from appealbus.core.rights.policy import read_policy
from tests.core.kit import Thing, lookup, message, running_bus
from tests.plugins.api.serving import kind_of, served
from tests.plugins.api.test_what_roles_see import _without_chance

POLICY = """
[masks.kind]
hides = ["appeal.kind"]
[masks.lookup]
hides = ["s.b", "appeal.applicant.phone"]
[masks.working]
hides = ["s.b", "appeal.applicant.phone", "completeness"]
process = true
[clients.kind]
mask = "kind"
[clients.lookup]
mask = "lookup"
[clients.working]
mask = "working"
"""
CONTRACTS = {
    "default": {"required": ["s.a"]},
    "petition": {"required": ["s.a"], "where_given": ["s.b"]},
    "inquiry": {"required": ["s.a"], "where_given": ["s.b"]},
}
PATHS = ("", "/dossier", "/versions", "/why", "/history", "/explain?field=s.b", "/explain?field=completeness")


async def _ask(query: Any, source: Any) -> Any:
    if query.x == "1":
        return refused("s.no", "the register does not want to")
    return found(Thing(name="b"))


async def _told(bus: Bus, client: httpx.AsyncClient, number: str, paths: tuple[str, ...]) -> list[str]:
    row = await bus.journal.ask(lists.appeal_row, number)
    assert row is not None
    answers = [(await client.get(f"/v1/appeals/{row.public_id}{path}")).content for path in paths]
    feed = (await client.get("/v1/feed")).json()["entries"]
    answers += [repr({**each, "position": ""}).encode() for each in feed if each["id"] == row.public_id]
    texts = (_without_chance(each.replace(number.encode(), b"NUMBER")).decode() for each in answers)
    # What has just been noted has its place in the log a moment later.
    chance = r"\"owner\":\"\w+\"|datetime\([^)]*\)|message_id\":\"\w+|\"?position(\":null|,)"
    return [re.sub(chance, "", each).replace("{,", "{") for each in texts]


@pytest.mark.parametrize(
    ("who", "appeals"),
    [
        ("kind", [("petition", "1"), ("complaint", "1")]),
        ("kind", [("petition", "2"), ("complaint", "2")]),
        ("lookup", [("petition", "1"), ("petition", "2")]),
    ],
)
async def test_the_same_bytes_whatever_the_contract_makes_of_it(
    tmp_path: Path, url: str, who: str, appeals: list[tuple[str, str]]
) -> None:
    """How it stands, its dossier, what it lacks, its versions, its history and the feed; nobody can choose by it."""
    (tmp_path / "policy.toml").write_text(POLICY)
    given = {"journal": url, "grace": 1, "policy": str(tmp_path / "policy.toml")}
    lookups = lookup("s.a", x=From("text")), lookup("s.b", _ask, x=From("applicant.phone"))
    async with running_bus(tmp_path, *lookups, bus=given, completeness=CONTRACTS) as bus:
        numbers = []
        for at, (kind, phone) in enumerate(appeals):
            taken = await bus.accept(
                message(f"m{at}", text="т", kind=kind, applicant={"type": "person", "phone": phone})
            )
            assert isinstance(taken, Taken)
            numbers.append(taken.receipt.number)
            await bus.settle()
        while await bus.journal.do(events.Placing()):
            pass
        loaded = from_document({"bus": given, "completeness": CONTRACTS}, tmp_path)
        policy = read_policy(loaded, bus.parts.host)
        async with served(url, tmp_path, policy=policy, bus=given, host=bus.parts.host) as server:
            client = await server.client("registry", who)
            one, other = [await _told(bus, client, number, PATHS) for number in numbers]
            assert one == other
            assert '"lookup":"s.b"' not in one[1] + one[3]
            assert '"state":"idle"' in one[0]
            refused = [await client.get(f"/v1/{each}?completeness=partial") for each in ("feed", "terms")]
            assert [kind_of(each) for each in refused] == ["field-hidden"] * 2
            working = await server.client("registry", "working")
            for number in numbers:
                state = await _state(bus, working, number)
                assert (state["state"], state.get("waits_for"), state.get("asked_again_at")) == ("idle", [], None)


async def _state(bus: Bus, client: httpx.AsyncClient, number: str) -> dict[str, Any]:
    row = await bus.journal.ask(lists.appeal_row, number)
    assert row is not None
    told: dict[str, Any] = (await client.get(f"/v1/appeals/{row.public_id}")).json()
    return told
