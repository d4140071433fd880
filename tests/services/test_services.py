"""The servers that the tests start themselves do what their words say."""

import socket

import pika
import psycopg
import pytest
from pika.exceptions import AMQPConnectionError, StreamLostError

from tests.services.forms import form
from tests.services.postgres import Postgres
from tests.services.processes import until
from tests.services.proxy import FaultProxy
from tests.services.rabbitmq import Rabbit, Vhost

LASTING = pika.BasicProperties(delivery_mode=2)


@pytest.mark.proof
def test_a_killed_broker_comes_back_with_its_messages(rabbit: Rabbit, vhost: Vhost) -> None:
    """Ports and data are the same after kill -9 and, in the long form, after an orderly restart.

    In the short form that one is `test_all_goes_on_after_a_restart` of `tests/connectors/broker`.
    """
    with vhost.channel() as channel:
        channel.queue_declare("kept", durable=True, arguments={"x-queue-type": "quorum"})
        channel.confirm_delivery()
        channel.basic_publish("", "kept", b"one", LASTING)
    for kill in form((True,), (True, False)):
        rabbit.restart(kill=kill)
        until(lambda: vhost.depth("kept") == 1, "the message is there")


def test_a_virtual_host_is_empty_and_one_s_own(rabbit: Rabbit, vhost: Vhost) -> None:
    assert vhost.api("GET", "queues") == []
    other = rabbit.vhost()
    assert other.name != vhost.name
    rabbit.drop(other)
    rabbit.user("clerk", "secret")
    with pytest.raises(AMQPConnectionError):
        pika.BlockingConnection(pika.URLParameters(vhost.url.replace("guest:guest", "clerk:secret")))
    assert "clerk" in {each["name"] for each in rabbit.api("GET", "users")}


def test_tls_wants_a_certificate_it_knows(rabbit: Rabbit, vhost: Vhost) -> None:
    assert rabbit.tls is not None
    for certificate, key, welcome in (
        (rabbit.tls.client, rabbit.tls.client_key, True),
        (rabbit.tls.stranger, rabbit.tls.stranger_key, False),
    ):
        query = f"?ssl_options={{'ca_certs':'{rabbit.tls.authority}','certfile':'{certificate}','keyfile':'{key}'}}"
        url = vhost.url_at(rabbit.tls_port).replace("amqp:", "amqps:") + query
        if welcome:
            pika.BlockingConnection(pika.URLParameters(url)).close()
        else:
            with pytest.raises(AMQPConnectionError):
                pika.BlockingConnection(pika.URLParameters(url))


def test_a_killed_database_comes_back_with_its_rows(postgres: Postgres, database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("CREATE TABLE kept (n int)")
        connection.execute("INSERT INTO kept VALUES (1)")
    for kill in (True, False):
        postgres.restart(kill=kill)
        with psycopg.connect(database) as connection:
            assert connection.execute("SELECT n FROM kept").fetchall() == [(1,)]


def test_a_database_is_empty_and_one_s_own(postgres: Postgres, database: str) -> None:
    name = postgres.database()
    assert not database.endswith(f"/{name}")
    assert postgres.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", name) == [(0,)]
    postgres.drop(name)


def test_the_proxy_holds_back_what_a_blackhole_swallows() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, FaultProxy(server.getsockname()[1]) as proxy:
        client = socket.create_connection(("127.0.0.1", proxy.port), 10)
        with client, server.accept()[0] as far:
            client.sendall(b"one")
            assert far.recv(10) == b"one"
            proxy.blackhole("up")
            client.sendall(b"two")
            far.sendall(b"other way")
            assert client.recv(20) == b"other way"
            far.settimeout(0.2)
            with pytest.raises(TimeoutError):
                far.recv(10)
            proxy.heal()
            far.settimeout(10)
            assert far.recv(10) == b"two"
            assert proxy.passed == {"up": 6, "down": 9}


def test_the_proxy_cuts_and_refuses(vhost: Vhost) -> None:
    with FaultProxy(vhost.port) as proxy:
        connection = pika.BlockingConnection(pika.URLParameters(vhost.url_at(proxy.port)))
        proxy.cut()
        with pytest.raises(StreamLostError):
            connection.process_data_events(10)
        proxy.refuse()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", proxy.port), 5)
        proxy.heal()
        pika.BlockingConnection(pika.URLParameters(vhost.url_at(proxy.port))).close()
