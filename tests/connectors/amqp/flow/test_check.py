"""`appealbus check --online`: whether the brokers of intakes, deliveries and the work queue can be reached."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.services import commands
from tests.services.rabbitmq import Vhost

PARTS = {"intake letters", "delivery registry", "work queue work"}


def check(folder: Path, broker: str, password: str, code: int, delivery: str = "main") -> dict[str, Any]:
    """Run the program on a configuration with this broker, and another one for the delivery where it is named."""
    (folder / "appealbus.toml").write_text(
        f"""
        [plugins.amqp.brokers.main]
        {broker}
        password = {{ env = "BROKER_PASSWORD" }}
        [intakes.letters]
        kind = "amqp"
        [deliveries.registry]
        kind = "amqp"
        broker = "{delivery}"
        [work]
        kind = "amqp"
        """
    )
    environment = {**commands.own_environment(), "BROKER_PASSWORD": password}
    done = commands.run(folder, "check", "--online", "--json", environment=environment, timeout=120)
    assert done.returncode == code, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    assert {f"{each['part']} {each['name']}" for each in told["connections"]} == PARTS
    return told


@pytest.mark.proof
def test_a_broker_that_is_there(tmp_path: Path, vhost: Vhost) -> None:
    """All is well, and nothing was made on it."""
    broker = f'hosts = ["127.0.0.1:{vhost.port}"]\nvirtual_host = "{vhost.name}"'
    told = check(tmp_path, broker, "guest", 0)
    assert {each["detail"] for each in told["connections"]} == {"the broker main is there"}
    assert vhost.api("GET", "queues") == []


def test_what_is_wrong_on_it_is_told_too(tmp_path: Path, vhost: Vhost) -> None:
    """What lies where nobody takes it, and what the bus must not make itself: not only that the broker is there."""
    broker = f'hosts = ["127.0.0.1:{vhost.port}"]\nvirtual_host = "{vhost.name}"'
    with vhost.channel() as channel:
        channel.queue_declare("appealbus.unrouted", durable=True, arguments={"x-queue-type": "quorum"})
        channel.confirm_delivery()
        channel.basic_publish("", "appealbus.unrouted", b"x")
    lies = "the broker main is there; queue appealbus.unrouted holds 1 appeals that no queue wanted, and nobody takes"
    told = check(tmp_path, broker, "guest", 1)
    assert all(each["detail"].startswith(lies) for each in told["connections"])
    told = check(tmp_path, f"{broker}\ndeclare = false", "guest", 1)
    assert all("queue appealbus.intake is missing" in each["detail"] for each in told["connections"])


@pytest.mark.proof
def test_brokers_that_cannot_be_reached(tmp_path: Path, vhost: Vhost) -> None:
    """A wrong password, and nobody who listens: each part that needs one says so, and why."""
    broker = f"""
        hosts = ["127.0.0.1:{vhost.port}"]
        virtual_host = "{vhost.name}"
        password = {{ env = "BROKER_PASSWORD" }}
        [plugins.amqp.brokers.away]
        hosts = ["127.0.0.1:1"]"""
    told = check(tmp_path, broker, "no", 1, delivery="away")
    for part in PARTS:
        which = "away; down" if part == "delivery registry" else "main; refused"
        wrong = f"{part} over amqp: no connection to the broker {which}: "
        assert [each for each in told["problems"] if each.startswith(wrong)], told["problems"]


def test_a_broker_in_memory(tmp_path: Path) -> None:
    """Nobody has to be reached."""
    told = check(tmp_path, "", "guest", 0)
    assert {each["detail"] for each in told["connections"]} == {"the broker main is in the memory of this process"}
