"""Paths and conversions for the register's answers: `RCA` is the РКА, `RCO` the РКО, `CATO` the КАТО."""

from collections.abc import Sequence
from functools import partial

from appealbus.core.readings import At, By, Reading
from appealbus.schemas.address import Address, AddressPart
from appealbus.schemas.identifiers import parse_cadastral_number, parse_or_none, parse_rka

_Reading = partial(Reading, codes=("Code", "ValueRu", "ValueKz"))


def innermost(codes: Sequence[str]) -> str:
    """Return the КАТО of the last step that has one."""
    return codes[-1]


def cadastral_number(told: str) -> str:
    """Normalise a parcel's number; the longer number of a building or a room is unchanged."""
    return parse_or_none(parse_cadastral_number, told) or told


PART = _Reading(AddressPart, level="Type", name_ru="NameRus", name_kk="NameKaz", rko="RCO", kato="CATO")
ADDRESS = _Reading(
    Address,
    rka=By(parse_rka, "RCA", word="number"),
    kind="Type",
    full_ru="FullPathRus",
    full_kk="FullPathKaz",
    parts=At("Path/Step", of=PART),
    number="Number",
    kato=By(innermost, "Path/Step[*]/CATO"),
    cadastral_number=By(cadastral_number, "CadastreNumber"),
    actual="Actual",
    changed_on="Modified",
)
