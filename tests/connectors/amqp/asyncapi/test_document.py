"""The AsyncAPI document: right by the official schema, by the names of the configuration, and true of real messages."""

import gzip
import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from typer.testing import CliRunner

from appealbus.connectors.amqp.asyncapi.document import asyncapi_document
from appealbus.connectors.broker.broker import Message
from appealbus.core.bus.delivery.receiver import _HIDDEN
from appealbus.core.cli.context import Cli
from appealbus.core.cli.main import build
from appealbus.core.config.loading import from_document, load
from appealbus.schemas.contract import FOLDER
from appealbus.schemas.dossier import Completeness
from tests.connectors.amqp.flow.flows import NAMES, body, running

EXAMPLE = Path(__file__).parents[4] / "examples" / "rabbitmq" / "appealbus.toml"
# From @asyncapi/specs 6.11.1, Apache-2.0: schemas/3.0.0-without-$id.json as it is.
SPECIFICATION = json.loads(gzip.decompress((Path(__file__).parent / "asyncapi-3.0.0.json.gz").read_bytes()))
PARTS = {
    "intakes": {"letters": {"kind": "amqp"}, "calls": {"kind": "amqp", "queue": "calls/in", "dead_letters": "dead"}},
    "deliveries": {"register": {"kind": "amqp"}, "file": {"kind": "files", "path": "out.jsonl"}},
}


def wrong(document: dict[str, Any]) -> list[str]:
    """Return what the official schema of AsyncAPI 3.0 has against a document."""
    found = jsonschema_rs.Draft7Validator(SPECIFICATION).iter_errors(document)
    return [f"{error.instance_path}: {error.message[:200]}" for error in found]


def references(part: Any) -> set[str]:
    if isinstance(part, dict):
        own = {part["$ref"]} if isinstance(part.get("$ref"), str) else set()
        return own.union(*(references(each) for each in part.values()))
    return set().union(*(references(each) for each in part)) if isinstance(part, list) else set()


def resolved(document: Any, reference: str) -> Any:
    for key in reference.removeprefix("#/").split("/"):
        document = document[key.replace("~1", "/").replace("~0", "~")]
    return document


@pytest.mark.parametrize("hosts", [False, True])
@pytest.mark.parametrize("tables", [{}, {**PARTS, "plugins": {"surges": {"broker": "main"}}}])
def test_it_is_a_document_of_asyncapi_3(tables: dict[str, Any], hosts: bool, tmp_path: Path) -> None:
    """By the official schema, which would find a mistake; and every reference leads somewhere."""
    document = asyncapi_document(from_document(tables, tmp_path, env={}), hosts=hosts)
    assert wrong(document) == []
    assert [resolved(document, each) for each in references(document)]
    assert wrong({**document, "channels": {"x": {"address": 1}}}) != []


def test_channels_have_the_names_of_the_configuration(tmp_path: Path) -> None:
    """The queues and exchanges that it names, with the prefix; what is not of queues is not in it."""
    tables = {**PARTS, "plugins": {"amqp": {"prefix": "west"}, "surges": {"file": "s.db", "broker": "main"}}}
    document = asyncapi_document(from_document(tables, tmp_path, env={}))
    channels = document["channels"]
    assert {name: channel["address"] for name, channel in channels.items()} == {
        "intakes.letters": "west.intake",
        "intakes.letters.receipts": None,
        "intakes.calls": "calls/in",
        "intakes.calls.receipts": None,
        "deliveries.register": "dossier.{completeness}.{region}",
        "surges": "surge.{kind}.{region}",
    }
    assert channels["surges"]["bindings"]["amqp"]["exchange"]["name"] == "west.alarms"
    assert channels["deliveries.register"]["bindings"]["amqp"]["exchange"]["name"] == "west.out"
    assert "west.in," in channels["intakes.letters"]["description"]
    assert "west.in," not in channels["intakes.calls"]["description"]
    assert {name: each["action"] for name, each in document["operations"].items()} == {
        "take.letters": "receive",
        "take.calls": "receive",
        "deliver.register": "send",
        "alarm": "send",
    }


def test_brokers_are_named_only_where_hosts_are_wanted(tmp_path: Path) -> None:
    """And never with user or password: whoever reads the document over HTTP shows no credentials."""
    broker = {"hosts": ["mq1.example", "mq2.example:5671"], "user": "clerk", "password": {"env": "P"}, "tls": {}}
    loaded = from_document(
        {**PARTS, "plugins": {"amqp": {"brokers": {"main": broker}}}}, tmp_path, env={"P": "swordfish"}
    )
    document = asyncapi_document(loaded, hosts=True)
    assert wrong(document) == []
    assert {key: (each["host"], each["protocol"]) for key, each in document["servers"].items()} == {
        "main-1": ("mq1.example", "amqps"),
        "main-2": ("mq2.example:5671", "amqps"),
    }
    assert "clerk" not in json.dumps(document)
    assert "swordfish" not in json.dumps(document)
    assert "mq1" not in json.dumps(asyncapi_document(loaded))
    assert "servers" not in asyncapi_document(loaded)


def test_parts_of_one_name_are_the_same_in_all_schemas() -> None:
    """They stand side by side in the document: of two that differ one would be wrong there."""
    found: dict[str, Any] = {}
    for file in FOLDER.glob("*.schema.json"):
        for name, part in json.loads(file.read_bytes()).get("$defs", {}).items():
            assert found.setdefault(name, part) == part, name
    assert len(found) > 40


def test_what_a_mask_may_put_in_its_place_is_among_the_values(tmp_path: Path) -> None:
    """A receiver whose mask hides the completeness gets `hidden` in the header and the routing key."""
    document = asyncapi_document(from_document(PARTS, tmp_path, env={}))
    values = [*Completeness, _HIDDEN]
    assert document["components"]["messages"]["dossier"]["headers"]["properties"]["completeness"]["enum"] == values
    assert document["channels"]["deliveries.register"]["parameters"]["completeness"]["enum"] == values


async def test_real_messages_are_as_the_document_says(tmp_path: Path) -> None:
    """Receipt, refusal and dossier from the broker: body, headers, type and content type."""
    loaded = from_document(PARTS, tmp_path, env={})
    document = asyncapi_document(loaded)
    async with running(tmp_path, {}, intakes={"letters": {"kind": "amqp"}}, deliveries=PARTS["deliveries"]) as flow:
        dossiers = await flow.inbox("all", NAMES.out)
        answers = await flow.inbox("answers")
        await flow.send(body(), reply_to="answers", correlation_id="c-1")
        await flow.send(b"{", reply_to="answers", correlation_id="c-2")
        got = [*await answers.wait(2), *await dossiers.wait(1)]
    assert sorted(message.properties.type for message in got) == ["dossier", "receipt", "refusal"]
    for message in got:
        assert differences(document, message) == []
    assert differences(document, Message(b"{}", got[0].properties)) != []


def differences(document: dict[str, Any], message: Message) -> list[str]:
    """Return in what a message is not as the document says."""
    said = document["components"]["messages"][message.properties.type]
    assert said["contentType"] == message.properties.content_type
    assert said["bindings"]["amqp"]["messageType"] == message.properties.type
    found = []
    for schema, value in (
        (said["payload"], json.loads(message.body)),
        (said["headers"], dict(message.properties.headers)),
    ):
        whole = {**schema, "components": document["components"]}
        found += [error.message for error in jsonschema_rs.Draft7Validator(whole).iter_errors(value)]
    return found


def test_the_command_writes_what_the_function_makes(tmp_path: Path) -> None:
    """To a file or to standard output; without a broker; an unwritable file is told in words."""
    run = CliRunner()
    app = build(Cli(EXAMPLE))
    arguments = ["--config", str(EXAMPLE), "asyncapi"]
    assert run.invoke(app, [*arguments, str(tmp_path / "asyncapi.json")]).exit_code == 0
    made = json.loads((tmp_path / "asyncapi.json").read_bytes())
    assert made == asyncapi_document(load(EXAMPLE, {"RABBITMQ_PASSWORD": "x"}), hosts=True)
    assert wrong(made) == []
    assert json.loads(run.invoke(app, arguments).stdout) == made
    failed = run.invoke(app, [*arguments, str(tmp_path / "none" / "asyncapi.json")])
    assert failed.exit_code == 1
    assert "cannot be written" in failed.output
