"""Turns good answers into bad ones."""

import re

from lxml import etree

from appealbus.simulator.messages import NS_TYPES

HTML_502 = (
    b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n"
    b"<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
)

_LEVELS = 9
"""The classic: ten times each level, a billion words if entities are resolved."""
ENTITY_BOMB = (
    '<?xml version="1.0"?>\n<!DOCTYPE bomb [\n  <!ENTITY e0 "boom">\n'
    + "".join(f'  <!ENTITY e{n} "{f"&e{n - 1};" * 10}">\n' for n in range(1, _LEVELS + 1))
    + ']>\n<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>'
    + f'<ns:SendMessageResponse xmlns:ns="{NS_TYPES}"><response>&e{_LEVELS};</response></ns:SendMessageResponse>'
    + "</soapenv:Body></soapenv:Envelope>"
).encode()

OVERSIZED_HEAD = (
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>'
    f'<ns:SendMessageResponse xmlns:ns="{NS_TYPES}"><response><responseData><data>'
).encode()
OVERSIZED_TAIL = b"</data></responseData></response></ns:SendMessageResponse></soapenv:Body></soapenv:Envelope>"

_BODY = re.compile(b"<soapenv:Body>(.*)</soapenv:Body>", re.DOTALL)


def wrong_types(answer: etree._Element, typed: frozenset[str]) -> etree._Element:
    touched = False
    for element in answer.iter("{*}*"):
        if etree.QName(element).localname in typed:
            element.text, touched = "неизвестно", True
    if not touched:
        # An answer without any such value: give it an element that its contract does not know.
        answer.insert(0, etree.Element("неизвестно"))
    return answer


def wrong_namespace(answer: etree._Element) -> etree._Element:
    name = "{urn:example:elsewhere}"
    if answer.tag != "data":
        answer.tag = f"{name}{etree.QName(answer).localname}"
    else:
        # Its children stand in `data`, which is the gateway's: they have no root that could be elsewhere.
        for child in answer:
            child.tag = f"{name}{etree.QName(child).localname}"
    return answer


def moved(envelope: bytes) -> bytes:
    """Replace the gateway's namespace too."""
    return envelope.replace(NS_TYPES.encode(), b"urn:example:elsewhere")


def truncated(envelope: bytes) -> bytes:
    """Return the first two thirds of a message."""
    return envelope[: len(envelope) * 2 // 3]


def doubled(envelope: bytes) -> bytes:
    return _BODY.sub(lambda body: b"<soapenv:Body>" + body[1] * 2 + b"</soapenv:Body>", envelope)


def altered(envelope: bytes) -> bytes:
    """Change one of the gateway's texts, which breaks its signature."""
    return envelope.replace(b"</message></status>", b".</message></status>")
