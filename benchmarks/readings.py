"""What it costs to read a reply of 45 fields by declarations: beside the floor, and beside reading by hand.

The floor does nothing but hand the texts to pydantic: no path is looked for, and nothing is said of what is missing,
broken or not taken. All three make equal records. Rounds alternate, the best of each counts; read the ratios.
"""

import argparse
import sys
import time
from collections.abc import Callable
from datetime import date
from decimal import Decimal

from contract import FIELDS, NS, reply
from lxml import etree
from plugin import Entry

from appealbus.core.readings import Reading
from appealbus.core.replies.xmlread import date_of, decimal_of, needed, require_text
from appealbus.schemas import Record

READING = Reading(Entry, {name: name for name in FIELDS})
TYPES = {name: Entry.model_fields[name].annotation for name in FIELDS}
CUT = len(NS) + 2


def floor(element: etree._Element) -> Record:
    return Entry.model_validate({field.tag[CUT:]: field.text for field in element})


def declared(element: etree._Element) -> Record:
    return READING.read(element)


def by_hand(element: etree._Element) -> Record:
    """As plugins read before there were declarations: a call for each field."""
    return Entry(**{name: _value(element, name) for name in FIELDS})


def _value(element: etree._Element, name: str) -> str | date | Decimal:
    if TYPES[name] is date:
        return needed(date_of(element, name), name)
    if TYPES[name] is Decimal:
        return needed(decimal_of(element, name), name)
    return require_text(element, name)


def microseconds(read: Callable[[etree._Element], Record], element: etree._Element, count: int) -> float:
    began = time.perf_counter()
    for _ in range(count):
        read(element)
    return (time.perf_counter() - began) / count * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000, help="replies in a round")
    parser.add_argument("--rounds", type=int, default=10)
    given = parser.parse_args()
    element = etree.fromstring(reply())[0][0]
    ways = (floor, declared, by_hand)
    if len({way(element).model_dump_json() for way in ways}) != 1:
        sys.exit("the three do not make equal records")
    best = [
        min(times)
        for times in zip(
            *([microseconds(way, element, given.count) for way in ways] for _ in range(given.rounds)), strict=True
        )
    ]
    for way, took in zip(ways, best, strict=True):
        print(f"{way.__name__:10} {took:7.1f} µs  {took / best[0]:5.2f} of the floor")


if __name__ == "__main__":
    main()
