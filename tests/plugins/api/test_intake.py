"""Appeals and changes that come over HTTP."""

from collections.abc import AsyncIterator

import httpx
import orjson
import pytest
from lxml import etree

from appealbus.core.interfaces.intake import Inbound, Quarantined
from appealbus.core.journal import quarantine
from appealbus.core.journal.appeals import lists
from appealbus.schemas import Appeal
from appealbus.schemas.contract import FOLDER
from appealbus.schemas.xml import APPEAL_NS, to_xml
from tests.plugins.api.serving import JSON, Served, kind_of, letter


async def put(client: httpx.AsyncClient, body: bytes, path: str = "/v1/appeals", **headers: str) -> httpx.Response:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return await client.post(path, content=body, headers={**JSON, **given})


async def test_new_known_and_different(server: Served) -> None:
    """A new message is 201 with its receipt and place, the same again 200 with the same, another under its id 409."""
    channel = await server.client("channel")
    first = await put(channel, letter())
    assert first.status_code == 201
    receipt = first.json()
    assert receipt["channel"] == "test"
    assert receipt["message_id"] == "m-1"
    again = await put(channel, letter())
    assert (again.status_code, again.json()) == (200, receipt)
    assert again.headers["location"] == first.headers["location"]
    other = await put(channel, letter(text="other"))
    assert (other.status_code, kind_of(other)) == (409, "message-differs")
    kept = await server.journal.ask(quarantine.quarantine_row, other.json()["quarantine_id"])
    assert kept is not None
    assert kept.raw == letter(text="other")
    row = await server.journal.ask(lists.appeal_row, receipt["number"])
    assert row is not None
    assert first.headers["location"] == f"/v1/appeals/{row.public_id}"


async def test_what_cannot_be_read_is_kept(server: Served) -> None:
    """A message that is none is 422, with the id under which it lies in quarantine and our reason."""
    channel = await server.client("channel")
    answer = await put(channel, b'{"message')
    assert (answer.status_code, kind_of(answer)) == (422, "quarantined")
    told = answer.json()
    assert told["code"] == "json.malformed"
    kept = await server.journal.ask(quarantine.quarantine_row, told["quarantine_id"])
    assert kept is not None
    assert (kept.channel, kept.position, kept.raw) == ("test", "api:channel", b'{"message')


EMPTY = f'<appeal xmlns="{APPEAL_NS}"/>'.encode()


@pytest.mark.parametrize(("body", "media"), [(b"{}", "application/json"), (EMPTY, "application/xml")])
async def test_what_says_nothing_is_no_appeal(server: Served, body: bytes, media: str) -> None:
    """It is 422 each time, kept in quarantine and given no number; the id that it came under is free."""
    channel = await server.client("channel")
    for _ in range(2):
        answer = await put(channel, body, Content_Type=media, Idempotency_Key='"m-1"')
        assert (answer.status_code, kind_of(answer), answer.json()["code"]) == (422, "quarantined", "appeal.empty")
        kept = await server.journal.ask(quarantine.quarantine_row, answer.json()["quarantine_id"])
        assert kept is not None
        assert (kept.raw, kept.code) == (body, "appeal.empty")
    assert await server.journal.ask(lists.appeals) == []
    said = await put(channel, letter())
    assert said.status_code == 201
    assert said.json()["number"].endswith("-00000001")


async def test_other_doors_keep_what_says_nothing(server: Served) -> None:
    """Files and queues, which have nobody to tell, have it in quarantine under the same code."""
    found = await server.api.reception.accept(Inbound("files", "f:1", b'{"message_id": "m-1", "text": " "}'))
    assert isinstance(found, Quarantined)
    assert found.code == "appeal.empty"


async def test_the_key_is_the_id_of_the_message(server: Served) -> None:
    """A body without an id gets that of the header; two that differ are refused, and nothing is kept."""
    channel = await server.client("channel")
    body = orjson.dumps({"kind": "complaint", "text": "a"})
    taken = await put(channel, body, Idempotency_Key='"with \\"quotes\\""')
    assert taken.json()["message_id"] == 'with "quotes"'
    agreeing = await put(channel, letter("k-1"), Idempotency_Key='"k-1"')
    assert agreeing.status_code == 201
    differing = await put(channel, letter("k-1"), Idempotency_Key='"k-2"')
    assert (differing.status_code, kind_of(differing)) == (400, "ids-differ")
    assert await server.journal.ask(quarantine.quarantined) == []


@pytest.mark.parametrize("key", ["k-1", '""', '"ключ"', '"' + "a" * 201 + '"', '"a', '"a";b'])
async def test_a_malformed_key_is_refused(server: Served, key: str) -> None:
    """A key is a string of structured fields, as long as a message id may be."""
    channel = await server.client("channel")
    answer = await channel.post("/v1/appeals", content=letter(), headers={**JSON, "Idempotency-Key": key.encode()})
    assert (answer.status_code, kind_of(answer)) == (400, "invalid")


@pytest.mark.parametrize("size", [0, 20_000])
async def test_another_channels_message_is_refused(server: Served, size: int) -> None:
    """The client's channel counts; a body that names another one is 403, small or large, and nothing is kept."""
    channel = await server.client("channel")
    foreign = await put(channel, letter(channel="other", text="a" * size))
    assert (foreign.status_code, kind_of(foreign)) == (403, "foreign-channel")
    own = await put(channel, letter(channel="test", text="a" * size))
    assert own.status_code == 201
    assert await server.journal.ask(quarantine.quarantined) == []
    assert len(await server.journal.ask(lists.appeals)) == 1


async def test_xml_in_and_out(server: Served) -> None:
    """XML is read as JSON is, another channel in it too, and the receipt comes in the form that is asked for."""
    channel = await server.client("channel")
    xml = {"Content-Type": "application/xml", "Accept": "application/xml"}
    body = to_xml(Appeal(message_id="x-1", channel="test"))
    taken = await channel.post("/v1/appeals", content=body, headers=xml)
    assert (taken.status_code, taken.headers["content-type"]) == (201, "application/xml")
    assert b"<message_id>x-1</message_id>" in taken.content
    foreign = to_xml(Appeal(message_id="x-2", channel="other"))
    assert kind_of(await channel.post("/v1/appeals", content=foreign, headers=xml)) == "foreign-channel"


async def test_changes(server: Served) -> None:
    """A change finds its appeal; each kind of message has its place, and the other place refuses it."""
    channel = await server.client("channel")
    number = (await put(channel, letter())).json()["number"]
    change = {"type": "change", "message_id": "c-1", "kind": "withdrawn", "number": number}
    body = orjson.dumps(change)
    wrong = await put(channel, body)
    assert (wrong.status_code, kind_of(wrong)) == (400, "other-kind")
    assert kind_of(await put(channel, letter("m-2"), "/v1/changes")) == "other-kind"
    taken = await put(channel, body, "/v1/changes")
    assert taken.status_code == 201
    assert taken.json()["number"] == number
    row = await server.journal.ask(lists.appeal_row, number)
    assert row is not None
    assert row.closed == "withdrawn"


@pytest.mark.parametrize("number", ["here", "N-9"])
async def test_the_receipt_of_a_change_tells_of_dates_that_cannot_be(server: Served, number: str) -> None:
    """In JSON and in XML by the contract, the same each time and whether or not there is such an appeal; else not."""
    channel = await server.client("channel")
    taken = (await put(channel, letter())).json()
    number = taken["number"] if number == "here" else number
    change = {"type": "change", "message_id": "c-1", "kind": "withdrawn", "number": number, "dated_at": "1926-02-16"}
    first, again = [await put(channel, orjson.dumps(change), "/v1/changes") for _ in range(2)]
    assert (first.status_code, again.status_code, again.json()) == (201, 200, first.json())
    (told,) = first.json()["warnings"]
    assert (told["field"], told["code"]) == ("dated_at", "change.misdated")
    in_xml = await put(channel, orjson.dumps(change), "/v1/changes", Accept="application/xml")
    schema = etree.XMLSchema(etree.parse(str(FOLDER / "receipt.xsd")))
    assert schema.validate(root := etree.fromstring(in_xml.content)), schema.error_log
    assert [each.text for each in root.iterfind(".//{*}code")] == ["change.misdated"]


async def test_the_receipt_of_an_appeal_has_its_warnings(server: Served) -> None:
    """In JSON and in XML by the contract, the same each time; one of an appeal without any has none."""
    channel = await server.client("channel")
    whole = {"kind": "complaint", "applicant": {"type": "person", "name": "А"}, "text": "a"}
    assert "warnings" not in (await put(channel, letter("m-0", **whole))).json()
    odd = letter("m-1", **whole, aplicant={"iin": "x"}, place={"rka": "1"})
    first, again = [await put(channel, odd) for _ in range(2)]
    assert (first.status_code, again.status_code, again.json()) == (201, 200, first.json())
    told = [(each["field"], each["code"]) for each in first.json()["warnings"]]
    assert told == [("appeal", "field.unknown"), ("place.rka", "rka.length")]
    in_xml = await put(channel, odd, Accept="application/xml")
    schema = etree.XMLSchema(etree.parse(str(FOLDER / "receipt.xsd")))
    assert schema.validate(root := etree.fromstring(in_xml.content)), schema.error_log
    assert [each.text for each in root.iterfind(".//{*}code")] == ["field.unknown", "rka.length"]


async def test_a_message_that_comes_again_is_taken_alone(server: Served) -> None:
    """Whoever had no answer says so; the turn is noted before, and ends."""
    channel = await server.client("channel")
    assert (await put(channel, letter(), Appealbus_Again="?1")).status_code == 201
    assert kind_of(await put(channel, letter(), Appealbus_Again="yes")) == "invalid"


async def test_media_types_and_sizes(server: Served) -> None:
    """What is no message, packed, or too large is refused before it is read, and nothing is kept."""
    channel = await server.client("channel")
    text = await channel.post("/v1/appeals", content=letter(), headers={"Content-Type": "text/plain"})
    assert (text.status_code, kind_of(text)) == (415, "wrong-media-type")
    assert kind_of(await put(channel, letter(), Content_Encoding="gzip")) == "wrong-media-type"
    large = b" " * (4 * 1024 * 1024 + 1)
    assert kind_of(await put(channel, large)) == "too-large"

    async def parts() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield b" " * 1024 * 1024

    unknown = await channel.post("/v1/appeals", content=parts(), headers=JSON)
    assert (unknown.status_code, kind_of(unknown)) == (413, "too-large")
    assert await server.journal.ask(quarantine.quarantined) == []
