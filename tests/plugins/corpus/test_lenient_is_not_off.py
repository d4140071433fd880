"""Whatever stands in the place of a declared value, no record has another one.

Without the schema the readings meet every broken value themselves. Each place that a register's lookup
declares gets words that are no date, number or flag, an element inside, and a second value; what comes out is the
failure of the question, the absence of the value, which is counted, or, of a text, the text as it came.
"""

from collections.abc import Iterator
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest
from lxml import etree

from appealbus.connectors.shep.data import take
from appealbus.core import Call, CallFailed, Outcome, OutcomeKind, Query, Reply, Source
from appealbus.core.interfaces.notes import Notes, ReplyCheck
from appealbus.core.readings import Declared, Take
from appealbus.core.readings.trie import Level
from appealbus.core.testing import ScriptedWire
from appealbus.plugins.address import lookups as address
from appealbus.plugins.address.settings import AddressSettings
from appealbus.plugins.egkn.lookups import ParcelByNumber, ParcelQuery
from appealbus.plugins.egkn.settings import EgknSettings
from appealbus.plugins.gbdfl.lookups import PersonOfApplicant, PersonQuery
from appealbus.plugins.gbdfl.settings import GbdflSettings
from appealbus.plugins.gbdul.lookups import OrganisationByBin, OrganisationQuery
from appealbus.plugins.gbdul.reading import TAKE_NON_RESIDENT
from appealbus.plugins.gbdul.settings import GbdulSettings
from tests.plugins.corpus.kit import QUERIES, lookup_of, written
from tests.plugins.corpus.test_answers import ANSWERS

GARBAGE = ("мутант", "2003-02-30", "01/02/2003", "0x1F", "нет", "1875-03-01T", "1e3x")
QUESTION = "7f0c2f0e-6b5a-4a3c-9d1b-6f3f0f1a2b3c"
GOOD = {
    "iin": "750301100019",
    "requestId": QUESTION,
    "persons/person/missingStatus/missing": "true",
    "persons/person/personCapableStatus/capableStatus/nameRu": "недееспособный",
    "messageResult/code": "00000",
    "BIN": "210740000018",
    "TaxOrgStatus": "false",
    "Percent": "50.5",
    "Status/Code": "002",
    "BusinessData/Result/ResultCode": "310",
    "CadastrNum": "08:130:001:0001",
    "Area": "0.0799",
    "CoordinateSystem": "32640",
    "Owner/IINBIN": "750301100019",
    "InterestedPerson/IINBIN": "210740000018",
    "Owner/IsFl": "true",
    "InterestedPerson/IsFl": "false",
    "Result/Code": "000",
    "RCA": "2201900167046043",
    "CadastreNumber": "08:130:001:0001",
    "Actual": "true",
}
"""Values by how a path ends, where a word is none."""
DATES = ("Date", "RegDate", "Modified")
ENDED = ("capableEndDate", "missingEndDate")
"""With these there would be nothing to read."""

JOINED = (".text_ru", ".text_kk", ".name", ".address_ru", ".address_kk")
"""Fields that are put together of several elements."""

LOOKUPS: list[tuple[Declared[Any, Any], Take[Any], Query]] = [
    (PersonOfApplicant(GbdflSettings()), PersonOfApplicant.take, PersonQuery(iin="750301100019")),
    (OrganisationByBin(GbdulSettings()), OrganisationByBin.take, OrganisationQuery(bin="210740000018")),
    (OrganisationByBin(GbdulSettings()), TAKE_NON_RESIDENT, OrganisationQuery(bin="210740000018")),
    (ParcelByNumber(EgknSettings()), ParcelByNumber.take, ParcelQuery(cadastral_number="08-130-001-0001")),
    (address.AddressByRka(AddressSettings()), address.AddressByRka.take, address.RkaQuery(rka="2201900167046043")),
]
SECOND = ("district", "region", "OrganizationNameRu")
"""Where these are, another place of the same value does not count."""


def places(level: Level, above: str = "") -> Iterator[str]:
    """Yield the paths of all places, innermost alone."""
    for name, entry in level.declared.items():
        for within in [*([entry.level] if entry.level is not None else []), *entry.nested]:
            yield from places(within, f"{above}{name}/")
        yield f"{above}{name}"


def declared(take: Take[Any]) -> list[str]:
    """Return the paths of all values that a lookup takes, in the order in which they are written."""
    records = "/".join(take.path.steps)
    words = [word.text for word in (take.code, take.echo) if word is not None]
    found = dict.fromkeys([*words, *(f"{records}/{path}" for path in places(take.reading.program.level))])
    return [path for path in found if not any(other.startswith(f"{path}/") for other in found)]


def value(path: str) -> str:
    """Return what stands there in an answer that is in order."""
    good = next((text for end, text in GOOD.items() if f"/{path}".endswith(f"/{end}")), None)
    if good is not None:
        return good
    if path.endswith(DATES):
        return "2001-02-03T04:05:06+05:00" if path.endswith(("RegDate", "Modified")) else "2001-02-03"
    return f"слово {len(path)}"


def answer(paths: list[str]) -> etree._Element:
    """Return an answer with a value at each of the paths."""
    root = etree.Element("data")
    for path in paths:
        *outer, last = path.split("/")
        at = root
        for step in outer:
            inside = at.find(step)
            at = inside if inside is not None else etree.SubElement(at, step)
        etree.SubElement(at, last).text = value(path)
    return root


def read(
    lookup: Declared[Any, Any], query: Query, body: etree._Element, replies: str = "off"
) -> tuple[Outcome[Any] | OutcomeKind, Notes]:
    """Return what the lookup makes of an answer, and what it noted."""
    wire = ScriptedWire([])
    wire.replies = ReplyCheck(replies)
    source = Source(lookup.source, wire, Call(QUESTION, "TEST-1", 5.0), lenient=True)
    try:
        return lookup.read(Reply(body, "", datetime.now(UTC)), query, source), source.notes
    except CallFailed as failed:
        return failed.kind, source.notes


def flat(told: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values of a record by their paths, and how many are in each list."""
    if isinstance(told, dict):
        for name, each in told.items():
            yield from flat(each, f"{at}.{name}")
    elif isinstance(told, list):
        yield f"{at}.#", len(told)
        for i, each in enumerate(told):
            yield from flat(each, f"{at}.{i}")
    elif told is not None:
        yield at, told


def mutants(whole: etree._Element, path: str) -> Iterator[tuple[str, etree._Element]]:
    """Yield the answer with something else at a path, and what that is."""
    for text in GARBAGE:
        changed = deepcopy(whole)
        place(changed, path).text = text
        yield text, changed
    changed = deepcopy(whole)
    place(changed, path).text = "перед"
    etree.SubElement(place(changed, path), "in").text = "внутри"
    place(changed, path)[0].tail = "за"
    yield "", changed
    for text in ("мутант", value(path)[::-1]):
        changed = deepcopy(whole)
        another = deepcopy(place(changed, path))
        another.text = text
        place(changed, path).addnext(another)
        yield "", changed


def is_touched(good: dict[str, Any], text: str, ended: Outcome[Any] | OutcomeKind, notes: Notes) -> bool:
    """Say whether a changed answer ends otherwise than the good one, and see that it does so in one of the three ways.

    Args:
        good: the values of the good answer's record.
        text: what stood in the place of one of its values; "" for what is no value at all.
        ended: how the question ended.
        notes: what reading noted.

    """
    if not isinstance(ended, Outcome) or ended.record is None:
        assert (ended.kind if isinstance(ended, Outcome) else ended) is OutcomeKind.INVALID
        return True
    told = dict(flat(ended.record.model_dump(mode="json")))
    differ = {at for at in good.keys() | told.keys() if good.get(at) != told.get(at)}
    for at in differ:
        as_it_came = text and bare(text) in bare(told.get(at, ""))
        assert as_it_came or (at not in told and notes.unreadable), (text, at, told.get(at))
    return bool(differ or notes.unreadable)


def place(root: etree._Element, path: str) -> etree._Element:
    found = root.find(path)
    assert found is not None
    return found


def bare(text: object) -> str:
    return "".join(char for char in str(text) if char.isalnum())


@pytest.mark.parametrize(
    ("lookup", "take", "query"), LOOKUPS, ids=[take.reading.model.__name__ for _, take, _ in LOOKUPS]
)
def test_no_record_has_another_value(lookup: Declared[Any, Any], take: Take[Any], query: Query) -> None:
    """At no declared place does a value that cannot be read become another one."""
    every = [path for path in declared(take) if not path.endswith(ENDED)]
    untouched = set(every)
    for paths in (every, [path for path in every if not set(path.split("/")) & set(SECOND)]):
        whole = answer(paths)
        outcome, notes = read(lookup, query, whole)
        assert isinstance(outcome, Outcome), outcome
        assert outcome.record is not None
        assert (notes.unread, notes.unreadable) == ({}, {})
        good = dict(flat(outcome.record.model_dump(mode="json")))
        for path in paths:
            for text, changed in mutants(whole, path):
                if is_touched(good, text, *read(lookup, query, changed)):
                    untouched.discard(path)
    assert not untouched, "these places were never read"


@pytest.mark.parametrize(
    ("lookup", "take", "query"), LOOKUPS, ids=[take.reading.model.__name__ for _, take, _ in LOOKUPS]
)
def test_what_is_absent_makes_no_other_value(lookup: Declared[Any, Any], take: Take[Any], query: Query) -> None:
    """Where one element is not there, what others say is in the record as it was, or is not in it either."""
    paths = [path for path in declared(take) if not path.endswith(ENDED) and not set(path.split("/")) & set(SECOND)]
    for flag in ("true", "false"):
        whole = answer(paths)
        for path in paths:
            if value(path) in ("true", "false"):
                place(whole, path).text = flag
        outcome, _ = read(lookup, query, whole)
        assert isinstance(outcome, Outcome)
        assert outcome.record is not None
        good = dict(flat(outcome.record.model_dump(mode="json")))
        for path in paths:
            told = told_without(path, whole, lookup, query)
            # A code that is lacking is empty, and words that are put together are fewer.
            other = {at for at, found in told.items() if found not in ("", good.get(at))}
            assert not {at for at in other if not at.endswith((*JOINED, "#"))}, path


def told_without(path: str, whole: etree._Element, lookup: Declared[Any, Any], query: Query) -> dict[str, Any]:
    """Return the values of the record that an answer gives where one element is not there."""
    changed = deepcopy(whole)
    gone = place(changed, path)
    above = gone.getparent()
    assert above is not None
    above.remove(gone)
    ended, _ = read(lookup, query, changed)
    if isinstance(ended, Outcome) and ended.record is not None:
        return dict(flat(ended.record.model_dump(mode="json")))
    assert (ended.kind if isinstance(ended, Outcome) else ended) is OutcomeKind.INVALID
    return {}


@pytest.mark.parametrize("end", ENDED)
def test_an_end_that_cannot_be_read_ends_nothing_silently(end: str) -> None:
    """Nobody is told to be missing or incapable then, and it is counted."""
    lookup, take, query = LOOKUPS[0]
    whole = answer(paths := declared(take))
    at = next(path for path in paths if path.endswith(end))
    kinds = []
    for text in (*GARBAGE, "2004-02-03"):
        place(whole, at).text = text
        outcome, notes = read(lookup, query, whole)
        assert isinstance(outcome, Outcome)
        field = "missing_since" if "missing" in end else "incapable_since"
        assert getattr(outcome.record, field) is None
        kinds.append(len(notes.unreadable))
    assert kinds == [1] * len(GARBAGE) + [0]


FULL = (
    "certificates name who issued them in words; names in Latin letters",
    "missing",
    "incapable",
    "shares are doubles",
    "a non-resident",
    "two rights of one holder are two",
)


@pytest.mark.parametrize("told", [each for each in ANSWERS if each["name"] in FULL], ids=lambda told: told["name"][:20])
def test_no_lenient_reply_has_another_value(told: dict[str, Any]) -> None:
    """The published contract is asked, and what it says is counted: the record is as good as without it."""
    lookup: Any = lookup_of(told)
    query = QUERIES[told["asks"]]
    (data,) = etree.fromstring(written(told, QUESTION, QUESTION)).iter("data")
    whole = take(data, limit=2**20, bare=True)
    outcome, notes = read(lookup, query, deepcopy(whole), "lenient")
    assert isinstance(outcome, Outcome), outcome
    assert (notes.differences, notes.unreadable) == ({}, {})
    assert outcome.record is not None
    good = dict(flat(outcome.record.model_dump(mode="json")))
    leaves = [i for i, each in enumerate(whole.iter(etree.Element)) if not len(each) and "xmldsig" not in str(each.tag)]
    touched = 0
    for leaf in leaves:
        for text in GARBAGE[:3]:
            changed = deepcopy(whole)
            next(each for i, each in enumerate(changed.iter(etree.Element)) if i == leaf).text = text
            touched += is_touched(good, text, *read(lookup, query, changed, "lenient"))
    assert touched > len(good)
