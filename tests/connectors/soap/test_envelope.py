"""Envelopes, taken apart and put together."""

import pytest
from lxml import etree

from appealbus.connectors.soap.envelope import build_envelope, read_envelope, serialise
from appealbus.core.interfaces.wire import CallFailed
from appealbus.schemas.namespaces import SOAP11, SOAP12


@pytest.mark.parametrize("namespace", [SOAP11, SOAP12])
def test_there_and_back(namespace: str) -> None:
    """What is put into an envelope comes out of it, headers included."""
    content, header = etree.fromstring('<a xmlns="urn:a">Ө</a>'), etree.Element("{urn:h}h")
    data = serialise(build_envelope(content, namespace, (header,)))
    opened = read_envelope(data)
    assert [child.text for child in opened.children] == ["Ө"]
    assert opened.header is not None
    assert [child.tag for child in opened.header] == ["{urn:h}h"]
    assert opened.fault is None
    assert opened.root.tag == f"{{{namespace}}}Envelope"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b" \n", "soap.empty"),
        (b"x" * 200, "xml.too_large"),
        (b"<x>", "xml.malformed"),
        (b"<!DOCTYPE x><x/>", "xml.doctype"),
        (b"<x/>", "soap.envelope"),
    ],
)
def test_refused(data: bytes, code: str) -> None:
    """What is not an envelope has its code."""
    with pytest.raises(CallFailed) as caught:
        read_envelope(data, 100)
    assert (caught.value.kind, caught.value.code) == ("invalid", code)


def test_fault_keeps_its_codes_and_detail_but_no_text() -> None:
    """A fault is its codes and its detail; subcodes of 1.2 and dotted codes of 1.1 read alike."""
    old = "<faultcode>e:Client.A.B</faultcode><faultstring>Иванов</faultstring><detail><d/></detail>"
    new = (
        "<e:Code><e:Value>e:Sender</e:Value><e:Subcode><e:Value>x:A</e:Value><e:Subcode><e:Value>x:B</e:Value>"
        "</e:Subcode></e:Subcode></e:Code><e:Detail><d/></e:Detail>"
    )
    for namespace, inside in ((SOAP11, old), (SOAP12, new)):
        data = f'<e:Envelope xmlns:e="{namespace}"><e:Body><e:Fault>{inside}</e:Fault></e:Body></e:Envelope>'
        opened = read_envelope(data.encode())
        assert opened.fault is not None
        assert (opened.fault.code, opened.fault.subcodes) == ("Client", ("A", "B"))
        assert opened.fault.detail is not None
        assert opened.fault.detail.tag == "d"
        assert opened.children == ()
        assert "Иванов" not in repr(opened.fault)
