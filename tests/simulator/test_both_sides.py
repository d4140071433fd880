"""The bus's own wire at the simulator's signed contour: two sides that share no code understand each other."""

import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from appealbus.connectors.http import HttpClient
from appealbus.connectors.shep import ShepSettings
from appealbus.connectors.shep.wire import ShepWire
from appealbus.core import Call, CallFailed, Lookup, Query, SingleUse, Source
from appealbus.plugins import egkn, gbdfl, gbdul
from appealbus.plugins.egkn.lookups import ParcelQuery
from appealbus.plugins.gbdfl.lookups import PersonQuery
from appealbus.plugins.gbdul.lookups import OrganisationQuery
from appealbus.simulator.server import Simulator
from appealbus.simulator.settings import Algorithm, Kind, Misbehaviour, SimulatorSettings
from appealbus.simulator.sources import gateway_source
from tests.connectors.signing.gost.kit import needs_libgcrypt
from tests.simulator.simulator_peer import SEED, SIZE

pytestmark = needs_libgcrypt
LOOKUPS: dict[str, Lookup[Any, Any]] = {
    lookup.name: lookup
    for plugin in (gbdfl, gbdul, egkn)
    for lookup in plugin.register_lookups(plugin.register_settings()())  # type: ignore[attr-defined]
}


class Contour:
    """A simulator and what asks it."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self.people = simulator.population
        self.used: set[str] = set()

    async def use_once(self, once: SingleUse, *_: object) -> bool:
        """Remember what was used, as the journal does."""
        new = once.key not in self.used
        self.used.add(once.key)
        return new

    async def ask(self, name: str, query: Query, **changed: Any) -> tuple[str, str, Any]:
        """Put a question; return how it ended, with which code, and the record."""
        lookup = LOOKUPS[name]
        table = gateway_source(lookup.source, self.simulator.settings, self.simulator.url) | changed
        del table["connector"]
        wire = ShepWire(lookup.source, ShepSettings.model_validate(table), HttpClient())
        await wire.start()
        call = Call(str(uuid.uuid4()), "TEST-1", 5.0)
        source = Source(lookup.source, wire, call, use_once=self.use_once, lenient=lookup.lenient)
        try:
            outcome = await lookup.ask(query, source)
        except CallFailed as failed:
            return failed.kind.value, failed.code, None
        finally:
            await wire.close()
        return outcome.kind.value, outcome.code, outcome.record

    async def person(self, **changed: Any) -> tuple[str, str, Any]:
        """Ask who the first person is."""
        return await self.ask("gbdfl.person", PersonQuery(iin=self.people.persons.iin(1)), **changed)

    async def organisation(self, **changed: Any) -> tuple[str, str, Any]:
        """Ask who an organisation is."""
        bin_ = self.people.organisations.bin(40)
        return await self.ask("gbdul.organisation", OrganisationQuery(bin=bin_), **changed)


@pytest.fixture(params=list(Algorithm))
async def contour(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Contour]:
    """A contour with keys of each kind."""
    settings = SimulatorSettings(seed=SEED, size=SIZE, keys=tmp_path / "keys", algorithm=request.param)
    async with Simulator(settings) as simulator:
        yield Contour(simulator)


@pytest.fixture
async def gost(tmp_path: Path) -> AsyncIterator[Contour]:
    """A contour with keys of 256 bits, which are the cheapest."""
    settings = SimulatorSettings(seed=SEED, size=SIZE, keys=tmp_path, algorithm=Algorithm.GOST_256)
    async with Simulator(settings) as simulator:
        yield Contour(simulator)


async def test_found(contour: Contour):
    """Each register is asked in its published form and signed, and its signed answer gives the population's record."""
    people = contour.people
    number = people.parcels.cadastral_number(3)
    assert await contour.person() == ("found", "", people.persons.person(1))
    assert await contour.organisation() == ("found", "", people.organisations.organisation(40))
    found = await contour.ask("egkn.parcel", ParcelQuery(cadastral_number=number))
    assert found == ("found", "", people.parcels.parcel(3))


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (Kind.UNSIGNED, ("invalid", "wssec.unsigned")),
        (Kind.WRONG_SIGNATURE, ("invalid", "wssec.signature")),
        (Kind.OTHER_PERSON, ("invalid", "gbdfl.other_person")),
        (Kind.REPEATED, ("invalid", "shep.correlation")),
        (Kind.BUSINESS_ERROR, ("invalid", "gbdfl.404")),
        (Kind.STATUS, ("unavailable", "shep.status.SCSE003")),
        (Kind.FAULT, ("unavailable", "shep.fault.SCE909")),
        (Kind.DOUBLED, ("invalid", "shep.response")),
    ],
)
async def test_misbehaviour(gost: Contour, kind: Kind, expected: tuple[str, str]):
    """What a signed contour may do wrong has one outcome each, and none is a record."""
    gost.simulator.misbehave("gbdfl", Misbehaviour.model_validate({kind.value: 1}))
    assert await gost.person() == (*expected, None)


async def test_replayed(gost: Contour):
    """A recorded answer does not count again, be it known by the id of another question or by its signature alone."""
    for service in ("gbdfl", "gbdul"):
        gost.simulator.misbehave(service, Misbehaviour(replayed=1))
    assert (await gost.person())[0] == (await gost.organisation())[0] == "found"
    assert await gost.person() == ("invalid", "shep.correlation", None)
    assert await gost.organisation() == ("invalid", "reply.repeated", None)


async def test_questions_that_the_gateway_refuses(gost: Contour):
    """Unsigned messages and unsigned content are refused by the gateway with its codes."""
    told = {"sign": "none", "verify": False}
    assert await gost.person(signature=told) == ("unavailable", "shep.signature.SCE007", None)
    assert await gost.organisation(data_signature=told) == ("invalid", "shep.fault.SCE017", None)
