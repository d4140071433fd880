"""Recorded answers of services that we did not write, read leniently. Without them, one of the test contract."""

import re
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path

import pytest
from lxml import etree

from appealbus.core import CallFailed, Notes, ReplyCheck
from appealbus.core.replies.xmlschema import Checker
from tests.connectors.soap.test_proof import CASES, NS, contract

OWN = (
    f'<FindPersonResponse xmlns="{NS[1:-1]}"><person><iin>850312180019</iin><name>x</name>'
    "<birthDate>1885-03-12</birthDate><alive>false</alive><children>2</children><address>y</address></person>"
    "<photo>AA==</photo></FindPersonResponse>"
)
_MOST = 60
"""Places that are damaged, of an answer that may have thousands."""


def answers(case: Path | None, checker: Checker) -> Iterator[etree._Element]:
    """Yield the contents of valid answers."""
    if case is None:
        yield etree.fromstring(OWN)
        return
    for file in [*(case / "replies").glob("*.xml"), *(case / "replies").glob("r??.http")]:
        envelope = re.search(rb"<([\w-]+:)?Envelope.*Envelope\s*>", file.read_bytes(), re.DOTALL)
        body = etree.fromstring(envelope[0]).find("{*}Body") if envelope is not None else None
        if body is None or not len(body):
            continue
        try:
            checker.check(body[0], "x", "it")
        except CallFailed:
            continue
        yield deepcopy(body[0])


def texts(answer: etree._Element) -> list[str | None]:
    """Return what each element says, of those that no test has put there."""
    return [node.text for node in answer.iter("*") if node.tag != "new"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name if case else "register")
def test_damage_in_one_place(case: Path | None) -> None:
    """An unknown element anywhere takes no value away; a value of no type is refused, or the schema takes any text."""
    checker = contract(case).checker
    assert checker is not None
    read = 0
    for answer in answers(case, checker):
        places = list(answer.iter("*"))[1:]
        for number in range(0, len(places), len(places) // _MOST + 1):
            more, notes = deepcopy(answer), Notes(ReplyCheck.LENIENT)
            list(more.iter("*"))[number + 1].addprevious(etree.Element("new"))
            checker.take(more, notes)
            assert texts(more) == texts(answer)
            if len(places[number]):
                continue
            other, notes = deepcopy(answer), Notes(ReplyCheck.LENIENT)
            node = list(other.iter("*"))[number + 1]
            node.text = "\u2603 " * 40
            checker.take(other, notes)
            assert (node.text == "?") == (bool(notes.differences) and "more" not in notes.differences)
            read += 1
    if not read:
        pytest.skip("no valid answers")
