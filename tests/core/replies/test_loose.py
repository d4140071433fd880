"""Schemas with nothing required, and those of which libxml2 would not make one soon."""

import time

import pytest

from appealbus.core.replies.schemas import loosened

HEAD = '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns="urn:x" targetNamespace="urn:x">'


def elements(count: int, prefix: str = "f") -> str:
    return "".join(f'<xs:element name="{prefix}{number}" type="xs:string"/>' for number in range(count))


def root(inside: str, name: str = "r") -> str:
    return f'<xs:element name="{name}"><xs:complexType>{inside}</xs:complexType></xs:element>'


def extended(types: int, each: int) -> str:
    found = f'<xs:complexType name="T0"><xs:sequence>{elements(each)}</xs:sequence></xs:complexType>'
    for number in range(1, types):
        inside = f'<xs:extension base="T{number - 1}"><xs:sequence>{elements(each, f"f{number}_")}</xs:sequence>'
        content = f"<xs:complexContent>{inside}</xs:extension></xs:complexContent>"
        found += f'<xs:complexType name="T{number}">{content}</xs:complexType>'
    return f'{found}<xs:element name="r" type="T{types - 1}"/>'


NESTED = "".join(root(f"<xs:sequence>{elements(9)}</xs:sequence>", f"r{number}") for number in range(100))


@pytest.mark.parametrize(
    ("schema", "is_made"),
    [
        (root(f"<xs:sequence>{elements(200)}</xs:sequence>"), True),
        (root(f"<xs:sequence>{elements(3000)}</xs:sequence>"), False),
        (root(f"<xs:choice>{elements(3000)}</xs:choice>"), True),
        (root(f"<xs:sequence>{NESTED}</xs:sequence>"), True),
        (extended(4, 50), True),
        (extended(30, 50), False),
        (extended(200, 1), False),
        (
            f'<xs:group name="g"><xs:sequence>{elements(3000)}</xs:sequence></xs:group>'
            + root('<xs:sequence><xs:group ref="g"/></xs:sequence>'),
            False,
        ),
    ],
    ids=["wide", "too wide", "choice", "nested", "extended", "extended too far", "too deep", "group"],
)
def test_wide_types(schema, is_made):
    """libxml2 takes time by the cube of what may stand in a row: where that is seconds, there is no such schema."""
    began = time.process_time()
    assert (loosened({"x": f"{HEAD}{schema}</xs:schema>".encode()}, "x") is not None) == is_made
    assert time.process_time() - began < 2.0
