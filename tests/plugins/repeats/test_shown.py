"""What is shown of others, by the API: through masks and scopes, noted of each that is shown."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from appealbus.core import Past
from appealbus.core.journal import log
from appealbus.core.journal.appeals import lists
from appealbus.core.loading.host import Host, Plugin
from appealbus.core.rights.mask import Mask
from appealbus.core.rights.paths import Pattern
from appealbus.core.rights.viewer import Viewer
from appealbus.core.rights.views import Views
from appealbus.plugins.repeats.assessor import Repeats
from appealbus.plugins.repeats.comparing import compared
from appealbus.plugins.repeats.part import Sketches
from appealbus.schemas.appeal import Appeal
from tests.core.kit import running_bus
from tests.plugins.api.serving import served
from tests.plugins.repeats.making import BODY, LAND, PEOPLE, by, text
from tests.plugins.repeats.test_repeats import ended, put
from tests.services.journals import sqlite_journal

PARCEL = "20-315-045-123"
HERE, THERE = "271010000", "431010000"
LETTER = text(12, 1)
SECRET = "Мой сосед Ахметов всё видел."


@pytest.fixture
async def numbers(tmp_path: Path) -> list[str]:
    """An earlier letter of the same person, a copy, one about the same parcel, and last the one that is asked for."""
    field = [{"cadastral_number": PARCEL}]
    async with running_bus(tmp_path, assessors=[Repeats()], journal_parts=[Sketches()]) as bus:
        given: list[dict[str, Any]] = [
            {"text": f"{LETTER} {SECRET}", "category": LAND, "place": {"kato": HERE}, **by(0)},
            {"text": LETTER, "place": {"kato": THERE}, **by(1)},
            {"text": text(12, 2), "parcels": field, "place": {"kato": HERE}, **by(2)},
            {"text": f"{LETTER} Крыша упала {PEOPLE[0]}.", "category": LAND, "parcels": field, **by(0)},
        ]
        found = [await put(bus, str(at), **{"place": {"kato": HERE}, **each}) for at, each in enumerate(given)]
        await ended(bus, found[0], result="refused")
        await bus.settle()
    return found


async def shown(folder: Path, numbers: list[str], viewer: Viewer) -> tuple[dict[str, Any], list[str]]:
    async with served(sqlite_journal(folder / "journal.db"), folder) as server:
        row = await server.journal.ask(lists.appeal_row, numbers[-1])
        assert row is not None
        told, others = await compared(Views(server.journal, viewer), row, _host(), _compare)
        return orjson.loads(orjson.dumps(told["compared"][0]["comparison"])), others


def _compare(appeal: Appeal, past: Past) -> tuple[list[dict[str, Any]], frozenset[int]]:
    found = Repeats().compare(appeal, past)
    return [{"name": "repeats", "comparison": found.document}], found.shown


def viewer(mask: Mask, **scopes: Any) -> Viewer:
    return Viewer("somebody", None, mask, **scopes)


async def test_over_http_with_who_looked_noted(tmp_path: Path, numbers: list[str]) -> None:
    """What is new beside the earlier decision; it is noted as a look at each that is shown, with the purpose."""
    async with served(sqlite_journal(tmp_path / "journal.db"), tmp_path) as server:
        server.api.host.plugins.append(_plugin())
        rows = [await server.journal.ask(lists.appeal_row, each) for each in numbers]
        client = await server.client("reviewer")
        path = f"/v1/appeals/{rows[-1].public_id}/repeats"
        assert (await client.get(path)).status_code == 403
        answer = await client.get(path, headers={"Appealbus-Purpose": "review"})
        looks = [
            [
                (each.actor, each.detail["as"])
                for each in await server.journal.ask(log.history, number)
                if each.what == "read"
            ]
            for number in numbers
        ]
        ops = await server.client("ops")
        assert (await ops.get(path)).status_code == 403
        integrator = await server.client("integrator")
        technical = (await integrator.get(path)).json()["compared"][0]["comparison"]
    assert answer.status_code == 200
    told = answer.json()
    assert told["number"] == numbers[-1]
    (matter,) = told["compared"][0]["comparison"]["matters"]
    assert (matter["number"], matter["article"], matter["body"]) == (numbers[0], "new_arguments", BODY["name"])
    assert matter["outcome"] == {"came": "refused", "day": "2026-03-01"}
    assert matter["news"]["new"] == [f"Крыша упала {PEOPLE[0]}."]
    copies, neighbours = (told["compared"][0]["comparison"][name] for name in ("copies", "neighbours"))
    assert ([each["number"] for each in copies["others"]], copies["count"]) == ([numbers[1]], 1)
    assert [each["number"] for each in neighbours["others"]] == [numbers[2]]
    assert looks == [[("api:reviewer", "repeats")]] * 4
    assert technical == {"matters": [], **{name: _nothing() for name in ("copies", "neighbours")}}


def _nothing() -> dict[str, Any]:
    return {"count": 0, "at_least": True, "others": []}


def _host() -> Host:
    host = Host(lambda name, model: model())
    host.plugins.append(_plugin())
    return host


def _plugin() -> Plugin:
    return Plugin("repeats", "1", "test", brought={"assessors": [Repeats()], "journal_parts": [Sketches()]})


@pytest.mark.parametrize(
    ("hidden", "gone"),
    [
        ("appeal.text", {"matter": ("news", "article", "similarity"), "lists": ("copies",)}),
        ("appeal.applicant", {"matter": None, "lists": ("neighbours",)}),
        ("changes", {"matter": ("outcome", "article"), "lists": ()}),
        ("appeal.addressee.name", {"matter": ("outcome", "article", "body"), "lists": ()}),
        ("number", {"matter": ("number",), "lists": ()}),
        ("receipt.accepted_at", {"matter": ("accepted_at",), "lists": ()}),
        ("appeal.parcels", {"matter": (), "lists": ("neighbours",)}),
    ],
)
async def test_nothing_leaves_its_mask(tmp_path: Path, numbers: list[str], hidden: str, gone: dict[str, Any]) -> None:
    """What a mask hides is not compared, and what follows from it is not told."""
    told, _ = await shown(tmp_path, numbers, viewer(Mask("m", hides=[Pattern.parse(hidden)])))
    for name in gone["lists"]:
        assert told[name]["others"] == []
    if gone["matter"] is None:
        assert told["matters"] == []
        return
    (matter,) = told["matters"]
    assert not {*gone["matter"]} & {*matter}
    if hidden == "appeal.text":
        assert LETTER[:40] not in str(told)
        assert "Ахметов" not in str(told)


async def test_numbers_of_people_are_hidden_in_sentences(tmp_path: Path, numbers: list[str]) -> None:
    """With all that follows from whose they are."""
    told, others = await shown(tmp_path, numbers, viewer(Mask("m", identifiers=["iin"])))
    assert PEOPLE[0] not in str(told)
    assert told["matters"] == []
    assert {each["applicant"] for each in told["copies"]["others"]} == {"unknown"}
    assert {*others} == {numbers[0], numbers[1]}  # nobody says any more that the first is of the same person


async def test_others_beyond_the_scopes_are_not_told_of(tmp_path: Path, numbers: list[str]) -> None:
    """Neither their numbers nor how many there are."""
    told, others = await shown(tmp_path, numbers, viewer(Mask("everything"), places=(HERE,)))
    assert (told["copies"]["count"], told["copies"]["others"]) == (0, [])
    assert {*others} == {numbers[0], numbers[2]}
    told, others = await shown(tmp_path, numbers, viewer(Mask("everything"), kinds=("petition",)))
    assert (told["matters"], others) == ([], [])


async def test_a_late_outcome_is_told_to_who_asks(tmp_path: Path) -> None:
    """The signal is of its time; who asks later learns how the earlier one has ended since."""
    async with running_bus(tmp_path, assessors=[Repeats()], journal_parts=[Sketches()]) as bus:
        first = await put(bus, "1", text=LETTER, category=LAND, **by(0))
        own = await put(bus, "2", text=LETTER, category=LAND, **by(0))
        await bus.settle()
        await ended(bus, first, result="terminated")
        await bus.settle()
    told, _ = await shown(tmp_path, [own], viewer(Mask("everything")))
    assert (told["matters"][0]["outcome"]["came"], told["matters"][0]["article"]) == ("terminated", "identical")
