"""Brokers that do not want us, or that are not there: told in words, and tried again."""

import asyncio
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from appealbus.connectors.broker.broker import BrokerUnreachable
from appealbus.connectors.broker.rabbit import RabbitBroker
from appealbus.connectors.broker.rabbit.broker import parameters
from appealbus.connectors.broker.settings import BrokerSettings
from appealbus.core import ConfigError, LinkStatus, Secret
from tests.services.certificates import Certificates
from tests.services.processes import free_port
from tests.services.proxy import FaultProxy
from tests.services.rabbitmq import Rabbit, Vhost

from .conftest import Open
from .helpers import through, until

WRONG = Secret(env="PASSWORD", environ={"PASSWORD": "wrong"})


async def told(broker: RabbitBroker, status: LinkStatus) -> str:
    """Wait until both links stand so; return the detail."""
    await until(lambda: all(link.status is status for link in broker.links()), f"both are {status}")
    return broker.links()[0].detail


@pytest.mark.proof
async def test_a_wrong_password(connect: Open) -> None:
    """Logged once for each link, whatever the number of attempts; the password is nowhere."""
    with capture_logs() as logs:
        broker = await connect(up=False, password=WRONG, reconnect_max=0.1)
        detail = await told(broker, LinkStatus.REFUSED)
        await asyncio.sleep(2)
    assert "does not accept guest" in detail
    assert [line["log_level"] for line in logs if line["event"] == "amqp.link.refused"] == ["error"] * 2
    assert "wrong" not in str(logs)
    with pytest.raises(BrokerUnreachable, match="does not accept guest"):
        await broker.declare_queue("q")


async def test_a_password_that_is_mended_is_taken(connect: Open, rabbit: Rabbit, vhost: Vhost) -> None:
    """Without a restart of ours."""
    rabbit.user("mended", "other")
    broker = await connect(up=False, user="mended", reconnect_max=0.5)
    await told(broker, LinkStatus.REFUSED)
    rabbit.user("mended", "guest")
    rabbit.permit("mended", vhost.name)
    assert await broker.up(60)


async def test_a_new_password_is_read(
    connect: Open, rabbit: Rabbit, vhost: Vhost, proxy: FaultProxy, tmp_path: Path
) -> None:
    """For each round of attempts, also where the file is not there for a moment."""
    file = tmp_path / "password"
    file.write_text("first\n")
    rabbit.user("rotated", "first")
    rabbit.permit("rotated", vhost.name)
    broker = await connect(**through(proxy), user="rotated", password=Secret(file=file), reconnect_max=0.5)
    rabbit.user("rotated", "second")
    file.unlink()
    await asyncio.to_thread(proxy.cut)
    assert str(file) in await told(broker, LinkStatus.REFUSED)
    file.write_text("second\n")
    assert await broker.up(60)


async def test_a_missing_virtual_host(connect: Open) -> None:
    broker = await connect(up=False, virtual_host="no-such-host")
    assert "has no virtual host no-such-host" in await told(broker, LinkStatus.REFUSED)


async def test_a_virtual_host_that_is_closed_to_us(connect: Open, rabbit: Rabbit) -> None:
    rabbit.user("stranger", "guest")
    broker = await connect(up=False, user="stranger")
    assert "does not let stranger into the virtual host" in await told(broker, LinkStatus.REFUSED)


async def test_a_user_with_too_many_connections(connect: Open, rabbit: Rabbit, vhost: Vhost) -> None:
    """It is a limit that is to be raised, and not a right."""
    rabbit.user("limited", "guest")
    rabbit.permit("limited", vhost.name)
    rabbit.api("PUT", "user-limits/limited/max-connections", {"value": 0})
    broker = await connect(up=False, user="limited")
    assert "no more connections of limited" in await told(broker, LinkStatus.REFUSED)


async def test_a_virtual_host_with_too_many_connections(connect: Open, rabbit: Rabbit, vhost: Vhost) -> None:
    rabbit.api("PUT", f"vhost-limits/{vhost.name}/max-connections", {"value": 0})
    broker = await connect(up=False)
    assert f"no more connections to the virtual host {vhost.name}" in await told(broker, LinkStatus.REFUSED)


async def test_nobody_listens(connect: Open) -> None:
    """An appeal to a host that is away is no error of anybody's configuration."""
    broker = await connect(up=False, hosts=[f"127.0.0.1:{free_port()}"])
    assert "nothing listens" in await told(broker, LinkStatus.DOWN)


async def test_no_such_host(connect: Open) -> None:
    broker = await connect(up=False, hosts=["no-such-host.invalid"])
    assert "no-such-host.invalid:5672 has no address" in await told(broker, LinkStatus.DOWN)


async def test_something_else_than_a_broker(connect: Open) -> None:
    """A web server, say."""

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(8)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    broker = await connect(up=False, hosts=[f"127.0.0.1:{server.sockets[0].getsockname()[1]}"])
    await until(lambda: broker.links()[0].status in {LinkStatus.DOWN, LinkStatus.REFUSED}, "it is told")
    await broker.close()
    server.close()
    await server.wait_closed()


def tls(files: Certificates, who: str = "client") -> dict[str, Path]:
    return {
        "ca_bundle": files.authority,
        "client_cert": getattr(files, who),
        "client_key": getattr(files, f"{who}_key"),
    }


async def test_tls_with_a_client_certificate(connect: Open, rabbit: Rabbit) -> None:
    """The broker wants one."""
    assert rabbit.tls is not None
    broker = await connect(hosts=[f"127.0.0.1:{rabbit.tls_port}"], tls=tls(rabbit.tls))
    assert (await broker.declare_queue("q")).name == "q"


@pytest.mark.parametrize("fault", ["authority", "stranger", "plain"])
async def test_tls_that_does_not_fit(connect: Open, rabbit: Rabbit, fault: str) -> None:
    """An authority that we do not trust, a certificate that the broker does not, and no TLS at all."""
    assert rabbit.tls is not None
    table: dict[str, Path] | None = tls(rabbit.tls, "stranger" if fault == "stranger" else "client")
    if fault == "authority":
        table = {**tls(rabbit.tls), "ca_bundle": rabbit.tls.stranger}
    elif fault == "plain":
        table = None
    broker = await connect(up=False, hosts=[f"127.0.0.1:{rabbit.tls_port}"], tls=table)
    detail = await told(broker, LinkStatus.REFUSED)
    words = {"authority": "is not trusted", "stranger": "certificate", "plain": "wants TLS"}
    assert words[fault] in detail


async def test_a_file_that_is_gone_is_a_configuration_error(vhost: Vhost, rabbit: Rabbit, tmp_path: Path) -> None:
    """Told at the start, with the key; the broker can be started again later."""
    assert rabbit.tls is not None
    gone = tmp_path / "gone.pem"
    gone.write_bytes(rabbit.tls.client.read_bytes())
    given = {"hosts": ["127.0.0.1"], "tls": {**tls(rabbit.tls), "client_cert": gone}, "virtual_host": vhost.name}
    broker = RabbitBroker("main", BrokerSettings.model_validate(given))
    gone.unlink()
    with pytest.raises(ConfigError, match=r"plugins\.amqp\.brokers\.main\.tls\.client_cert"):
        await broker.start()
    assert broker.links() == ()


def test_who_we_are_must_be_told() -> None:
    with pytest.raises(ConfigError, match=r"plugins\.amqp\.brokers\.main\.password is missing"):
        parameters(BrokerSettings(hosts=["127.0.0.1"]), "plugins.amqp.brokers.main", "main.publish")


async def test_a_certificate_says_who_we_are(rabbit: Rabbit) -> None:
    """Where no password is given."""
    assert rabbit.tls is not None
    given = {"hosts": [f"127.0.0.1:{rabbit.tls_port}"], "tls": tls(rabbit.tls), "reconnect_max": 0.5}
    broker = RabbitBroker("main", BrokerSettings.model_validate(given))
    await broker.start()
    assert "does not accept our certificate" in await told(broker, LinkStatus.REFUSED)
    rabbit.user("appealbus test client", "unused")
    try:
        rabbit.permit("appealbus test client", "/")
        assert await broker.up(60)
        await broker.close()
    finally:
        rabbit.api("DELETE", "users/appealbus%20test%20client")
