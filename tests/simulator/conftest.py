"""A simulator over real HTTP and a raw participant of it."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from appealbus.simulator.population import Population
from appealbus.simulator.server import Simulator
from appealbus.simulator.settings import SimulatorSettings
from tests.simulator.simulator_peer import SEED, SIZE, Peer


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """A raw HTTP client."""
    async with aiohttp.ClientSession() as made:
        yield made


@pytest.fixture
async def peer(session: aiohttp.ClientSession) -> AsyncIterator[Peer]:
    """A participant of a simulator that behaves well until told otherwise."""
    async with Simulator(SimulatorSettings(seed=SEED, size=SIZE)) as simulator:
        yield Peer(simulator, session)


@pytest.fixture(scope="session")
def population() -> Population:
    """The population of that simulator."""
    return Population(SEED, SIZE)
