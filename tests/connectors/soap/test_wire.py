"""The SOAP wire: what leaves, and what a lookup gets."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from threading import get_ident
from typing import Annotated, Any, Literal

import pytest
from aiohttp import web
from lxml import etree

from appealbus.connectors.http import HttpClient
from appealbus.connectors.soap import SoapSettings, SoapWire
from appealbus.core.config.loading import load
from appealbus.core.config.types import Secret
from appealbus.core.errors import ConfigError
from appealbus.core.interfaces.answer import RawReply
from appealbus.core.interfaces.source import Source
from appealbus.core.interfaces.wire import Call, CallFailed, Request
from appealbus.core.readings import At, Reading, Take
from appealbus.core.replies.xmlread import child, date_of, element_of, int_of, require, text
from appealbus.core.replies.xmlschema import Checker
from appealbus.schemas import Record
from appealbus.schemas.outcome import OutcomeKind
from tests.services.rereading import again

REGISTER = Path(__file__).parent / "register.wsdl"
NS = "urn:example:register"
SOAP11 = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP12 = "http://www.w3.org/2003/05/soap-envelope"
FIND = {"criteria": {"iin": "850312180019", "withAddresses": True}}
Wires = Callable[..., Awaitable[SoapWire]]


def envelope(content: str, namespace: str = SOAP11, header: str = "") -> web.Response:
    """Return an answer in an envelope."""
    text = f'<s:Envelope xmlns:s="{namespace}" xmlns="{NS}">{header}<s:Body>{content}</s:Body></s:Envelope>'
    return web.Response(body=text.encode(), content_type="text/xml")


def count(number: int, namespace: str = SOAP11) -> web.Response:
    """Return the answer of the operation Count."""
    return envelope(f"<CountResponse><count>{number}</count></CountResponse>", namespace)


PERSON = (
    "<person><iin>850312180019</iin><name>Қуаныш</name><birthDate>1885-03-12+05:00</birthDate><alive>false</alive>"
    "<address>Орал қаласы, «А»-үй &amp; 1</address><address>Уральск</address></person>"
)


async def test_from_a_mapping(peer: Any, wires: Wires, call: Call) -> None:
    """A mapping becomes what the contract says, and the reply is an element that is read by local name."""
    peer.answer = envelope(f"<FindPersonResponse>{PERSON}</FindPersonResponse>")
    reply = await (await wires()).call(Request(FIND, "FindPerson"), call)
    person = require(element_of(reply), "person")
    assert (text(person, "name"), text(person, "address")) == ("Қуаныш", "Орал қаласы, «А»-үй & 1")
    assert str(date_of(person, "birthDate")) == "1885-03-12"
    assert int_of(person, "children") is None
    assert reply.raw_sha256 == hashlib.sha256(peer.answer.body).hexdigest()
    request, body = peer.seen[0]
    assert request.headers["SOAPAction"] == '"urn:example:find"'
    assert request.headers["Content-Type"] == "text/xml; charset=utf-8"
    sent = etree.fromstring(body)
    assert sent.tag == f"{{{SOAP11}}}Envelope"
    assert text(sent, "Body/FindPerson/criteria/withAddresses") == "true"
    assert child(sent, "Header") is None


async def test_from_an_element(peer: Any, wires: Wires, call: Call) -> None:
    """An element goes out as it is, finds its operation by its name, and is still whole afterwards."""
    peer.answer = count(7)
    element = etree.fromstring(f'<r:Count xmlns:r="{NS}"/>')
    wire = await wires()
    for _ in range(2):
        assert int_of(element_of(await wire.call(Request(element), call)), "count") == 7
    assert [etree.fromstring(body)[0][0].prefix for _, body in peer.seen] == ["r", "r"]


async def test_element_inside_another_document(peer: Any, wires: Wires, call: Call) -> None:
    """An element that is part of something stays there."""
    peer.answer = count(7)
    outer = etree.fromstring(f'<outer><Count xmlns="{NS}"/></outer>')
    await (await wires()).call(Request(outer[0]), call)
    assert len(outer) == 1


async def test_soap_1_2(peer: Any, wires: Wires, call: Call) -> None:
    """A port of SOAP 1.2 gets its envelope, and the action within the content type."""
    peer.answer = count(1, SOAP12)
    await (await wires(port="Soap12")).call(Request({}, "Count"), call)
    request, body = peer.seen[0]
    assert request.headers["Content-Type"] == 'application/soap+xml; charset=utf-8; action="urn:example:count"'
    assert "SOAPAction" not in request.headers
    assert etree.fromstring(body).tag == f"{{{SOAP12}}}Envelope"


async def test_operation_without_input(peer: Any, wires: Wires, call: Call) -> None:
    """An operation whose message has no parts sends an empty body, and an empty action."""
    peer.answer = count(1)
    await (await wires()).call(Request({}, "Ping"), call)
    request, body = peer.seen[0]
    assert len(etree.fromstring(body)[0]) == 0
    assert request.headers["SOAPAction"] == '""'


async def test_one_way_operation(peer: Any, wires: Wires, call: Call) -> None:
    """An operation without output takes an empty answer for one."""
    peer.answer = web.Response(status=202)
    reply = await (await wires()).call(Request({"text": "x"}, "Notify"), call)
    assert reply.body == {}


async def test_header_from_the_contract(peer: Any, wires: Wires, call: Call) -> None:
    """A header that the contract declares is built from a table and filled in for each call."""
    peer.answer = envelope("<FindPersonResponse/>")
    table = {"system": "bus", "request": "{question_id} of {number}", "number": "{number}"}
    wire = await wires(soap_headers={"Client": table})
    await wire.call(Request(FIND, "FindPerson"), call)
    await wire.call(Request(FIND, "FindPerson"), Call("other", "1", 5.0))
    sent = [child(etree.fromstring(body), "Header/Client") for _, body in peer.seen]
    assert [(text(each, "request"), each.get("number")) for each in sent if each is not None] == [
        (f"{call.question_id} of {call.number}", call.number),
        ("other of 1", "1"),
    ]


async def test_header_of_our_own(peer: Any, wires: Wires, call: Call) -> None:
    """A header that the contract does not know is written with its namespace."""
    peer.answer = count(1)
    wire = await wires(soap_headers={"{urn:x}token": "t", "{urn:x}yes": True, "{urn:x}day": date(2026, 1, 2)})
    await wire.call(Request({}, "Count"), call)
    sent = etree.fromstring(peer.seen[0][1])
    assert require(sent, "Header/token").tag == "{urn:x}token"
    assert [text(sent, f"Header/{name}") for name in ("token", "yes", "day")] == ["t", "true", "2026-01-02"]


async def test_addressing(peer: Any, wires: Wires, call: Call) -> None:
    """WS-Addressing names the address, the action and our question; the answer's message id is kept."""
    header = '<s:Header><w:MessageID xmlns:w="http://www.w3.org/2005/08/addressing">urn:answer</w:MessageID></s:Header>'
    peer.answer = envelope("<CountResponse><count>1</count></CountResponse>", header=header)
    reply = await (await wires(addressing=True)).call(Request({}, "Count"), call)
    sent = etree.fromstring(peer.seen[0][1])
    assert [text(sent, f"Header/{name}") for name in ("To", "Action", "MessageID")] == [
        peer.url,
        "urn:example:count",
        f"urn:uuid:{call.question_id}",
    ]
    assert reply.message_id == "urn:answer"


async def test_http_headers_and_action(peer: Any, wires: Wires, call: Call) -> None:
    """Headers, secret ones, basic authentication and another action are sent as set."""
    environ = {"KEY": "k-1", "PASSWORD": "пароль"}
    wire = await wires(
        http_headers={"X-System": "bus"},
        secret_headers={"X-Key": Secret(env="KEY", environ=environ)},
        basic={"user": "bus", "password": Secret(env="PASSWORD", environ=environ)},
        action="urn:other",
    )
    peer.answer = count(1)
    await wire.call(Request({}, "Count"), call)
    headers = peer.seen[0][0].headers
    assert (headers["X-System"], headers["X-Key"], headers["SOAPAction"]) == ("bus", "k-1", '"urn:other"')
    assert headers["Authorization"] == "Basic YnVzOtC/0LDRgNC+0LvRjA=="


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (Request({}, "Absent"), "soap.operation"),
        (Request({}), "soap.operation"),
        (Request(etree.fromstring("<x/>")), "soap.operation"),
        (Request(etree.fromstring("<x/>"), "Count"), "soap.request"),
        (Request({"criteria": {"iin": "850312180019", "nonsense": 1}}, "FindPerson"), "soap.request"),
        (Request({"criteria": {}}, "FindPerson"), "soap.request"),
        (Request({"criteria": {"iin": "85031218001"}}, "FindPerson"), "soap.request"),
        (Request({"criteria": {"iin": None}}, "FindPerson"), "soap.request"),
        (Request(etree.fromstring(f'<FindPerson xmlns="{NS}"/>')), "soap.request"),
    ],
)
async def test_requests_that_never_leave(peer: Any, wires: Wires, call: Call, request_: Request, code: str) -> None:
    """A request that does not fit the contract fails before it costs a call, and shows no value."""
    with pytest.raises(CallFailed) as caught:
        await (await wires()).call(request_, call)
    assert (caught.value.kind, caught.value.code) == (OutcomeKind.INVALID, code)
    assert "8503121800" not in str(caught.value)
    assert peer.seen == []


async def test_failure_names_the_place(peer: Any, wires: Wires, call: Call) -> None:
    """A broken reply's failure names the element, if it is one of the contract's, and not what is in it."""
    wire = await wires(replies="strict")
    peer.answer = envelope("<CountResponse><count>850312180019x</count></CountResponse>")
    with pytest.raises(CallFailed, match=r"the reply breaks its schema at CountResponse/count: its text is no xs:int$"):
        await wire.call(Request({}, "Count"), call)
    peer.answer = envelope("<CountResponse><Petrov/></CountResponse>")
    with pytest.raises(CallFailed, match=r"at CountResponse/\*: it is not expected there; expected is count$"):
        await wire.call(Request({}, "Count"), call)


class Told(Record):
    type: Literal["soap.Told"] = "soap.Told"
    alive: Annotated[bool | None, At("alive")] = None


async def test_a_lenient_reply_names_its_differences(peer: Any, wires: Wires, call: Call) -> None:
    """By path; what the contract does not allow is no value any more, and another element is no answer."""
    wire = await wires()
    peer.answer = envelope(f"<FindPersonResponse>{PERSON.replace('false', 'maybe')}<new/></FindPersonResponse>")
    reply = await wire.call(Request(FIND, "FindPerson"), call)
    assert reply.differences == {"person/alive": 1, "*": 1}
    source = Source("register", wire, call, lenient=True)
    person = Take(Reading(Told), "person", same=lambda query, record: True)
    (told,) = person.answer((await source.call(Request(FIND, "FindPerson"))).body, source.notes).records()
    assert (told.alive, source.notes.unknown) == (None, {"alive"})
    assert (await (await wires(replies="off")).call(Request(FIND, "FindPerson"), call)).gaps is None
    with pytest.raises(CallFailed, match=r"reply\.bad_value: person/alive"):
        text(element_of(reply), "person/alive")
    assert text(element_of(reply), "person/name") == "Қуаныш"
    for other in ("<CountResponse><count>1</count></CountResponse>", '<FindPersonResponse xmlns="urn:other"/>'):
        peer.answer = envelope(other)
        with pytest.raises(CallFailed, match=r"soap\.unexpected"):
            await wire.call(Request(FIND, "FindPerson"), call)
    wire = await wires(replies="off")
    peer.answer = envelope("<CountResponse><count>x</count></CountResponse>")
    assert text(element_of(await wire.call(Request({}, "Count"), call)), "count") == "x"
    with pytest.raises(CallFailed, match=r"soap\.request"):
        await wire.call(Request({"criteria": {"iin": "x"}}, "FindPerson"), call)


async def test_concurrent_calls(peer: Any, wires: Wires, call: Call) -> None:
    """Calls in flight together do not mix."""

    async def echo(request: web.Request) -> web.StreamResponse:
        sent = etree.fromstring(await request.read())
        await asyncio.sleep(0.01)
        iin = text(sent, "Body/FindPerson/criteria/iin")
        return envelope(f"<FindPersonResponse>{PERSON.replace('850312180019', str(iin))}</FindPersonResponse>")

    peer.answer = echo
    wire = await wires()

    async def ask(number: int) -> bool:
        iin = f"{number:012}"
        reply = await wire.call(Request({"criteria": {"iin": iin}}, "FindPerson"), call)
        return text(element_of(reply), "person/iin") == iin

    assert all(await asyncio.gather(*map(ask, range(100))))


async def test_health(peer: Any, wires: Wires, http: HttpClient) -> None:
    """A source is there if anything but a gateway's error answers; asking sends nothing about anybody."""
    wire = await wires()
    for status, ok in ((200, True), (405, True), (500, True), (502, False), (503, False)):
        peer.answer = web.Response(status=status)
        assert (await wire.health()).ok is ok
    assert all(body == b"" and request.method == "GET" for request, body in peer.seen)
    settings = SoapSettings.model_validate({"wsdl": REGISTER, "url": "http://nobody.invalid/", "connect_timeout": "2s"})
    wire = SoapWire("x", settings, http)
    await wire.start()
    assert await wire.health() == await wire.health()
    assert not (await wire.health()).ok
    await wire.close()
    await wire.close()


async def test_loading_takes_too_long(http: HttpClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """A contract that takes longer than it may is a ConfigError that names the setting."""
    settings = SoapSettings.model_validate({"wsdl": REGISTER, "load_timeout": "1ms"})
    with pytest.raises(ConfigError, match="load_timeout"):
        await SoapWire("register", settings, http).start()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"soap_headers": {"Absent": "x"}}, r"sources\.r\.soap_headers\.Absent: .* it has: Client"),
        ({"soap_headers": {"Client": {"nonsense": "x"}}}, r"sources\.r\.soap_headers\.Client: "),
        (
            {"soap_headers": {"{urn:x}a": {"a b": "x"}}},
            r"soap_headers\.\{urn:x\}a: it has a name or a character that XML does not take",
        ),
        ({"soap_headers": {"{urn:x}a": ["x"]}}, r"soap_headers\.\{urn:x\}a: write texts"),
        ({"soap_headers": {"Client": ["x"]}}, r"soap_headers\.Client: write texts"),
        ({"port": "Absent"}, "it has: RegisterService/Soap11, RegisterService/Soap12"),
        ({"secret_headers": {"X": {"env": "APPEALBUS_TEST_NOT_SET"}}}, "APPEALBUS_TEST_NOT_SET is not set"),
        ({"http_headers": {"X": "a\r\nY: b"}}, r"sources\.r\.http_headers: X: "),
        ({"action": "a\r\nY: b"}, r"sources\.r\.action: SOAPAction: "),
        ({"secret_headers": {"X": Secret(env="A", environ={"A": "a\nb"})}}, r"sources\.r\.secret_headers: X: "),
        ({"url": "https://x.invalid/", "tls": {"ca_bundle": REGISTER}}, r"sources\.r\.tls\.ca_bundle: "),
    ],
)
async def test_settings_that_do_not_fit(http: HttpClient, settings: dict[str, Any], says: str) -> None:
    """A setting that does not fit the contract or the machine is a ConfigError that says what to write."""
    wire = SoapWire("r", SoapSettings.model_validate({"wsdl": REGISTER, **settings}), http)
    with pytest.raises(ConfigError, match=says):
        await wire.start()


@pytest.mark.parametrize("key", ["wsdl", "catalog"])
def test_a_missing_file_is_told_at_its_line(tmp_path: Path, key: str) -> None:
    """Before anything is read: the place in the configuration, and the file."""
    config = tmp_path / "appealbus.toml"
    config.write_text(f'[sources.x]\nconnector = "soap"\n{key} = "no.file"\n')
    with pytest.raises(ConfigError) as caught:
        load(config, {}).validate(SoapSettings, "sources", "x")
    assert f"appealbus.toml:3: sources.x.{key}: {tmp_path / 'no.file'} does not exist" in str(caught.value)


async def test_it_tells_what_it_is_bound_to(wires: Wires, tmp_path: Path) -> None:
    """The contract's operations by name, and what was left out and why."""
    told = "4 operations: FindPerson, Count, Ping, Notify"
    unset = "; headers of the contract that the settings do not give: Client of FindPerson"
    assert (await wires()).describe() == told + unset
    assert (await wires(soap_headers={"Client": {"system": "a", "request": "b"}})).describe() == told
    (tmp_path / "register.xsd").write_bytes(REGISTER.with_suffix(".xsd").read_bytes())
    broken = REGISTER.read_text(encoding="utf-8").replace('element="r:Count"/>', 'type="r:Person"/>')
    (tmp_path / "r.wsdl").write_text(broken, encoding="utf-8")
    wire = await wires(wsdl=tmp_path / "r.wsdl", soap_headers={"Client": {"system": "a", "request": "b"}})
    told = wire.describe()
    assert told.startswith("3 operations: FindPerson, Ping, Notify; notes: operation Count")
    assert "part body names no element" in told


async def test_no_address(http: HttpClient, tmp_path: Path) -> None:
    """Where neither the contract nor the settings say where the service is, the error says what to write."""
    (tmp_path / "register.xsd").write_bytes(REGISTER.with_suffix(".xsd").read_bytes())
    content = REGISTER.read_text(encoding="utf-8").replace("http://register.invalid/soap", "REPLACE_WITH_ACTUAL_URL")
    (tmp_path / "r.wsdl").write_text(content, encoding="utf-8")
    wire = SoapWire("r", SoapSettings.model_validate({"wsdl": tmp_path / "r.wsdl"}), http)
    with pytest.raises(ConfigError, match=r"sources\.r\.url: the contract gives no usable address"):
        await wire.start()


@pytest.mark.parametrize("url", ["register.kz/soap", "ftp://x/", "http://", "http://[::1"])
def test_url_of_the_settings(url: str) -> None:
    """A URL that is none is an error of the settings."""
    with pytest.raises(ValueError, match="https://host/path"):
        SoapSettings.model_validate({"wsdl": REGISTER, "url": url})


def test_a_fault_cannot_mean_found() -> None:
    """The table of faults takes outcomes that a fault can have."""
    with pytest.raises(ValueError, match="faults"):
        SoapSettings.model_validate({"wsdl": REGISTER, "faults": {"Server": "found"}})


PLAIN = '<xs:element name="address" type="xs:string" minOccurs="0" maxOccurs="unbounded"/>'
COUNTED = PLAIN.replace("unbounded", "9")


def patterned(pattern: str) -> str:
    """Return the declaration of an address with a pattern."""
    facet = f'<xs:restriction base="xs:string"><xs:pattern value="{pattern}"/></xs:restriction>'
    open_end = PLAIN.replace(' type="xs:string"', "").replace("/>", ">")
    return f"{open_end}<xs:simpleType>{facet}</xs:simpleType></xs:element>"


@pytest.mark.parametrize(
    ("declared", "is_slow"),
    [
        (PLAIN, False),
        (patterned(r"\d{12}"), False),
        (patterned("(a|aa)+"), True),
        (patterned(r"(\d{1,3},?){4}"), True),
        (COUNTED, True),
    ],
)
async def test_a_check_that_may_take_long_holds_nobody_up(
    peer: Any, wires: Wires, call: Call, tmp_path: Path, *, declared: str, is_slow: bool
) -> None:
    """A pattern that repeats, or a count, can be tried in many ways: messages are checked in a thread."""
    (tmp_path / "r.wsdl").write_text(REGISTER.read_text())
    xsd = REGISTER.with_suffix(".xsd").read_text()
    assert PLAIN in xsd
    (tmp_path / "register.xsd").write_text(xsd.replace(PLAIN, declared))
    wire = await wires(wsdl=tmp_path / "r.wsdl")
    peer.answer = envelope(f"<FindPersonResponse>{PERSON}</FindPersonResponse>")
    threads = []
    with pytest.MonkeyPatch.context() as patch:
        for name in ("check", "take"):
            real = getattr(Checker, name)
            patch.setattr(Checker, name, lambda *given, real=real: [threads.append(get_ident()), real(*given)][1])
        reply = await wire.call(Request(FIND, "FindPerson"), call)
    assert reply.differences == ({"person/address": 2} if "pattern" in declared else {})
    assert len(threads) == 2
    assert (get_ident() not in threads) is is_slow


async def test_a_kept_reply_is_read_again(peer: Any, wires: Wires, call: Call) -> None:
    """Of several parts, a fault, a broken one: what comes of it is the same, and nothing leaves."""
    wire, answers = await wires(), f"<FindPersonResponse>{PERSON}</FindPersonResponse>"
    whole = envelope(answers)
    fault = envelope("<s:Fault><faultcode>s:Server</faultcode><faultstring>x</faultstring></s:Fault>")
    fault.set_status(500)
    parts = b"--B\r\nContent-Type: text/xml\r\n\r\n" + whole.body + b"\r\n--B\r\nContent-ID: <a>\r\n\r\nx\r\n--B--\r\n"
    content_type = f'multipart/related; action="{"a" * 2000}"; boundary="B"'
    made = web.Response(body=parts, headers={"Content-Type": content_type})
    for answer in (whole, made, fault, envelope("<Other/>"), web.Response(status=503, headers={"Retry-After": "7"})):
        peer.answer = answer
        came: list[RawReply] = []
        told: list[object] = []
        for anew in (False, True):
            this = again(call, came[0]) if anew else replace(call, came=came.append)
            try:
                reply = await wire.call(Request(FIND, "FindPerson"), this)
                told.append((etree.tostring(element_of(reply)), replace(reply, body={}, headers=())))
            except CallFailed as failed:
                told.append((failed.kind, failed.code, failed.retry_after, failed.correlated))
        assert told[0] == told[1]
        assert came[0].body == (answer.body or b"")
    assert len(peer.seen) == 5
