"""The four layers of status, and replies that are hostile or broken: each ends in one typed failure."""

import asyncio
import time

import pytest
from aiohttp import web
from lxml import etree

from appealbus.core import CallFailed, OutcomeKind
from tests.connectors.shep import answers
from tests.connectors.shep.answers import answer as build_response

OK = etree.fromstring("<a>x</a>")
SECRET = "750301100019"


@pytest.fixture
def failure(gateway, wire, ask):
    """Return a function that lets the gateway give an answer, and returns the failure that it ends in."""

    async def failure(answer, **settings) -> CallFailed:
        gateway.answer = lambda _: answer
        with pytest.raises(CallFailed) as caught:
            await ask(await wire(**settings))
        assert SECRET not in str(caught.value)
        return caught.value

    return failure


def fault(*args, status: int = 500, **more) -> web.Response:
    return web.Response(status=status, body=answers.fault(*args, **more), content_type="text/xml")


CODES = {"success_codes": ["SCSS001", "Success", "1"], "not_found_codes": ["404"], "refused_codes": ["E-RIGHT"]}


@pytest.mark.parametrize("code", ["SCSS001", "Success", "1"])
async def test_success_codes(gateway, wire, ask, code):
    """Which statuses mean success is the service's own affair."""
    gateway.answer = lambda _: build_response(OK, code=code)

    assert (await ask(await wire(**CODES))).body.text == "x"


async def test_an_answer_in_another_encoding_than_it_says(gateway, wire, ask, failure):
    """Nothing is guessed, whatever charset the server names by itself: the source's setting says what it is."""
    body = build_response(etree.fromstring("<a>Әлия</a>"), code="1").replace("Әлия".encode(), "Алия".encode("cp1251"))
    body = body.partition(b"?>")[2] if body.startswith(b"<?xml") else body
    told = web.Response(body=body, headers={"Content-Type": "text/xml; charset=ISO-8859-1"})
    assert (await failure(told, **CODES)).code == "xml.encoding"
    gateway.answer = lambda _: web.Response(body=body, headers={"Content-Type": "text/xml; charset=ISO-8859-1"})
    assert (await ask(await wire(encoding="windows-1251", **CODES))).body.text == "Алия"


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        ("404", OutcomeKind.NOT_FOUND, "shep.not_found.404"),
        ("E-RIGHT", OutcomeKind.REFUSED, "shep.refused.E-RIGHT"),
        ("SCSE003", OutcomeKind.UNAVAILABLE, "shep.status.SCSE003"),
        ("scss001", OutcomeKind.UNAVAILABLE, "shep.status.scss001"),
        (SECRET, OutcomeKind.UNAVAILABLE, "shep.status"),
        ("Иванов", OutcomeKind.UNAVAILABLE, "shep.status"),
        ("two words", OutcomeKind.UNAVAILABLE, "shep.status"),
        ("x" * 33, OutcomeKind.UNAVAILABLE, "shep.status"),
        ("", OutcomeKind.INVALID, "shep.no_status"),
    ],
)
async def test_gateway_status(failure, status, kind, code):
    """A status is looked up; it becomes part of our code only where it is a harmless word."""
    failed = await failure(build_response(OK, code=status), **CODES)

    assert (failed.kind, failed.code) == (kind, code)


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (fault("E1", SECRET), OutcomeKind.UNAVAILABLE, "shep.fault.E1"),
        (fault(SECRET, SECRET), OutcomeKind.UNAVAILABLE, "shep.fault"),
        (fault("E1", "m", status=200), OutcomeKind.UNAVAILABLE, "shep.fault.E1"),
        (fault("E1", "m", fault_code="Client"), OutcomeKind.INVALID, "shep.fault.E1"),
        (fault("E1", "m", causes=("E2", "404")), OutcomeKind.NOT_FOUND, "shep.not_found.404"),
        (fault("E1", "m", causes=("E-RIGHT",)), OutcomeKind.REFUSED, "shep.refused.E-RIGHT"),
        (fault("E1", "m", causes=("E-RIGHT",), status=403), OutcomeKind.REFUSED, "shep.refused.E-RIGHT"),
        (fault("E1", "m", causes=("E2",) * 100), OutcomeKind.UNAVAILABLE, "shep.fault.E1"),
    ],
)
async def test_faults(failure, answer, kind, code):
    """A fault means what the codes in its chain of errors mean; its texts are not read."""
    failed = await failure(answer, **CODES)

    assert (failed.kind, failed.code) == (kind, code)


async def test_fault_of_plain_soap(failure):
    """A fault without the gateway's own detail means what it means to any SOAP client."""
    body = answers.fault(None)
    failed = await failure(web.Response(status=500, body=body, content_type="text/xml"))

    assert (failed.kind, failed.code) == (OutcomeKind.UNAVAILABLE, "soap.fault.server")


async def test_fault_of_authentication(failure):
    """Who is not let in today may be tomorrow: an expired certificate must not end a question."""
    body = answers.fault(None, fault_code="Client.Authentication")
    failed = await failure(web.Response(status=500, body=body, content_type="text/xml"))

    assert (failed.kind, failed.code) == (OutcomeKind.UNAVAILABLE, "soap.fault.authentication")


async def test_denied_with_any_other_fault(failure):
    """Where the settings do not name the fault, HTTP 403 says more than it does."""
    failed = await failure(fault("E1", "m", fault_code="Client", status=403), **CODES)

    assert (failed.kind, failed.code) == (OutcomeKind.UNAVAILABLE, "http.403")


async def test_other_questions_answer(gateway, wire, ask, failure):
    """The answer to another question is not taken, be it a success or not; an empty id says nothing."""
    failed = await failure(build_response(OK, correlation_id="another"))
    assert (failed.kind, failed.code) == (OutcomeKind.INVALID, "shep.correlation")
    failed = await failure(build_response(OK, code="404", correlation_id="another"), **CODES)
    assert failed.code == "shep.correlation"
    gateway.answer = lambda _: build_response(OK, correlation_id="")

    assert (await ask(await wire())).body.text == "x"


GOOD = build_response(OK).decode()
BOMB = (
    '<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>'
    + GOOD.replace(">x<", ">&c;<")
)
RESPONSE = GOOD[GOOD.index("<response>") : GOOD.index("</response>") + 11]
INFO = GOOD[GOOD.index("<responseInfo>") : GOOD.index("</responseInfo>") + 15]
DATA = GOOD[GOOD.index("<responseData>") : GOOD.index("</responseData>") + 15]
WRAPPER = GOOD[GOOD.index("<ns3:SendMessageResponse") : GOOD.index("</soapenv:Body>")]


def http(status: int, text: str = "", **more) -> web.Response:
    return web.Response(status=status, text=text, **more)


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (http(502, "<html><body>Bad Gateway</body></html>", content_type="text/html"), "unavailable", "http.502"),
        (http(500, ""), "unavailable", "http.500"),
        (http(500, GOOD, content_type="text/xml"), "unavailable", "http.500"),
        (http(503, answers.fault("404", "m").decode(), headers={"Retry-After": "7"}), "unavailable", "http.503"),
        (http(429, "slow down"), "unavailable", "http.429"),
        (http(401, ""), "unavailable", "http.401"),
        (http(403, "no"), "unavailable", "http.403"),
        (http(407, "no"), "unavailable", "http.407"),
        (http(404, "no such page"), "invalid", "http.404"),
        (http(302, headers={"Location": "http://127.0.0.1/"}), "invalid", "http.redirect"),
        (http(200, ""), "invalid", "soap.empty"),
        (http(200, "<html><p>Добрый день"), "invalid", "xml.malformed"),
        (http(200, "<html/>"), "invalid", "soap.envelope"),
        (http(200, '{"status": "ok"}'), "invalid", "xml.malformed"),
        (http(200, GOOD[:-30]), "invalid", "xml.malformed"),
        (http(200, GOOD.replace("schemas.xmlsoap.org/soap/envelope/", "example.org/soap")), "invalid", "soap.envelope"),
        (http(200, BOMB), "invalid", "xml.doctype"),
        (
            http(200, '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + GOOD.replace(">x<", ">&x;<")),
            "invalid",
            "xml.doctype",
        ),
        (http(200, GOOD.replace("<a>", "<a>" * 300).replace("</a>", "</a>" * 300)), "invalid", "xml.malformed"),
        (http(200, GOOD.replace(">x<", ">" + "x" * 9000 + "<")), "invalid", "http.too_large"),
        (http(200, GOOD.replace(WRAPPER, "")), "invalid", "shep.response"),
        (http(200, GOOD.replace(WRAPPER, WRAPPER * 2)), "invalid", "shep.response"),
        (http(200, GOOD.replace(RESPONSE, RESPONSE * 2)), "invalid", "shep.response"),
        (http(200, GOOD.replace(RESPONSE, "")), "invalid", "shep.response"),
        (http(200, GOOD.replace(INFO, "")), "invalid", "shep.response"),
        (http(200, GOOD.replace(INFO, INFO * 2)), "invalid", "shep.response"),
        (http(200, GOOD.replace(DATA, DATA * 2)), "invalid", "shep.response"),
        (http(200, GOOD.replace("<a>x</a>", "</data><data><a>x</a>")), "invalid", "shep.response"),
        (http(200, GOOD.replace("<a>x</a>", "&lt;a>x")), "invalid", "shep.data_xml_malformed"),
        (http(200, GOOD.replace("<a>x</a>", "&lt;!DOCTYPE a>&lt;a/>")), "invalid", "shep.data_xml_doctype"),
        (http(200, GOOD.replace("<code>SCSS001</code>", "")), "invalid", "shep.no_status"),
        (
            http(200, GOOD.replace("<code>SCSS001</code>", "<code>SCSS001</code><code>1</code>")),
            "invalid",
            "shep.response",
        ),
        (http(200, GOOD.replace("</status>", "</status><status><code>1</code></status>")), "invalid", "shep.response"),
        (http(200, GOOD.replace("</status>", "</status><responseDate/><responseDate/>")), "invalid", "shep.response"),
    ],
)
async def test_hostile_and_broken(failure, answer, kind, code):
    """Pages, bombs, halves, doubles and the rest: no exception but the typed one, fast."""
    started = time.process_time()
    failed = await failure(answer, limit=8192)

    assert (failed.kind, failed.code) == (OutcomeKind(kind), code)
    assert failed.retry_after == (7.0 if code == "http.503" else None)
    assert time.process_time() - started < 2


async def test_echo_is_no_answer(gateway, wire, ask):
    """A peer that sends the question back has not answered it."""
    gateway.answer = lambda _: gateway.raw[-1]
    with pytest.raises(CallFailed, match=r"shep\.response"):
        await ask(await wire())


async def test_transport(gateway, wire, ask, failure):
    """No listener, no answer in time and a connection cut within the answer are the transport's failures."""

    class Cut(web.StreamResponse):
        async def write_eof(self, data: bytes = b"") -> None:
            self._req.transport.close()

    class Never(web.StreamResponse):
        async def prepare(self, request):
            await asyncio.sleep(30)

    cut = Cut(headers={"Content-Length": "1000"})
    failed = await failure(cut)
    assert (failed.kind, failed.code) == (OutcomeKind.UNAVAILABLE, "http.reset")

    gateway.answer = lambda _: Never()
    with pytest.raises(CallFailed) as caught:
        await ask(await wire(), seconds=0.2)
    assert (caught.value.kind, caught.value.code) == (OutcomeKind.TIMED_OUT, "http.timeout")

    with pytest.raises(CallFailed) as caught:
        await ask(await wire(url="http://127.0.0.1:1/"))
    assert (caught.value.kind, caught.value.code) == (OutcomeKind.UNAVAILABLE, "http.connect")
