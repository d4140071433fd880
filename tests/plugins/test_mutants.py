"""Replies of the registers, changed as agencies change them: what a record then lacks is told."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import pytest
from lxml import etree

from appealbus.core import CallFailed
from appealbus.core.interfaces.notes import Notes, ReplyCheck
from appealbus.core.planning.paths import touch
from appealbus.core.readings import Take
from appealbus.core.replies.xmlschema import MessageSchema
from appealbus.plugins.address import lookups as address
from appealbus.plugins.egkn import lookups as egkn
from appealbus.plugins.gbdfl import lookups as gbdfl
from appealbus.plugins.gbdul import lookups as gbdul
from appealbus.schemas.safexml import parse
from tests.plugins.address import test_address
from tests.plugins.egkn import test_egkn
from tests.plugins.gbdfl import test_gbdfl
from tests.plugins.gbdul import test_gbdul
from tests.services.forms import form

WORDS = ("NewName", "Wrapper", "Данные", "Item")
REPLIES: dict[str, tuple[MessageSchema, Take[Any], str]] = {
    "egkn": (egkn.SCHEMA, egkn.ParcelByNumber.take, test_egkn.answer(test_egkn.parcel_xml(extra=test_egkn.SECTIONS))),
    "gbdfl": (
        gbdfl.SCHEMA,
        gbdfl.PersonOfApplicant.take,
        test_gbdfl.answer(test_gbdfl.person_xml(extra=test_gbdfl.FULL)),
    ),
    "gbdul": (
        gbdul.SCHEMA,
        gbdul.OrganisationByBin.take,
        test_gbdul.answer(test_gbdul.organisation_xml(extra=test_gbdul.FULL)),
    ),
    "address": (address.SCHEMA, address.AddressByRka.take, test_address.answer(test_address.place())),
}


def rename(element: etree._Element, chance: random.Random) -> None:
    space = element.tag[: element.tag.find("}") + 1]
    element.tag = space + chance.choice(WORDS)


def rename_all(element: etree._Element, chance: random.Random) -> None:
    word, tag = chance.choice(WORDS), element.tag
    for each in element.getroottree().iter(tag):
        each.tag = tag[: tag.find("}") + 1] + word


def wrap(element: etree._Element, chance: random.Random) -> None:
    above = element.getparent()
    wrapper = etree.Element(element.tag[: element.tag.find("}") + 1] + chance.choice(WORDS))
    above.replace(element, wrapper)
    wrapper.append(element)


def move(element: etree._Element, chance: random.Random) -> None:
    root = element.getroottree().getroot()
    inside = set(element.iter())
    chance.choice([each for each in root.iter("*") if each not in inside and len(each)]).append(element)


def retype(element: etree._Element, chance: random.Random) -> None:
    leaves = [each for each in element.iter("*") if not len(each)]
    chance.choice(leaves).text = chance.choice(("неизвестно", "31.02.2026", "-", "12,5 га", "{}", "true!"))


def reorder(element: etree._Element, chance: random.Random) -> None:
    above = element.getparent()
    children = list(above)
    chance.shuffle(children)
    above[:] = children


def drop(element: etree._Element, chance: random.Random) -> None:
    element.getparent().remove(element)


def double(element: etree._Element, chance: random.Random) -> None:
    twin = deepcopy(element)
    for each in twin.iter("*"):
        if not len(each) and chance.random() < 0.5:
            each.text = "7" * len(each.text or "")
    element.addnext(twin)


def elsewhere(element: etree._Element, chance: random.Random) -> None:
    element.tag = "{urn:example:elsewhere}" + etree.QName(element).localname


OPERATIONS: list[Callable[[etree._Element, random.Random], None]] = [
    *(rename, rename_all, wrap, move, retype, reorder, drop, double, elsewhere)
]


def read(root: etree._Element, schema: MessageSchema, take: Take[Any]) -> tuple[Any, Notes] | None:
    """Return the record with what was noted; None where the reply is refused."""
    notes = Notes(ReplyCheck.LENIENT)
    try:
        schema.check(root, notes)
        records = take.answer(root, notes).records()
    except CallFailed:
        return None
    return (records[0], notes) if len(records) == 1 else None


def changed(was: Any, now: Any, path: str = "") -> Iterator[str]:
    """Yield the fields in which a record differs from the true one."""
    if isinstance(was, dict) and isinstance(now, dict):
        for name in was.keys() | now.keys():
            yield from changed(was.get(name), now.get(name), f"{path}.{name}" if path else name)
    elif isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        pairs = [each for each in was if each not in now], [each for each in now if each not in was]
        for one, other in zip(*pairs, strict=False):
            yield from changed(one, other, f"{path}[*]")
    elif was != now:
        yield path


def is_valid(root: etree._Element, schema: MessageSchema) -> bool:
    try:
        schema.check(deepcopy(root), Notes(ReplyCheck.STRICT))
    except CallFailed:
        return False
    return True


def judge(name: str, count: int, seed: int = 1) -> tuple[Counter[str], list[str]]:
    """Return how often mutants of a reply are told, and the silent ones."""
    schema, take, text = REPLIES[name]
    true = read(parse(text.encode()), schema, take)
    assert true is not None
    told: Counter[str] = Counter()
    silent: list[str] = []
    chance = random.Random(seed)
    for _ in range(count):
        root = parse(text.encode())
        operation = chance.choice(OPERATIONS)
        element = chance.choice([each for each in root.iter("*") if each is not root])
        where = root.getroottree().getpath(element).rpartition("/")[2]
        operation(element, chance)
        valid = is_valid(root, schema)
        found = read(root, schema, take)
        if found is None:
            told["refused"] += 1
            continue
        record, notes = found
        odd = set(changed(true[0].model_dump(mode="json"), record.model_dump(mode="json")))
        if not odd:
            told["the same, and yet told" if notes.unknown else "the same"] += 1
        elif valid:
            told["says something else"] += 1
        elif all(any(touch(each, one) for one in notes.unknown) for each in odd):
            told["unknown"] += 1
        else:
            told["silent"] += 1
            silent.append(f"{operation.__name__} {where}: {sorted(odd)}, unknown {sorted(notes.unknown)}")
    return told, silent


@pytest.mark.proof
@pytest.mark.parametrize("name", REPLIES)
def test_no_mutant_is_silent(name: str) -> None:
    """Whatever an agency does to its reply, a record that differs says where it may."""
    told, silent = judge(name, form(300, 5000))
    print(told, silent)
    # What was moved to where it may stand but for the order, or stands there twice, says something else.
    assert [each for each in silent if not each.startswith(("move ", "double "))] == []
    assert len(silent) <= 0.02 * told.total()
