"""Signature wrapping: the signed element stays in the message, but somebody else's content is where it was."""

import copy
from collections.abc import Callable

import pytest
from lxml import etree

from appealbus.connectors.signing.signature import SECURITY, WSU_ID
from appealbus.schemas.namespaces import DS, SIGNATURE
from tests.connectors.signing.gost.kit import each

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"


def element(xml: str) -> etree._Element:
    return etree.fromstring(xml)


def evil(root: etree._Element) -> etree._Element:
    """Return a body that the peer never signed."""
    body = copy.deepcopy(root[1])
    body[0][0].text = "1000000"
    return body


def moved_into_header(root: etree._Element) -> None:
    wrapper = etree.SubElement(root[0], "{urn:w}Wrapper")
    wrapper.append(root[1])
    new = etree.SubElement(root, f"{{{SOAP}}}Body")
    new.append(element('<q xmlns="urn:q"><amount>1000000</amount></q>'))


def moved_under_another_name(root: etree._Element) -> None:
    body = root[1]
    wrapper = etree.SubElement(root[0], "{urn:w}Wrapper")
    hidden = etree.SubElement(wrapper, "{urn:w}Body")
    hidden.set(WSU_ID, body.get(WSU_ID))
    hidden.extend(copy.deepcopy(list(body)))
    body[0][0].text = "1000000"


def id_taken_by_another_attribute(name: str) -> Callable[[etree._Element], None]:
    def attack(root: etree._Element) -> None:
        hidden = etree.SubElement(root[0], "{urn:w}Wrapper")
        hidden.set(name, root[1].get(WSU_ID))

    return attack


def second_id_of_the_body(root: etree._Element) -> None:
    root[1].set("Id", root[1].get(WSU_ID))


def moved_into_security(root: etree._Element) -> None:
    new = evil(root)
    root[0].find(SECURITY).append(root[1])
    root.append(new)


def moved_into_object(root: etree._Element) -> None:
    new = evil(root)
    new.set(WSU_ID, "id-other")
    etree.SubElement(root.find(f".//{SIGNATURE}"), f"{{{DS}}}Object").append(root[1])
    root.append(new)


def second_body_first(root: etree._Element) -> None:
    new = evil(root)
    new.set(WSU_ID, "id-other")
    root.insert(1, new)


def second_body_last(root: etree._Element) -> None:
    new = evil(root)
    del new.attrib[WSU_ID]
    root.append(new)


def second_header(root: etree._Element) -> None:
    root.insert(0, etree.Element(f"{{{SOAP}}}Header"))


def body_before_header(root: etree._Element) -> None:
    root.append(root[0])


def body_inside_body(root: etree._Element) -> None:
    new = evil(root)
    new.set(WSU_ID, "id-other")
    inner = root[1]
    root.replace(inner, new)
    new.append(inner)


def other_element_signed(root: etree._Element) -> None:
    """Point the reference, and so the body's id, elsewhere."""
    root[1].set(WSU_ID, "id-other")


def body_without_id(root: etree._Element) -> None:
    del root[1].attrib[WSU_ID]


def empty_uri(root: etree._Element) -> None:
    root.find(f".//{{{DS}}}Reference").set("URI", "")


def no_uri(root: etree._Element) -> None:
    del root.find(f".//{{{DS}}}Reference").attrib["URI"]


def xpointer_uri(root: etree._Element) -> None:
    root.find(f".//{{{DS}}}Reference").set("URI", "#xpointer(/)")


def second_reference(root: etree._Element) -> None:
    reference = root.find(f".//{{{DS}}}Reference")
    reference.addnext(copy.deepcopy(reference))


def no_reference(root: etree._Element) -> None:
    reference = root.find(f".//{{{DS}}}Reference")
    reference.getparent().remove(reference)


def second_signature(root: etree._Element) -> None:
    signature = root.find(f".//{SIGNATURE}")
    signature.addnext(copy.deepcopy(signature))


def second_security(root: etree._Element) -> None:
    root[0].append(copy.deepcopy(root[0][0]))


def security_deeper(root: etree._Element) -> None:
    wrapper = etree.SubElement(root[0], "{urn:w}Wrapper")
    wrapper.append(root[0].find(SECURITY))


def signature_deeper(root: etree._Element) -> None:
    security = root[0][0]
    wrapper = etree.SubElement(security, "{urn:w}Wrapper")
    wrapper.append(security[0])


def duplicate_id_elsewhere(root: etree._Element) -> None:
    for _ in range(2):
        etree.SubElement(root[0], "{urn:w}Token").set(WSU_ID, "id-token")


@each
@pytest.mark.parametrize(
    ("attack", "code"),
    [
        (moved_into_header, "wssec.structure"),
        (moved_under_another_name, "wssec.duplicate_id"),
        (id_taken_by_another_attribute("{http://www.w3.org/XML/1998/namespace}id"), "wssec.duplicate_id"),
        (id_taken_by_another_attribute("Id"), "wssec.duplicate_id"),
        (id_taken_by_another_attribute("ID"), "wssec.duplicate_id"),
        (second_id_of_the_body, "wssec.duplicate_id"),
        (moved_into_security, "wssec.structure"),
        (moved_into_object, "wssec.structure"),
        (second_body_first, "wssec.structure"),
        (second_body_last, "wssec.structure"),
        (second_header, "wssec.structure"),
        (body_before_header, "wssec.structure"),
        (body_inside_body, "wssec.structure"),
        (other_element_signed, "wssec.reference"),
        (body_without_id, "wssec.reference"),
        (empty_uri, "wssec.reference"),
        (no_uri, "wssec.reference"),
        (xpointer_uri, "wssec.reference"),
        (second_reference, "wssec.structure"),
        (no_reference, "wssec.structure"),
        (second_signature, "wssec.structure"),
        (second_security, "wssec.structure"),
        (security_deeper, "wssec.structure"),
        (signature_deeper, "wssec.structure"),
        (duplicate_id_elsewhere, "wssec.duplicate_id"),
    ],
)
async def test_wrapping(signed, attack, code, reject):
    """Every way to slip another content under the peer's signature is refused before any cryptography."""
    attack(signed)

    reject(signed, code)
