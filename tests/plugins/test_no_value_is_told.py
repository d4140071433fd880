"""Nothing that a register writes stands in a code, a reason, a log, or a path of the provenance: only in a record."""

import logging
from collections.abc import Iterator
from copy import copy, deepcopy

import pytest
from lxml import etree
from structlog.testing import capture_logs

from appealbus.core import Request
from appealbus.core.testing import ScriptedWire, ask_all
from appealbus.core.testing.asking import Asked
from tests.plugins.test_conformance import ABOUT, LOOKUPS, answer_of

CANARY = "Канарейкина 010203499998"
QUESTIONS = ["gbdfl.person", "gbdul.organisation", "egkn.parcel", "address.by_cadastral_number"]


def spoilt(reply: etree._Element) -> Iterator[etree._Element]:
    """Yield the reply with a canary as each text alone, as all of them, as attributes, and in names of elements."""
    leaves = [i for i, element in enumerate(reply.iter(etree.Element)) if not len(element)]
    for chosen in [*({leaf} for leaf in leaves), set(leaves)]:
        changed = deepcopy(reply)
        for i, element in enumerate(changed.iter(etree.Element)):
            if i in chosen:
                element.text = CANARY
        yield changed
    changed = deepcopy(reply)
    for element in list(changed.iter(etree.Element)):
        element.set("told", CANARY)
        etree.SubElement(element, "Канарейкина010203499998").text = CANARY
    yield changed


@pytest.mark.parametrize("checked", [True, False], ids=["against the schema", "unchecked"])
@pytest.mark.parametrize("question", QUESTIONS)
async def test_a_canary_is_told_nowhere(question: str, checked: bool, caplog: pytest.LogCaptureFixture) -> None:
    """Without the schema the readings meet every broken value themselves."""
    lookup = copy(LOOKUPS[question])
    if not checked:
        lookup.schema = None  # type: ignore[attr-defined]
    about, records = ABOUT[question]
    given: list[etree._Element] = []

    def agency(request: Request) -> etree._Element:
        given.append(answer_of(lookup.source, request))
        return given[-1]

    await ask_all(lookup, about, replies=agency, records=records)
    kinds = set()
    with capture_logs() as logs, caplog.at_level(logging.DEBUG):
        for reply in spoilt(given[0]):
            (asked,) = await ask_all(lookup, about, replies=ScriptedWire([reply]), records=records)
            kinds.add(asked.outcome.kind)
            assert not [word for word in CANARY.split() if word in told_of(asked)]
    assert not [word for word in CANARY.split() if word in f"{logs} {caplog.text}"]
    assert checked or len(kinds) > 1


def told_of(asked: Asked) -> str:
    """Return all that is told beside the record."""
    provenance = asked.provenance.model_dump_json() if asked.provenance else ""
    return f"{asked.outcome.code} {asked.outcome.reason} {provenance} {asked.access}"
