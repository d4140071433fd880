"""The intake `amqp`: on disk, then acknowledged; receipts; and that nothing that comes stops it."""

import asyncio
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from lxml import etree

from appealbus.connectors.amqp.brokers import Brokers
from appealbus.connectors.amqp.intake import AmqpIntake
from appealbus.connectors.amqp.settings import AmqpSettings, IntakeSettings
from appealbus.connectors.broker.broker import Delivered, Message, Properties, Published
from appealbus.core import Inbound, Quarantined
from appealbus.core.bus.intake.reception import Reception
from appealbus.core.config.models import BusSettings
from appealbus.core.errors import JournalError
from appealbus.core.journal import figures, quarantine
from appealbus.core.journal.appeals import cases
from appealbus.schemas import Appeal, Change, ChangeKind, Receipt, Refusal
from appealbus.schemas.change import Correction
from appealbus.schemas.contract import FOLDER
from appealbus.schemas.xml import to_xml
from tests.connectors.amqp.flow.flows import NAMES, Flow, Run, body
from tests.services.processes import PATIENCE

INTAKES = {"intakes": {"letters": {"kind": "amqp"}}}


async def test_an_appeal_is_taken_and_its_sender_gets_the_receipt(run: Run) -> None:
    """Under the correlation id of the request; the same message again gets the same receipt."""
    async with run(**INTAKES) as flow:
        answers = await flow.inbox("sender")
        for _ in range(2):
            await flow.send(
                body(), message_id="x-1", content_type="application/json", reply_to="sender", correlation_id="c-1"
            )
        first, second = await answers.wait(2)
        counts = await flow.bus.journal.ask(figures.counts)
        assert counts.idle + counts.in_work + counts.ready == 1
        await flow.until(lambda: flow.counts("intake.letters")["repeated"] == 1)
        await flow.until(lambda: flow.counts("intake.letters")["receipts"] == 2)
    receipt = Receipt.model_validate_json(first.body)
    assert (receipt.message_id, receipt.channel) == ("m-1", "letters")
    assert second.body == first.body
    for answer in (first, second):
        told = answer.properties
        assert (told.correlation_id, told.type, told.content_type) == ("c-1", "receipt", "application/json")


async def test_xml_is_answered_in_xml(run: Run) -> None:
    """With the message id as correlation id where the request has no other, and by the contract's XSD."""
    appeal = Appeal.model_validate_json(body("ж-1"))
    async with run(**INTAKES) as flow:
        answers = await flow.inbox("sender")
        await flow.send(to_xml(appeal), message_id="x-1", reply_to="sender")
        await flow.send(b"<appeal/>", message_id="x-2", content_type="text/xml; charset=utf-8", reply_to="sender")
        await answers.wait(2)
    by_id = {answer.properties.correlation_id: answer for answer in answers.got}
    for message_id, kind in (("x-1", "receipt"), ("x-2", "refusal")):
        answer = by_id[message_id]
        assert (answer.properties.type, answer.properties.content_type) == (kind, "application/xml")
        schema = etree.XMLSchema(etree.parse(str(FOLDER / f"{kind}.xsd")))
        assert schema.validate(etree.fromstring(answer.body)), schema.error_log
    assert "ж-1".encode() in by_id["x-1"].body


async def test_a_change_is_taken_and_acknowledged(run: Run) -> None:
    """In JSON and in XML, before its appeal and after it, each with a receipt; its number is the appeal's."""
    early = Change(message_id="c-1", appeal_message_id="m-1", kind=ChangeKind.CORRECTED, corrected=Correction(text="…"))
    late = early.model_copy(update={"message_id": "c-2", "kind": ChangeKind.WITHDRAWN})
    async with run(**INTAKES) as flow:
        answers = await flow.inbox("sender")
        await flow.send(early.model_dump_json(exclude_none=True).encode(), message_id="x-1", reply_to="sender")
        await answers.wait(1)
        await flow.send(body(), message_id="x-2", reply_to="sender")
        await answers.wait(2)
        await flow.send(to_xml(late), message_id="x-3", reply_to="sender")
        await answers.wait(3)
        (case,) = await flow.bus.journal.ask(cases.cases, [1])
        assert (case.changes, case.closed) == (2, "withdrawn")
    receipts = [Receipt.model_validate_json(answer.body) for answer in answers.got[:2]]
    assert [receipt.message_id for receipt in receipts] == ["c-1", "m-1"]
    assert (receipts[0].number, receipts[1].number in answers.got[2].body.decode()) == ("", True)


async def test_the_receipt_of_a_change_tells_of_dates_that_cannot_be(run: Run) -> None:
    """In JSON and in XML by the contract; sent again it gets the same, so it is the same event."""
    change = Change.model_validate(
        {"message_id": "c-1", "appeal_message_id": "m-1", "kind": "withdrawn", "dated_at": "2062-03-01"}
    )
    async with run(**INTAKES) as flow:
        answers = await flow.inbox("sender")
        for sent in (change.model_dump_json(exclude_none=True).encode(), to_xml(change)):
            for _ in range(2):
                await flow.send(sent, message_id="x-1", reply_to="sender")
        await answers.wait(4)
    bodies = sorted({answer.body for answer in answers.got})
    assert (len(bodies), len({answer.properties.headers["cloudEvents:id"] for answer in answers.got})) == (2, 2)
    schema = etree.XMLSchema(etree.parse(str(FOLDER / "receipt.xsd")))
    assert schema.validate(etree.fromstring(bodies[0])), schema.error_log
    (told,) = Receipt.model_validate_json(bodies[1]).warnings or ()
    assert (told.field, told.code, b"change.misdated" in bodies[0]) == ("dated_at", "change.misdated", True)


async def test_the_receipt_of_an_appeal_has_its_warnings(run: Run) -> None:
    """In JSON and in XML by the contract; sent again it gets the same, so it is the same event."""
    in_xml = b'<appeal xmlns="urn:appealbus:appeal:1"><kind>complaint</kind><aplicant>a</aplicant></appeal>'
    async with run(**INTAKES) as flow:
        answers = await flow.inbox("sender")
        for message_id, sent in (("x-1", b'{"kind": "complaint", "aplicant": "a"}'), ("x-2", in_xml)):
            for _ in range(2):
                await flow.send(sent, message_id=message_id, reply_to="sender")
        await answers.wait(4)
    bodies = sorted({answer.body for answer in answers.got})
    assert (len(bodies), len({answer.properties.headers["cloudEvents:id"] for answer in answers.got})) == (2, 2)
    schema = etree.XMLSchema(etree.parse(str(FOLDER / "receipt.xsd")))
    assert schema.validate(root := etree.fromstring(bodies[0])), schema.error_log
    told = [each.code for each in Receipt.model_validate_json(bodies[1]).warnings or ()]
    assert told == [each.text for each in root.iterfind(".//{*}code")] == ["field.unknown", "field.missing"]


BOMB = (
    b'<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><appeal xmlns="urn:appealbus:appeal:1">&b;</appeal>'
)
POISON = {
    "malformed": (b'{"message_id": ', "json.malformed", "not JSON"),
    "encoding": ('{"message_id": "ж"}'.encode("cp1251"), "json.malformed", "not JSON"),
    "schema": (body(schema_version="9"), "appeal.invalid", "schema_version"),
    "hostile": (BOMB, "xml.doctype", "declares a DTD"),
    "huge": (b" " * 15_000_000 + body(), "message.too_large", f"{15_000_000 + len(body())} bytes"),
    "empty": (b"", "json.malformed", "not JSON"),
    "another": (orjson.dumps([1, 2]), "appeal.invalid", "not a JSON object"),
}


def refusal_in(answer: Message) -> Refusal:
    if answer.properties.content_type == "application/json":
        return Refusal.model_validate_json(answer.body)
    return Refusal.model_validate({etree.QName(part).localname: part.text for part in etree.fromstring(answer.body)})


@pytest.mark.proof
async def test_poison_is_in_quarantine_with_its_reason_and_the_consumer_goes_on(run: Run) -> None:
    """Each kind, one after the other; its sender is told the code; the next appeal is taken."""
    async with run(**INTAKES) as flow:
        answers = await flow.inbox("sender")
        for name, (raw, _, _) in POISON.items():
            await flow.send(raw, message_id=name, reply_to="sender")
        await flow.send(body(), message_id="good", reply_to="sender")
        await answers.wait(len(POISON) + 1)
        rows = {row.position: row for row in await flow.bus.journal.ask(quarantine.quarantined)}
        kept = await flow.bus.journal.ask(quarantine.quarantine_row, rows[f"{NAMES.intake}#huge"].id)
    told = {answer.properties.correlation_id: answer for answer in answers.got}
    assert told.pop("good").properties.type == "receipt"
    for name, (_, code, reason) in POISON.items():
        refusal = refusal_in(told[name])
        row = rows[f"{NAMES.intake}#{name}"]
        assert (refusal.code, refusal.quarantine_id, refusal.channel) == (code, row.id, "letters"), name
        assert reason in row.reason, name
        assert refusal.reason == row.reason
    assert kept is not None
    assert len(kept.raw) == 64 * 1024


async def test_the_same_id_with_other_words_gets_no_receipt(run: Run) -> None:
    """The sender learns which appeal has the id; the letter is kept, and the first again gets its receipt."""
    async with run(**INTAKES) as flow:
        answers = await flow.inbox("sender")
        for at, text in enumerate(("one", "two", "one")):
            await flow.send(body(text=text), message_id=str(at), reply_to="sender")
            await answers.wait(at + 1)
        (row,) = await flow.bus.journal.ask(quarantine.quarantined)
    first, differs, again = answers.got
    assert again.body == first.body
    number = Receipt.model_validate_json(first.body).number
    refusal = refusal_in(differs)
    assert (refusal.code, refusal.quarantine_id) == ("message.differs", row.id)
    assert f"belongs to appeal {number}" in refusal.reason
    assert f"a change of the kind `corrected`, under an id of its own, and `number` {number}" in refusal.reason
    assert (row.code, row.number, row.replayed_at) == ("message.differs", number, None)


async def test_a_byte_order_mark_is_no_obstacle(run: Run) -> None:
    """Programs on Windows put one before JSON."""
    async with run(**INTAKES) as flow:
        await flow.send(b"\xef\xbb\xbf" + body(), content_type="application/json")
        await flow.until(lambda: flow.counts("intake.letters")["taken"] == 1)


async def test_what_the_broker_gave_up_on_is_in_quarantine(run: Run) -> None:
    """With the broker's reason, as it came; a replay takes it."""
    async with run(doors=False, **INTAKES) as flow:
        await flow.broker.declare_queue("short", {"x-message-ttl": 1, "x-dead-letter-exchange": NAMES.dead})
        await flow.send(body(), queue="short", message_id="late")
        flow.bus.open_doors()
        await flow.until(flow.reasons)
        (row,) = await flow.bus.journal.ask(quarantine.quarantined)
        kept = await flow.bus.journal.ask(quarantine.quarantine_row, row.id)
    assert row.reason == "the broker gave up on it in short: it waited for longer than the queue allows"
    assert row.position == f"{NAMES.quarantine}#late"
    assert kept is not None
    assert kept.raw == body()


async def test_a_dead_letter_is_of_the_channel_whose_queue_it_died_in(run: Run) -> None:
    """Whichever intake takes it: a replay of what was taken already finds the first appeal, and makes no second one."""
    intakes = {"letters": {"kind": "amqp", "queue": "letters.in"}, "portal": {"kind": "amqp", "queue": "portal.in"}}
    async with run(doors=False, intakes=intakes) as flow:
        for queue in ("letters.in", "portal.in", "elsewhere"):
            await flow.broker.declare_queue(queue, {"x-message-ttl": 1, "x-dead-letter-exchange": NAMES.dead})
        await flow.broker.declare_queue("first", {"x-message-ttl": 1, "x-dead-letter-exchange": "letters.before"})
        await flow.broker.declare_exchange("letters.before", "fanout")
        await flow.broker.bind_queue("letters.in", "letters.before", "")
        for number in range(10):
            channel = "letters" if number % 2 else "portal"
            await flow.bus.accept(Inbound(channel, "test", body(f"m-{number}")))
            await flow.send(body(f"m-{number}"), queue=f"{channel}.in")
        await flow.bus.accept(Inbound("letters", "test", body("through two")))
        await flow.send(body("through two"), queue="first")
        await flow.send(body("stray"), queue="elsewhere")

        async def all_dead() -> bool:
            return (await flow.broker.declare_queue(NAMES.quarantine, passive=True)).messages == 12

        await flow.until(all_dead)
        flow.bus.open_doors()

        async def all_kept() -> bool:
            return len(await flow.reasons()) == 12

        await flow.until(all_kept)
        for row in await flow.bus.journal.ask(quarantine.quarantined):
            whole = await flow.bus.journal.ask(quarantine.quarantine_row, row.id)
            assert whole is not None
            if row.channel == "elsewhere":
                assert row.reason.endswith("; which channel it is of, that queue does not tell")
            else:
                await Reception(flow.bus.journal, BusSettings()).replay(whole)
        counts = await flow.bus.journal.ask(figures.counts)
    assert counts.idle + counts.in_work + counts.ready == 11


async def test_what_was_given_back_too_often_is_in_quarantine(run: Run) -> None:
    """As after a message that kills each worker which takes it."""
    async with run(doors=False, **INTAKES) as flow:
        arguments = {"x-queue-type": "quorum", "x-delivery-limit": 2, "x-dead-letter-exchange": NAMES.dead}
        await flow.broker.declare_queue("fragile", arguments)
        returned = [0]

        async def give_back(delivered: Delivered) -> None:
            returned[0] += 1
            delivered.requeue()

        await flow.broker.consume("fragile", give_back, prefetch=1)
        await flow.send(b"{", queue="fragile", message_id="killer")
        flow.bus.open_doors()
        await flow.until(flow.reasons)
        assert returned[0] == 3
        (reason,) = await flow.reasons()
    assert reason == (
        "the broker gave up on it in fragile: it was given back too often, as if each worker that took it had died"
    )


@pytest.mark.proof
async def test_a_receipt_that_may_be_lost_is_sent_again(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few times; then the message goes back, and whoever takes it next sends the same receipt."""
    monkeypatch.setattr("appealbus.connectors.amqp.intake._GIVE_BACK", 0.0)
    async with run(**INTAKES) as flow:
        answers = await flow.inbox("sender")
        publish, lost = flow.broker.publish, [4]

        async def unsure(message: Message, **given: Any) -> Published:
            if message.properties.type == "receipt" and lost[0]:
                lost[0] -= 1
                return Published.INDETERMINATE
            return await publish(message, **given)

        monkeypatch.setattr(flow.broker, "publish", unsure)
        await flow.send(body(), message_id="x-1", reply_to="sender")
        (answer,) = await answers.wait(1)
        await flow.until(lambda: flow.bus.parts.intakes[0].idle)
        counts = flow.counts("intake.letters")
    assert answer.properties.type == "receipt"
    assert (counts["taken"], counts["repeated"], counts["given_back"], counts["receipts"]) == (1, 1, 1, 1)


async def failing(flow: Flow, times: int) -> list[int]:
    """Have the journal fail so many times when the bus accepts."""
    calls = [0]
    accept = flow.bus._reception.receive

    async def receive(message: Inbound, *given: object) -> object:
        calls[0] += 1
        if calls[0] <= times:
            raise JournalError("the disk is full", "disk_full")
        return await accept(message, *given)  # type: ignore[arg-type]

    flow.bus._reception.receive = receive  # type: ignore[method-assign,assignment]
    return calls


async def test_a_message_is_held_while_the_journal_fails(run: Run) -> None:
    """It is neither lost nor acknowledged, and taken once the journal works."""
    async with run(doors=False, **INTAKES) as flow:
        calls = await failing(flow, 3)
        answers = await flow.inbox("sender")
        flow.bus.open_doors()
        await flow.send(body(), message_id="x-1", reply_to="sender")
        await answers.wait(1)
        assert calls[0] == 4
        assert flow.counts("intake.letters")["given_back"] == 0


async def test_a_journal_that_fails_for_long_gives_the_message_back(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another worker may reach the database that this one does not."""
    monkeypatch.setattr("appealbus.connectors.amqp.intake._HOLD", 0.0)
    async with run(doors=False, **INTAKES) as flow:
        await failing(flow, 3)
        flow.bus.open_doors()
        await flow.send(body(), message_id="x-1")
        await flow.until(lambda: flow.counts("intake.letters")["taken"] == 1)
        assert flow.counts("intake.letters")["given_back"] == 3


async def test_one_deadline_for_all_that_may_take_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """However late the journal takes a message, it is not held twice as long because its receipt cannot be sent."""
    monkeypatch.setattr("appealbus.connectors.amqp.intake._HOLD", 0.5)
    monkeypatch.setattr("appealbus.connectors.amqp.intake._GIVE_BACK", 1000.0)
    monkeypatch.setattr("appealbus.connectors.amqp.receipt._TRIES", 1)
    intake = AmqpIntake("letters", IntakeSettings(), Brokers(AmqpSettings()))
    intake._broker = Unsure()  # type: ignore[assignment]
    intake._receipts._broker = intake._broker
    held, calls = Once(body(), reply_to="sender"), []

    async def accept(message: Inbound) -> Quarantined:
        calls.append(message)
        if len(calls) < 3:
            raise JournalError("the disk is full", "disk_full")
        return Quarantined(1, "", "")

    intake._acceptor = SimpleNamespace(accept=accept)  # type: ignore[assignment]
    started = asyncio.get_running_loop().time()
    async with asyncio.timeout(PATIENCE):
        await intake._take(held)  # type: ignore[arg-type]
    assert (held.requeued, intake._counts["given_back"]) == (1, 1)
    assert asyncio.get_running_loop().time() - started > 0.2


class Unsure:
    """A broker that never says whether it has a message."""

    async def publish(self, message: Message, **given: Any) -> Published:
        return Published.INDETERMINATE


class Once:
    """A message in hand."""

    redelivered = False

    def __init__(self, raw: bytes, **given: Any) -> None:
        self.message = Message(raw, Properties(**given))
        self.attempts = 0
        self.requeued = 0

    def requeue(self) -> bool:
        self.requeued += 1
        return True


async def test_a_message_in_hand_goes_back_when_the_bus_stops(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever comes next takes it."""
    monkeypatch.setattr("appealbus.connectors.amqp.intake._STOP", 0.1)
    async with run(doors=False, **INTAKES) as flow:
        calls = await failing(flow, 10**6)
        flow.bus.open_doors()
        await flow.send(body(), message_id="x-1")
        await flow.until(lambda: calls[0])
        await flow.bus.stop()

        async def back() -> bool:
            return (await flow.broker.declare_queue(NAMES.intake, passive=True)).messages == 1

        await flow.until(back)
        assert await flow.reasons() == []


@pytest.mark.proof
async def test_idle_means_that_nothing_is_left(run: Run) -> None:
    """Not while a message lies in the queue, not before anybody has looked."""
    async with run(doors=False, **INTAKES) as flow:
        (intake,) = flow.bus.parts.intakes
        assert not intake.idle
        for number in range(200):
            await flow.send(body(f"m-{number}"))
        flow.bus.open_doors()
        async with asyncio.timeout(PATIENCE):
            await flow.bus.settle()
        assert (await flow.bus.journal.ask(figures.counts)).idle == 200
