"""`appealbus topology check | apply | export` against a real broker."""

import json
import shlex

import pytest

from tests.services.forms import form
from tests.services.rabbitmq import Rabbit

from .conftest import Topology, rights

QUEUES = {"appealbus.intake", "appealbus.quarantine", "appealbus.unrouted", "appealbus.work"}
EXCHANGES = {"appealbus.dead", "appealbus.in", "appealbus.out", "appealbus.unrouted"}
ANSWERS = ("appealbus.answers.address", "appealbus.answers.address.dead")
IN_ORDER = (0, ["All is in order."])
NO_BINDING = "exchange appealbus.in does not lead by # to the queue appealbus.intake; run `appealbus topology apply`"


@pytest.mark.parametrize("default", ["classic", "quorum"])
def test_apply_makes_all_and_check_finds_it_in_order(topology: Topology, rabbit: Rabbit, default: str) -> None:
    """Whatever type of queue the virtual host makes by default."""
    rabbit.api("PUT", f"vhosts/{topology.vhost.name}", {"default_queue_type": default})
    code, lines = topology.run("topology", "check")
    assert code == 1
    missing = {f"queue {name}" for name in QUEUES} | {f"exchange {name}" for name in EXCHANGES}
    assert set(lines) == {f"{each} is missing; run `appealbus topology apply`" for each in missing}
    code, lines = topology.run("topology", "apply")
    assert (code, lines[-1]) == (0, "All is in order."), lines
    made = {f"made {each}" for each in missing} | {f"set policy {name}" for name in QUEUES}
    assert set(lines[:-1]) == made
    assert topology.run("topology", "check") == IN_ORDER
    assert topology.run("topology", "apply") == IN_ORDER
    assert (topology.names("queues"), topology.names("exchanges")) == (QUEUES, EXCHANGES)


@pytest.mark.proof
def test_export_is_what_apply_makes(topology: Topology, rabbit: Rabbit) -> None:
    """An administrator imports it, as a file by rabbitmqctl, and check finds all in order."""
    topology.more = """
        [sources.address]
        connector = "amqp"
        queue = "address.questions"
        answers = true
        """
    assert topology.run("topology", "export", str(topology.folder / "topology.json")) == (0, [])
    code, lines = topology.run("topology", "export")
    assert (code, json.loads("\n".join(lines))) == (0, json.loads((topology.folder / "topology.json").read_bytes()))
    rabbit.ctl("import_definitions", str(topology.folder / "topology.json"))
    with topology.vhost.channel() as channel:
        channel.queue_declare("address.questions", durable=True)
    assert topology.run("topology", "check") == IN_ORDER
    assert topology.names("queues") == {*QUEUES, *ANSWERS}
    answers, dead = (topology.policies()[name] for name in ANSWERS)
    assert answers == topology.policies()["appealbus.intake"] | {
        "delivery-limit": 20,
        "max-length": 100_000,
        "dead-letter-exchange": "",
        "dead-letter-routing-key": "appealbus.answers.address.dead",
    }
    assert dead == topology.policies()["appealbus.quarantine"]
    topology.management = None
    code, lines = topology.run("topology", "apply")
    assert (code, [line for line in lines if line.startswith("made")]) == (0, [])


def test_each_difference_is_a_line_with_what_to_do(topology: Topology) -> None:
    """And apply changes nothing that others declared, but mends what it may."""
    with topology.vhost.channel() as channel:
        channel.queue_declare("appealbus.intake", durable=True)
        channel.exchange_declare("appealbus.out", "fanout", durable=True)
        channel.exchange_declare("appealbus.in", "topic", durable=True)
    assert topology.run("topology", "apply")[0] == 1
    topology.vhost.api("DELETE", "bindings/e/appealbus.in/q/appealbus.intake/%23")
    topology.vhost.api("DELETE", "policies/appealbus.work")
    topology.vhost.api(
        "PUT",
        "policies/everything",
        {"pattern": ".*", "definition": {"message-ttl": 5, "overflow": "drop-head"}, "apply-to": "queues"},
    )

    def by_part(said: tuple[int, list[str]]) -> dict[str, str]:
        assert said[0] == 1
        return {line.split(":")[0].split(" is declared")[0]: line for line in said[1]}

    delete = "delete it and run `appealbus topology apply`, else choose another plugins.amqp.prefix"
    expected = {
        about: f"{about} is declared otherwise: {differs}; if nobody else needs it, {delete}"
        for about, differs, delete in (
            ("queue appealbus.intake", "type is classic, not quorum", f"empty and {delete}"),
            ("exchange appealbus.out", "type is fanout, not topic", delete),
            ("exchange appealbus.in", "alternate-exchange is not set, not appealbus.unrouted", delete),
        )
    }
    ttl = "queue appealbus.work: a policy sets message-ttl = 5, by which it loses messages; take message-ttl out of "
    said = topology.run("topology", "check")
    assert f"{ttl}that policy" in said[1]
    found = by_part(said)
    assert expected.items() <= found.items()
    assert NO_BINDING in found.values()
    assert topology.run("topology", "apply")[0] == 1
    assert by_part(topology.run("topology", "check")) == expected
    assert topology.policies()["everything"] == {"message-ttl": 5, "overflow": "drop-head"}


def test_a_policy_from_before_there_was_a_queue_for_dead_answers(topology: Topology) -> None:
    """It is told, and apply mends it; a limit that an administrator has set stays."""
    topology.more = """
        [sources.address]
        connector = "amqp"
        exchange = "amq.topic"
        routing_key = "address"
        answers = true
        """
    topology.run("topology", "apply")
    policy = topology.vhost.api("GET", "policies/appealbus.answers.address")
    before = {**policy["definition"], "max-length": 5000, "dead-letter-exchange": "appealbus.dead"}
    del before["dead-letter-routing-key"]
    topology.vhost.api("PUT", "policies/appealbus.answers.address", {**policy, "definition": before})
    topology.vhost.api("DELETE", "queues/appealbus.answers.address.dead")
    code, lines = topology.run("topology", "check")
    assert (code, [line.partition(";")[0] for line in lines]) == (
        1,
        [
            "queue appealbus.answers.address.dead is missing",
            "queue appealbus.answers.address: the policy appealbus.answers.address stands for it, and does not set "
            "dead-letter-exchange = (empty), dead-letter-routing-key = appealbus.answers.address.dead",
        ],
    )
    assert topology.run("topology", "apply")[0] == 0
    assert topology.run("topology", "check") == IN_ORDER
    assert topology.policies()["appealbus.answers.address"]["max-length"] == 5000


@pytest.mark.parametrize("by_api", [True, False])
def test_what_others_have_to_make_is_looked_for(topology: Topology, by_api: bool) -> None:
    """Each name in the configuration, on the broker that is meant; apply makes nothing of it and does not wait."""
    topology.more = """
        [plugins.amqp.brokers.other]
        [intakes.letters]
        kind = "amqp"
        queue = "letters.in"
        dead_letters = "letters.dead"
        [intakes.elsewhere]
        kind = "amqp"
        broker = "other"
        queue = "elsewhere"
        [deliveries.register]
        kind = "amqp"
        exchange = "dossiers"
        [work]
        kind = "amqp"
        queue = "hints"
        [sources.address]
        connector = "amqp"
        queue = "address.questions"
        """
    if not by_api:
        topology.management = None
    assert topology.run("topology", "apply")[0] == 0
    code, lines = topology.run("topology", "check")
    todo = "is missing; have it made, or mend the name"
    assert (code, [line for line in lines if todo in line]) == (
        1,
        [
            f"queue hints, which work.queue names, {todo}",
            f"queue letters.in, which intakes.letters.queue names, {todo}",
            f"queue letters.dead, which intakes.letters.dead_letters names, {todo}",
            f"exchange dossiers, which deliveries.register.exchange names, {todo}",
            f"queue address.questions, which sources.address.queue names, {todo}",
        ],
    )
    with topology.vhost.channel() as channel:
        for queue in ("hints", "letters.in", "letters.dead", "address.questions"):
            channel.queue_declare(queue, durable=True, arguments={"x-queue-type": "quorum"})
        channel.exchange_declare("dossiers", "topic", durable=True)
        channel.queue_bind("hints", "dossiers", "dossier.#")
    assert topology.run("topology", "check")[0] == 0


def test_a_receiver_s_missing_queue_is_told(topology: Topology) -> None:
    """By state of the dossier; that only those of no known region are left out is said, and is no problem."""
    topology.more = '[deliveries.register]\nkind = "amqp"'
    topology.run("topology", "apply")
    code, lines = topology.run("topology", "check")
    text = "exchange appealbus.out: no queue takes what is published with dossier.{}.*; have the receiver's queue made"
    assert (code, len(lines)) == (1, 3)
    states = ("partial", "complete", "settled")
    assert all(line.startswith(text.format(state)) for line, state in zip(lines, states, strict=True))
    with topology.vhost.channel() as channel:
        channel.queue_declare("register", durable=True)
        channel.queue_bind("register", "appealbus.out", "dossier.complete.*")
        channel.queue_bind("register", "appealbus.out", "dossier.settled.*")
        channel.queue_bind("register", "appealbus.out", "dossier.partial.27")
        code, lines = topology.run("topology", "check")
        assert (code, lines[-1]) == (0, "What can be seen is in order.")
        assert lines[0].startswith(
            "exchange appealbus.out: no queue takes dossier.partial.00, dossiers whose region is "
        )
        channel.queue_bind("register", "appealbus.out", "dossier.#")
        assert topology.run("topology", "check") == IN_ORDER
        channel.queue_delete("register")
    assert topology.run("topology", "check")[0] == 1


@pytest.mark.parametrize("by_api", [True, False])
def test_what_lies_in_queues_that_nobody_takes_is_told(topology: Topology, by_api: bool) -> None:
    """Appeals, dead letters and what no queue wanted, with their numbers; hints are worth nothing to anybody."""
    topology.run("topology", "apply")
    topology.management = topology.management if by_api else None
    with topology.vhost.channel() as channel:
        channel.confirm_delivery()
        for queue in ("intake", "intake", "intake", "quarantine", "quarantine", "unrouted", "work"):
            channel.basic_publish("", f"appealbus.{queue}", b"x")
    code, lines = topology.run("topology", "check")
    told = "and nobody takes them; start a bus that takes from it"
    assert (code, [line for line in lines if "hold" in line]) == (
        1,
        [
            f"queue appealbus.quarantine holds 2 messages that the broker gave up on, {told}",
            f"queue appealbus.unrouted holds 1 appeals that no queue wanted, {told}",
            f"queue appealbus.intake holds 3 appeals, {told}",
        ],
    )


def test_limits_are_the_administrator_s_to_choose(topology: Topology) -> None:
    """Another length is no difference, and another name neither; a stronger policy that lacks something is told of."""
    topology.run("topology", "apply")
    policy = topology.vhost.api("GET", "policies/appealbus.intake")
    definition = {**policy["definition"], "max-length": 5000}
    topology.vhost.api("PUT", "policies/ours", {**policy, "definition": definition, "priority": 99})
    topology.vhost.api("DELETE", "policies/appealbus.intake")
    assert topology.run("topology", "check") == IN_ORDER
    del definition["delivery-limit"]
    topology.vhost.api("PUT", "policies/ours", {**policy, "definition": definition, "priority": 99})
    line = (
        "queue appealbus.intake: the policy ours stands for it, and does not set delivery-limit = -1; add that to the "
        "policy ours, or give it less priority than the policy appealbus.intake has"
    )
    assert topology.run("topology", "check") == (1, [line])
    assert topology.run("topology", "apply") == (1, [line])
    assert topology.policies()["ours"] == definition


@pytest.mark.proof
def test_without_the_api_it_says_what_it_cannot_see(topology: Topology) -> None:
    """And which policies an administrator has to set: those commands, run as they stand, put all in order.

    Each takes a second of a processor: in the short form one is run, and what the others say is set over the API.
    """
    api, topology.management = topology.management, None
    code, lines = topology.run("topology", "check")
    assert (code, len(lines)) == (1, 9)
    assert lines[-1].startswith("bindings, limits and dead-lettering cannot be seen over AMQP; set `management`")
    code, lines = topology.run("topology", "apply")
    commands = [line for line in lines if "rabbitmqctl" in line]
    assert (code, len(commands)) == (0, 4)
    code, lines = topology.run("topology", "check")
    assert (code, lines[-1]) == (0, "What can be seen is in order.")
    topology.management = api
    assert topology.run("topology", "check")[0] == 1
    for number, command in enumerate(commands):
        words = shlex.split(command)[1:]
        if number < form(1, len(commands)):
            topology.vhost.rabbit.ctl(*words)
            continue
        assert words[:4] == ["set_policy", "-p", topology.vhost.name, "--priority"]
        priority, apply_to, kind, name, pattern, definition = words[4:]
        assert apply_to == "--apply-to"
        told = {"pattern": pattern, "definition": json.loads(definition), "apply-to": kind, "priority": int(priority)}
        topology.vhost.api("PUT", f"policies/{name}", told)
    assert topology.run("topology", "check") == IN_ORDER


def test_without_the_api_another_declaration_is_told(topology: Topology) -> None:
    topology.management = None
    with topology.vhost.channel() as channel:
        channel.queue_declare("appealbus.intake", durable=True)
    topology.run("topology", "apply")
    code, lines = topology.run("topology", "check")
    assert (code, len(lines)) == (1, 2)
    assert lines[0].startswith("queue appealbus.intake is declared otherwise (")
    assert "classic" in lines[0]
    assert topology.vhost.api("GET", "queues/appealbus.intake")["type"] == "classic"


def test_a_user_with_few_rights_is_told_what_they_lack(topology: Topology, rabbit: Rabbit) -> None:
    """Nothing is half done in silence."""
    rabbit.user("clerk", "guest")
    rabbit.permit("clerk", topology.vhost.name, configure="")
    topology.user = "clerk"
    code, lines = topology.run("topology", "check")
    assert code == 1
    told = " ".join(" ".join(lines).split())
    assert "does not let clerk do that" in told
    assert "`policymaker` to set policies" in told
    topology.management = None
    code, lines = topology.run("topology", "apply")
    assert code == 1
    right = "queue appealbus.intake cannot be declared: this user has no right to configure it; "
    assert any(line.startswith(right) for line in lines)
    rabbit.user("clerk", "guest", "management")
    topology.user, topology.management = "guest", f"http://127.0.0.1:{rabbit.management}"
    topology.run("topology", "apply")
    for policy in topology.policies():
        topology.vhost.api("DELETE", f"policies/{policy}")
    topology.user = "clerk"
    code, lines = topology.run("topology", "apply")
    assert code == 1
    assert any("policies cannot be set: " in line and "`policymaker` to set policies" in line for line in lines), lines


def test_without_the_right_to_configure_what_is_there_is_no_problem(topology: Topology, rabbit: Rabbit) -> None:
    """As an administrator gives it who makes all himself; what he has not made is one."""
    rabbit.user("reader", "guest")
    rabbit.permit("reader", topology.vhost.name, *rights(declare=False))
    management, topology.management, topology.user = topology.management, None, "reader"
    code, lines = topology.run("topology", "check")
    assert (code, len([line for line in lines if " is missing; " in line])) == (1, 8)
    topology.management, topology.user = management, "guest"
    assert topology.run("topology", "apply")[0] == 0
    topology.management, topology.user = None, "reader"
    code, lines = topology.run("topology", "check")
    assert (code, lines[-1]) == (0, "What can be seen is in order."), lines
    told = "queue appealbus.intake is there; it cannot be compared, since this user has no right to configure it; "
    assert [line for line in lines if line.startswith(told)]


def test_nobody_there(topology: Topology) -> None:
    topology.management = "http://127.0.0.1:9"
    code, lines = topology.run("topology", "check")
    assert code == 1
    assert lines[0].startswith("the management API at 127.0.0.1:")
    assert " does not answer (" in lines[0]


@pytest.mark.parametrize("command", ["check", "apply"])
def test_a_broker_in_memory_needs_nothing(topology: Topology, command: str) -> None:
    topology.more = "[plugins.amqp.brokers.other]"
    told = "The broker other lives in memory: the bus makes what it needs when it starts."
    assert topology.run("topology", command, "--broker", "other") == (0, [told])
