"""The endpoints beside the gateway: a presence, statistics, control."""

import pytest

from appealbus.simulator import server
from appealbus.simulator.population import Population
from tests.simulator.simulator_peer import Peer, message, parcel_question, person_question


async def test_presence(peer: Peer):
    """A health check finds somebody at the gateway's address without asking about anybody."""
    async with peer.session.get(peer.simulator.url) as reply:
        assert reply.status == 200
    assert peer.simulator.stats.asked.maxlen
    assert not peer.simulator.stats.asked


async def test_stats(peer: Peer, population: Population):
    """Counts by service and refusal; the ids of all that came, refused ones included, on request alone."""
    await peer.send(person_question(iin=population.persons.iin(1)))
    await peer.send(parcel_question(population.parcels.cadastral_number(1)))
    await peer.send(message("NOBODY", "<a/><b/>", messageId="m-1", correlationId="c-1"))
    async with peer.session.get(peer.simulator.base_url + "/stats") as reply:
        told = await reply.json()
    assert told == {
        "services": {"gbdfl": {"answered": 1}, "egkn": {"answered": 1}},
        "refusals": {"SCE004": 1},
    }
    async with peer.session.get(peer.simulator.base_url + "/stats?ids=1") as reply:
        asked = (await reply.json())["asked"]
    assert [row["service"] for row in asked] == ["gbdfl", "egkn", ""]
    assert [row["correlation_id"] for row in asked] == ["chain-1", "chain-1", "c-1"]
    assert asked[2]["message_id"] == "m-1"
    assert peer.simulator.stats.count("gbdfl") == 1
    assert peer.simulator.stats.count("gbdul") == 0


async def test_control(peer: Peer, population: Population):
    """Behaviour changes at run time; the answer tells how everybody behaves now."""
    control = peer.simulator.base_url + "/control"
    async with peer.session.post(control, json={"gbdfl": {"http_502": 1}}) as reply:
        told = await reply.json()
    assert reply.status == 200
    assert told["gbdfl"]["http_502"] == 1
    assert set(told) == {"gbdfl", "gbdul", "egkn"}
    assert (await peer.send(person_question(iin=population.persons.iin(1)))).status == 502
    async with peer.session.post(control, json={"gbdfl": {}}) as reply:
        assert reply.status == 200
    assert (await peer.send(person_question(iin=population.persons.iin(1)))).status == 200


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"nonsense", b'{"gai": {}}', b'{"gbdfl": {"fault": 2}}', b'{"gbdfl": 1}', b'{"gbdfl": {"x": 1}}'],
)
async def test_control_refuses_nonsense(peer: Peer, body: bytes):
    """What cannot be read changes nothing and says what to write."""
    async with peer.session.post(peer.simulator.base_url + "/control", data=body) as reply:
        assert reply.status == 400
        assert "error" in await reply.json()


async def test_control_is_for_this_machine_alone(peer: Peer, monkeypatch: pytest.MonkeyPatch):
    """From elsewhere neither control nor statistics are to be had."""
    monkeypatch.setattr("aiohttp.web.Request.remote", "192.0.2.7")
    async with peer.session.post(peer.simulator.base_url + "/control", json={}) as reply:
        assert reply.status == 403
    async with peer.session.get(peer.simulator.base_url + "/stats") as reply:
        assert reply.status == 403


async def test_closing_twice_is_once():
    """Closing is idempotent, before the start too."""
    simulator = server.Simulator()
    await simulator.close()
    with pytest.raises(RuntimeError, match="not started"):
        simulator.misbehave("gbdfl")
    await simulator.start()
    await simulator.close()
    await simulator.close()
