"""Dossiers, receipts and refusals are CloudEvents: the project's own SDK reads them as they come from the broker."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from cloudevents.core.bindings import amqp
from cloudevents.core.v1.event import CloudEvent

from appealbus.connectors.amqp.messages import PREFIX, attributes, source_of
from appealbus.connectors.broker.broker import Message
from appealbus.core.bus.bus import Bus
from appealbus.core.journal.tables import dossier
from appealbus.schemas import Dossier, Receipt
from appealbus.schemas.xml import DOSSIER_NS
from tests.connectors.amqp.flow.flows import NAMES, Run, body

PARTS = {"intakes": {"letters": {"kind": "amqp"}}, "deliveries": {"register": {"kind": "amqp"}}}
IIN = "120101500006"


def event_of(message: Message) -> CloudEvent:
    """Return a message as the SDK reads it, which refuses what is none."""
    properties = {"content-type": message.properties.content_type}
    headers = dict(message.properties.headers)
    return amqp.from_amqp_event(amqp.AMQPMessage(properties, headers, message.body))


async def test_a_dossier_is_an_event(run: Run) -> None:
    """Under its message id; about its appeal; its time is when the journal got the version, however late it leaves."""
    async with run(**PARTS) as flow:
        got = await flow.inbox("all", NAMES.out)
        await flow.send(body())
        (message,) = await got.wait(1)
        journal = await made_at(flow.bus)
    event = event_of(message)
    told = Dossier.model_validate_json(message.body)
    assert (event.get_id(), event.get_source()) == (told.message_id, "/appealbus/deliveries/register")
    assert (event.get_type(), event.get_dataschema()) == ("appealbus.dossier.v1", "urn:appealbus:dossier:1")
    assert (event.get_subject(), event.get_time()) == (told.number, journal)
    assert (event.get_specversion(), event.get_datacontenttype()) == ("1.0", "application/json")
    assert event.get_data() == json.loads(message.body)


async def made_at(bus: Bus) -> datetime:
    """Return when the journal got the only version."""
    made: datetime | None = await bus.journal.ask(lambda connection: connection.scalar(sa.select(dossier.c.created_at)))
    assert made is not None
    return made


async def test_a_number_of_a_person_is_masked_in_the_event(run: Run) -> None:
    """In its id and its subject, which brokers and monitors show."""
    async with run(**PARTS) as flow:
        got = await flow.inbox("all", NAMES.out)
        await flow.send(body(registration_number=IIN))
        (message,) = await got.wait(1)
    assert IIN.encode() in message.body
    assert IIN not in str(message.properties)
    assert event_of(message).get_subject() == event_of(message).get_id().partition("/")[0]


@pytest.mark.parametrize("media_type", ["application/json", "application/xml"])
async def test_the_same_receipt_is_the_same_event(run: Run, media_type: str) -> None:
    """Its id says nothing of whoever sent the letter; a refusal is an event of another type."""
    in_json = body(IIN)
    in_xml = (
        '<appeal xmlns="urn:appealbus:appeal:1"><message_id>'
        f"{IIN}</message_id><kind>complaint</kind><applicant><person/></applicant></appeal>"
    ).encode()
    good = in_json if media_type.endswith("json") else in_xml
    async with run(**PARTS) as flow:
        answers = await flow.inbox("answers")
        for each in (good, good, b"{"):
            await flow.send(each, content_type=media_type, reply_to="answers", message_id=IIN, correlation_id="c")
        got = {message.body: message for message in await answers.wait(3)}
    events = [event_of(message) for message in got.values()]
    ids = {event.get_id() for event in events}
    by_type = {event.get_type(): event for event in events}
    assert set(by_type) == {"appealbus.receipt.v1", "appealbus.refusal.v1"}
    assert len(ids) == len(got) == 2
    receipt = by_type["appealbus.receipt.v1"]
    assert (receipt.get_source(), receipt.get_datacontenttype()) == ("/appealbus/intakes/letters", media_type)
    assert IIN not in str([message.properties for message in got.values()])
    if media_type.endswith("json"):
        assert receipt.get_time() == Receipt.model_validate(receipt.get_data()).accepted_at


async def test_two_buses_have_two_sources(run: Run) -> None:
    """By the prefix of their names, or by the setting."""
    moment = datetime(2026, 2, 3, 4, 5, 6, 7, UTC)
    said = attributes("N/1", source_of("https://bus.example/west", "deliveries", "out"), DOSSIER_NS, moment)
    assert said[f"{PREFIX}source"] == "https://bus.example/west/deliveries/out"
    assert said[f"{PREFIX}time"] == "2026-02-03T04:05:06.000007Z"
    assert [name.removeprefix(PREFIX) for name in said] == ["specversion", "id", "source", "type", "dataschema", "time"]
    plugins: Any = {"source": "urn:akimat:bus"}
    async with run(**PARTS, amqp=plugins) as flow:
        got = await flow.inbox("all", NAMES.out)
        await flow.send(body())
        (message,) = await got.wait(1)
    assert event_of(message).get_source() == "urn:akimat:bus/deliveries/register"
