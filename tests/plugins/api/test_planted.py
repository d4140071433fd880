"""Whoever does not see a field gets the same bytes whatever stands in it, by every way out; on both databases."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from appealbus.core import Assessor, From, Inbound, Taken, Terms, found
from appealbus.core.bus.bus import Bus
from appealbus.core.bus.delivery.receiver import ReceiverMask, region_of
from appealbus.core.cli.export import Exported, ExportFormat, ExportOrder, _rows
from appealbus.core.cli.exportfile import dossier_row
from appealbus.core.config.loading import from_document
from appealbus.core.domain.client import Role
from appealbus.core.enrichment.fields import leaves
from appealbus.core.journal import clients as journal_clients
from appealbus.core.journal import documents, events
from appealbus.core.journal.appeals import lists
from appealbus.core.journal.deliveries.deliveries import Undelivered
from appealbus.core.rights.policy import read_policy
from appealbus.core.rights.viewer import Viewer
from appealbus.plugins.repeats.assessor import Repeats
from appealbus.plugins.repeats.part import Sketches
from appealbus.plugins.terms import LegalTerms, register_shared
from appealbus.plugins.terms.settings import TermsSettings
from appealbus.schemas import Dossier, Outcome, Severity, Signal
from appealbus.schemas.person import Person
from tests.core.kit import Thing, lookup, running_bus
from tests.plugins.api.planted import FORMS, Json, Planted, planted
from tests.plugins.api.serving import served
from tests.plugins.api.test_roles import PURPOSE
from tests.plugins.api.test_what_roles_see import _bytes, _stream, _without_chance
from tests.services.forms import form
from tests.services.journals import sqlite_journal

Got = dict[str, str]
"""By what was asked all that came."""
_ALL = planted()
_OF_PLACE = [each for each in _ALL if each.path.startswith("appeal.place.")]
_OF_SCOPES = [each for each in _ALL if each not in _OF_PLACE]
_REPORTED = ("appeal.kind", "appeal.addressee.bin")
"""Hidden from whom a report is asked for: it takes seconds to make the first."""
_OF_TERMS = (
    "appeal.kind",
    "appeal.received_at",
    "appeal.due_on",
    "appeal.addressee.kato",
    "changes.kind",
    "changes.to.name",
)


class Telling(Assessor):
    """Concludes something from every field, and says from which."""

    name = "telling"

    def assess(self, dossier: Dossier) -> Iterator[Signal]:
        """Return a signal for each value."""
        told = [(f"appeal.{path}", value) for path, value in leaves(dossier.appeal)]
        told += [(f"changes.{path}", value) for each in dossier.changes for path, value in leaves(each)]
        for fact in dossier.facts:
            told += [(f"{fact.lookup}/{path}", value) for path, value in leaves(fact.record)]
        for path, value in told:
            said = {"message_ru": f"{path}: {value}", "message_kk": f"{path}: {value}"}
            yield Signal(assessor="telling", code="telling.value", severity=Severity.INFO, fields=[path], **said)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[int], str]:
    """What gives the URL of a journal that is empty, once for each form."""
    if request.param == "sqlite":
        return lambda which: sqlite_journal(tmp_path / f"{which}.db")
    request.getfixturevalue("postgres")
    shared = request.getfixturevalue("_journal_database")

    def cleared(which: int) -> str:
        shared.clear()
        return str(shared.url)

    return cleared


@pytest.mark.proof
async def test_what_is_hidden_makes_no_difference(
    tmp_path: Path, empty: Callable[[int], str], request: pytest.FixtureRequest
) -> None:
    """Of each field there is, to a client from which that one is hidden and that sees one territory."""
    each = form(4, 1 if request.node.callspec.params["empty"] == "sqlite" else 2)
    await _hold(tmp_path, empty, _OF_SCOPES[::each], scoped=True)


@pytest.mark.proof
@pytest.mark.parametrize("path", [*(each.path for each in _OF_PLACE), *_OF_TERMS][:: form(5, 1)])
async def test_nor_to_who_sees_all_appeals(tmp_path: Path, empty: Callable[[int], str], path: str) -> None:
    """Nor in lists, their order and their filters: of where an appeal is, and of all that a due date follows from."""
    await _hold(tmp_path, empty, [each for each in _ALL if each.path == path], scoped=False)


async def _hold(folder: Path, empty: Callable[[int], str], cases: Sequence[Planted], *, scoped: bool) -> None:
    masks = [
        f"[masks.m{at}]\nhides = {orjson.dumps([each.path, *each.also]).decode()}" for at, each in enumerate(cases)
    ]
    clients = [f'[clients.c{at}]\nmask = "m{at}"' for at, _ in enumerate(cases)]
    (folder / "policy.toml").write_text("\n".join([*masks, *clients]))
    got = [await _all_of(folder, empty(at), cases, at, scoped=scoped) for at in range(FORMS)]
    differ = {
        (each.path, asked): (one[at][asked], other[at].get(asked))
        for one, other in ((got[0], got[1]), (got[0], got[2]))
        for at, each in enumerate(cases)
        for asked in one[at]
        if one[at][asked] != other[at].get(asked)
    }
    assert {key: _first(*texts) for key, texts in differ.items()} == {}


def _first(one: str, other: str | None) -> tuple[str, str]:
    """Return what is around the first difference."""
    other = other or ""
    at = next(
        (n for n, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), min(len(one), len(other))
    )
    return one[max(0, at - 100) : at + 100], other[max(0, at - 100) : at + 100]


def _place(at: int) -> str:
    return f"{71 + at // 90}{10 + at % 90}00000"


async def _all_of(folder: Path, url: str, cases: Sequence[Planted], which: int, *, scoped: bool) -> list[Got]:
    """Return by case all that its client gets, where the appeals have this form."""

    async def person(query: Any, source: Any) -> Outcome[Any]:
        at = query.m.removeprefix("m")
        records = cases[int(at)].records if at.isdecimal() else None
        usual = next(each.records for each in _ALL if each.records is not None)[0]
        return found(Person.model_validate(usual if records is None else records[which]))

    async def thing(query: Any, source: Any) -> Outcome[Any]:
        return found(Thing(name="одно"))

    lookups = (
        lookup("gbdfl.person", person, Person, iin=From("applicant.iin"), m=From("message_id")),
        lookup("vendor.list", thing, name=From("addressee.name")),
        lookup("egkn.parcel", thing, number=From("parcels[*].cadastral_number")),
    )
    terms: list[Terms] = [LegalTerms(register_shared(TermsSettings()))]
    given = {
        "journal": url,
        "grace": 1,
        "policy": str(folder / "policy.toml"),
        "changes_from": ["test", "слово0", "слово1"],
    }
    async with AsyncExitStack() as stack:
        bus = await stack.enter_async_context(
            running_bus(
                folder,
                *lookups,
                assessors=[Telling()] if scoped else [Telling(), Repeats()],
                journal_parts=[Sketches()],
                terms=terms,
                bus=given,
            )
        )
        numbers = [await _happen(bus, case, at, which, scoped=scoped) for at, case in enumerate(cases)]
        await bus.settle()
        for at, case in enumerate(cases):
            if case.changes is not None:
                change = {"type": "change", "number": numbers[at], **case.changes[which]}
                change["message_id"] = f"{at}-{change['message_id']}"
                channel = change.pop("channel", "test")
                await bus.accept(Inbound(channel, f"c{at}", orjson.dumps(change)))
        await bus.settle()
        while await bus.journal.do(events.Placing()):
            pass
        policy = read_policy(from_document({"bus": given}, folder), bus.parts.host)
        limits: dict[str, Any] = {"requests_per_minute": 1_000_000}
        server = await stack.enter_async_context(
            served(url, folder, policy=policy, bus=given, host=bus.parts.host, **limits)
        )
        told = []
        for at, number in enumerate(numbers):
            places = (_place(at),) if scoped else ()
            client = await server.client(Role.REGISTRY, f"c{at}", places=places)
            (viewer,) = [
                policy.of_client(each)
                for each, _ in await bus.journal.ask(journal_clients.all_clients)
                if each.name == f"c{at}"
            ]
            row = await bus.journal.ask(lists.appeal_row, number)
            assert row is not None
            got = await _asked(bus, client, row.public_id, cases[at].path)
            got |= {f"masked delivery {n}": each async for n, each in _handed(bus, viewer, row.appeal_id, number)}
            got |= await _exported(bus, viewer)
            told.append({asked: _without_chance(text).decode() for asked, text in got.items()})
        return told


async def _happen(bus: Bus, case: Planted, at: int, which: int, *, scoped: bool) -> str:
    """Have an appeal come that repeats an earlier one, where all are seen; return its number."""
    number = ""
    for message_id, its in ((f"t{at}", case.letters[0]), (f"m{at}", case.letters[which]))[scoped:]:
        letter = {"message_id": message_id, **its}
        if scoped:
            letter["place"] = {**letter["place"], "kato": _place(at)}
        if message_id.startswith("t"):
            letter = {**letter, "message_id": message_id}
            letter.pop("number", None)
        taken = await bus.accept(Inbound(letter.pop("channel", "test"), f"{message_id}", orjson.dumps(letter)))
        assert isinstance(taken, Taken)
        number = taken.receipt.number
        if not scoped:
            await bus.settle()
    return number


async def _asked(bus: Bus, client: httpx.AsyncClient, id: str, path: str) -> dict[str, bytes]:
    """Return what every route answers, asked in every way."""
    one = f"/v1/appeals/{id}"
    paths = [f"{one}{each}" for each in ("", "/dossier", "/versions", "/why", "/term", "/history", "/history?limit=1")]
    paths += [f"{one}/versions/{version}" for version in (1, 2)] + [f"{one}/versions/2/difference?from=1"]
    fields = [path, path.rpartition(".")[0] or path, "appeal.kind"]
    paths += [f"{one}/explain?field={each}" for each in dict.fromkeys(fields)]
    paths += ["/v1/report"] if path in _REPORTED else []
    paths += [f"{one}/repeats", "/v1/surges", "/v1/surges/alarms", "/v1/me", "/v1/feed/readers"]
    chosen = ("", "?kind=complaint", "?completeness=partial")
    paths += [f"/v1/feed{each}" for each in (*chosen, "?place=710000000")]
    paths += [f"/v1/terms{each}" for each in (*chosen, "?moved=true", "?until=2026-12-15", "?body=210740000018")]
    got: dict[str, bytes] = {}
    for each in paths:
        while "/history" in each and await bus.journal.do(events.Placing()):  # what has no place yet comes without one
            pass
        for headers in ({}, {"Accept": "application/xml"}) if each.endswith("/dossier") else ({},):
            answer = await client.get(each, headers={**PURPOSE, **headers})
            assert answer.status_code < 500, (each, answer.text)
            got[f"{each.replace(id, 'ID')} {headers}"] = _bytes(answer)
    for body in ({"number": "слово0"}, {"message_id": "слово0", "channel": "test"}, {"iin": "900115112345"}):
        got[f"find {body}"] = _bytes(await client.post("/v1/appeals/find", json=body, headers=PURPOSE))
    return got | {"stream": await _stream(client)}


async def _handed(bus: Bus, viewer: Viewer, appeal_id: int, number: str) -> Any:
    """Yield what a receiver with the same mask gets of each version."""
    mask = ReceiverMask(viewer, bus.journal, bus._masker)
    for version in await bus.journal.ask(lists.versions, number):
        raw = await bus.journal.ask(documents.whole, number, version.version)
        assert raw is not None
        region = region_of(Dossier.model_validate_json(raw).appeal)
        row = Undelivered(1, appeal_id, "c", number, version.version, version.completeness, 0, raw, region, 0)
        going, ended = await mask.masked([row])
        yield version.version, repr((going, ended)).encode()


async def _exported(bus: Bus, viewer: Viewer) -> dict[str, bytes]:
    rows: list[Json] = []
    await _rows(
        bus.journal, viewer, ExportOrder(Exported.DOSSIERS, ExportFormat.CSV, None), lambda page, _: rows.extend(page)
    )
    told = [{**each, "position": 0} for each in rows]  # other appeals may have had more tries between them
    return {"export": repr([dossier_row(each) for each in told]).encode() + orjson.dumps(told)}
