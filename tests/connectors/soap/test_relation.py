"""What a contract has that ties an answer to its question is compared, in plain SOAP too."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from appealbus.connectors.soap import SoapWire
from appealbus.core.interfaces.wire import Call, CallFailed, Request
from appealbus.schemas.outcome import OutcomeKind

Wires = Callable[..., Awaitable[SoapWire]]
SOAP11 = "http://schemas.xmlsoap.org/soap/envelope/"
WSA = "http://www.w3.org/2005/08/addressing"
OLD_WSA = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
ROAD = "http://x-road.eu/xsd/xroad.xsd"
ID = "7f0c2f0e-6b5a-4a3c-9d1b-6f3f0f1a2b3c"
OTHER = "7f0c2f0e-6b5a-4a3c-9d1b-6f3f0f1a2b3d"
COUNT = '<CountResponse xmlns="urn:example:register"><count>1</count></CountResponse>'
FAULT = "<s:Fault><faultcode>s:Client</faultcode><faultstring/><detail><Absent/></detail></s:Fault>"


def envelope(header: str, body: str = COUNT) -> web.Response:
    """Return an answer."""
    text = (
        f'<s:Envelope xmlns:s="{SOAP11}" xmlns:w="{WSA}" xmlns:x="{ROAD}"><s:Header>{header}</s:Header>'
        f"<s:Body>{body}</s:Body></s:Envelope>"
    )
    return web.Response(body=text.encode(), content_type="text/xml", status=500 if body == FAULT else 200)


@pytest.mark.parametrize(
    ("header", "tied"),
    [
        (f"<w:RelatesTo>urn:uuid:{ID}</w:RelatesTo>", True),
        (f"<w:RelatesTo> {ID.upper()} </w:RelatesTo>", True),
        (f'<w:RelatesTo RelationshipType="urn:x/other">{OTHER}</w:RelatesTo>', False),
        ("<w:RelatesTo>http://www.w3.org/2005/08/addressing/unspecified</w:RelatesTo>", False),
        ("", False),
        (f"<w:RelatesTo>urn:uuid:{OTHER}</w:RelatesTo>", None),
        (f'<w:RelatesTo RelationshipType="{WSA}/reply">urn:uuid:{OTHER}</w:RelatesTo>', None),
        (f'<r:RelatesTo xmlns:r="{OLD_WSA}">urn:uuid:{OTHER}</r:RelatesTo>', None),
    ],
)
async def test_addressing(peer: Any, wires: Wires, call: Call, header: str, tied: bool | None) -> None:
    """RelatesTo ties the answer; one with another question's id is not taken, and ends the reuse of connections."""
    wire = await wires(addressing=True)
    peer.answer = envelope(header)
    if tied is None:
        with pytest.raises(CallFailed) as caught:
            await wire.call(Request({}, "Count"), call)
        assert (caught.value.kind, caught.value.code) == (OutcomeKind.INVALID, "soap.wrong_answer")
        (link,) = wire.links()
        assert (link.counts, link.warning) == ({"unasked": 1}, True)
        return
    first, second = [await wire.call(Request({}, "Count"), call) for _ in range(2)]
    assert (first.correlated, second.correlated) == (True, tied)
    assert wire.links() == ()


@pytest.mark.parametrize("reuse", [True, False])
async def test_nothing_but_the_connection(peer: Any, wires: Wires, call: Call, reuse: bool) -> None:
    """A contract without an id ties by the connection: the first answer on each, or all with `reuse = false`."""
    wire = await wires(reuse=reuse)
    peer.answer = envelope("")
    replies = [await wire.call(Request({}, "Count"), call) for _ in range(3)]
    assert [reply.correlated for reply in replies] == [True, not reuse, not reuse]
    alone = Call(call.question_id, call.number, call.timeout, alone=True)
    assert (await wire.call(Request({}, "Count"), alone)).correlated


async def test_x_road(peer: Any, wires: Wires, call: Call) -> None:
    """X-Road repeats the id of its header."""
    wire = await wires(soap_headers={f"{{{ROAD}}}id": "{question_id}"})
    peer.answer = envelope(f"<x:id>{ID}</x:id>")
    replies = [await wire.call(Request({}, "Count"), call) for _ in range(2)]
    assert [reply.correlated for reply in replies] == [True, True]
    peer.answer = envelope(f"<x:id>{OTHER}</x:id>")
    with pytest.raises(CallFailed, match=r"soap\.wrong_answer"):
        await wire.call(Request({}, "Count"), call)


async def test_faults(peer: Any, wires: Wires, call: Call) -> None:
    """A fault is tied as an answer is; that of another question is not taken as this one's."""
    wire = await wires(addressing=True, faults={"Absent": "not_found"})
    for header, tied in (("", True), ("", False), (f"<w:RelatesTo>{ID}</w:RelatesTo>", True)):
        peer.answer = envelope(header, FAULT)
        with pytest.raises(CallFailed) as caught:
            await wire.call(Request({}, "Count"), call)
        assert (caught.value.kind, caught.value.correlated) == (OutcomeKind.NOT_FOUND, tied)
    peer.answer = envelope(f"<w:RelatesTo>{OTHER}</w:RelatesTo>", FAULT)
    with pytest.raises(CallFailed, match=r"soap\.wrong_answer"):
        await wire.call(Request({}, "Count"), call)
