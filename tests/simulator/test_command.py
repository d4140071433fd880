"""`appealbus simulate`."""

import asyncio
import errno
import re
import signal
import socket
import sys
import tomllib
from pathlib import Path

import aiohttp
import pytest
import typer
from typer.testing import CliRunner

from appealbus.simulator import register_commands, register_settings
from appealbus.simulator.command import with_misbehaviour
from appealbus.simulator.population import Population
from appealbus.simulator.server import Simulator
from appealbus.simulator.settings import Algorithm, SimulatorSettings
from appealbus.simulator.signing.keys import make_keys
from appealbus.simulator.sources import snippet
from tests.services.processes import PATIENCE

PROGRAM = """
import typer
from appealbus.core.logs import configure
from appealbus.core.logs.setup import LogFormat, LogLevel
from appealbus.simulator import register_commands
from appealbus.simulator.settings import Algorithm, SimulatorSettings
configure(LogLevel.INFO, LogFormat.AUTO)
app = typer.Typer()
app.callback()(lambda: None)
register_commands(app, SimulatorSettings())
app()
"""


def application() -> typer.Typer:
    """Return a program with the command alone."""
    app = typer.Typer(pretty_exceptions_enable=False)
    app.callback()(lambda: None)
    register_commands(app, SimulatorSettings())
    return app


def test_orders_of_the_command_line():
    """Orders reach the services that they name; durations are read like everywhere."""
    settings = with_misbehaviour(SimulatorSettings(), ["all.latency=50ms", "egkn.http_502=0.1", "egkn.latency=1s"])
    assert settings.gbdfl.misbehaviour.latency == settings.gbdul.misbehaviour.latency == 0.05
    assert (settings.egkn.misbehaviour.latency, settings.egkn.misbehaviour.http_502) == (1.0, 0.1)
    rough = with_misbehaviour(SimulatorSettings(), ["gbdul.cut=0.5"], rough=True)
    assert rough.gbdfl.misbehaviour.fault > 0
    assert rough.gbdul.misbehaviour.cut == 0.5


@pytest.mark.parametrize(
    ("order", "told"),
    [
        ("egkn", "egkn.http_502=0.1"),
        ("egkn.fault", "egkn.http_502=0.1"),
        ("gai.fault=1", "no service 'gai'; write one of address, all, egkn, gbdfl, gbdul"),
        ("egkn.slient=1", "no misbehaviour 'slient'; did you mean silent?"),
        ("egkn.outages=1", "no misbehaviour 'outages'; write one of"),
        ("egkn.fault=2", "fault"),
        ("egkn.latency=x", "Invalid value: latency: write a duration"),
    ],
)
def test_orders_that_cannot_be_read(order: str, told: str):
    """A wrong order ends the command with 2 and says what to write."""
    result = CliRunner().invoke(application(), ["simulate", "--port", "0", "--misbehave", order])
    assert result.exit_code == 2
    assert told in " ".join(result.output.replace("│", " ").split())


def test_a_port_that_is_taken():
    """The command ends with 2 and says what to write."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = CliRunner().invoke(application(), ["simulate", "--port", str(port), "--size", "10"])
    assert result.exit_code == 2
    assert f"cannot listen on 127.0.0.1:{port}: the port is in use; choose another with --port" in result.output


def test_help_teaches():
    """The help names every misbehaviour."""
    output = CliRunner().invoke(application(), ["simulate", "--help"]).output
    for word in ("http_502", "entity_bomb", "latency_tail", "--misbehave", "--seed", "[plugins.simulator]"):
        assert word in output


def test_settings_are_the_simulators():
    """The table of the configuration is the model that the simulator runs by."""
    assert register_settings() is SimulatorSettings


async def test_an_address_of_ipv6():
    """What is printed can be asked."""
    try:
        async with (
            Simulator(SimulatorSettings(host="::1", size=10)) as simulator,
            aiohttp.ClientSession() as session,
            session.get(simulator.url) as reply,
        ):
            assert reply.status == 200
    except OSError as error:
        if error.errno != errno.EADDRNOTAVAIL:
            raise
        pytest.skip("this machine has no IPv6")


def test_keys_lie_beside_the_configuration(tmp_path: Path):
    """A relative path in the file starts at its folder, wherever the program was started."""
    settings = SimulatorSettings.model_validate({"keys": "keys"}, context={"folder": tmp_path})
    assert settings.keys == tmp_path / "keys"


def test_snippet_is_toml():
    """What is printed can be pasted into a configuration."""
    told = tomllib.loads(snippet(SimulatorSettings(password="p"), "http://127.0.0.1:1/bip-sync/"))
    assert set(told["sources"]) == {"gbdfl", "gbdul", "egkn"}
    assert told["sources"]["gbdul"] == {
        "connector": "shep",
        "url": "http://127.0.0.1:1/bip-sync/",
        "service_id": "GbdulInfoByBin_v2",
        "sender_id": "appealbus",
        "password": {"env": "SIMULATOR_PASSWORD"},
        "data_signature": {"sign": "none"},
    }


def test_snippet_of_a_signed_contour():
    """It names the files of the keys: ours to sign with, those of the gateway and the registers to hold answers to."""
    told = tomllib.loads(snippet(SimulatorSettings(keys=Path("/keys"), algorithm=Algorithm.RSA), "http://127.0.0.1:1/"))
    ours = {"sign": "rsa-sha256", "key": "/keys/client.key", "certificate": "/keys/client.pem"}
    for name in ("gbdfl", "gbdul", "egkn"):
        assert told["sources"][name]["signature"] == ours | {"trusted": ["/keys/gateway.pem"]}
    assert told["sources"]["gbdul"]["data_signature"] == ours | {"trusted": ["/keys/register.pem"]}
    assert told["sources"]["gbdfl"]["data_signature"] == {"trusted": ["/keys/register.pem"]}
    assert "data_signature" not in told["sources"]["egkn"]


def test_keys_that_cannot_be_used(tmp_path: Path):
    """The command ends with 2 and says what to do: some files are missing, one is no key, or the folder is a file."""
    (tmp_path / "client.pem").write_text("nothing")
    result = CliRunner().invoke(application(), ["simulate", "--port", "0", "--keys", str(tmp_path)])
    assert (result.exit_code, "empty the folder" in result.output) == (2, True)
    for name in ("client.key", "gateway.key", "gateway.pem", "register.key", "register.pem", "ca.pem"):
        (tmp_path / name).write_text("nothing")
    result = CliRunner().invoke(application(), ["simulate", "--port", "0", "--keys", str(tmp_path)])
    assert (result.exit_code, "gateway.key: no private key" in result.output) == (2, True)
    make_keys(tmp_path / "rsa", Algorithm.RSA)
    result = CliRunner().invoke(application(), ["simulate", "--port", "0", "--keys", str(tmp_path / "rsa")])
    assert (result.exit_code, "the keys are not of gost-512" in result.output) == (2, True)
    result = CliRunner().invoke(application(), ["simulate", "--port", "0", "--keys", str(tmp_path / "client.pem")])
    assert result.exit_code == 2


@pytest.mark.system
async def test_runs_as_a_process():
    """It serves, prints where, as TOML, and ends with 0 on SIGTERM."""
    arguments = ["simulate", "--port", "0", "--size", "1000", "--seed", "5", "--misbehave", "gbdfl.http_502=1"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, *arguments, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        printed = (await asyncio.wait_for(process.stdout.readuntil(b"Ctrl-C ends it."), PATIENCE)).decode()
        url = re.findall(r"listen on (\S+)", printed)[0]
        from tests.simulator.simulator_peer import person_question

        body = person_question(iin=Population(5, 1000).persons.iin(0))
        headers = {"Content-Type": "text/xml", "SOAPAction": '""'}
        async with aiohttp.ClientSession() as session, session.post(url, data=body, headers=headers) as reply:
            assert reply.status == 502
        process.send_signal(signal.SIGTERM)
        rest = (await asyncio.wait_for(process.communicate(), PATIENCE))[0].decode()
        assert set(tomllib.loads(printed + rest)["sources"]) == {"gbdfl", "gbdul", "egkn"}
        assert process.returncode == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
