"""The question and the places of an appeal, with the dossier fields that they come from."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from appealbus.core import records
from appealbus.core.clocks import day_of
from appealbus.plugins.competence.scope import ALL, category_chain, stem, territory_chain
from appealbus.schemas.address import Address
from appealbus.schemas.change import ChangeKind
from appealbus.schemas.dossier import Dossier
from appealbus.schemas.identifiers import parse_cadastral_number, parse_kato, parse_or_none
from appealbus.schemas.territory import KATO_OBLASTS, kato_oblasts

_PLACES = 8
"""Maximum number of places that are compared one by one. With more, only their oblasts count (twenty in all), so less
is concluded."""


@dataclass(frozen=True)
class Matter:
    """The question and the places of an appeal.

    Attributes:
        category: the narrowest code given; empty if there is none.
        category_chain: that code and all above it.
        category_fields: dossier fields that give the category.
        places: stems of all possible territories, each with those above it; the root if no place is known.
        place_fields: dossier fields that give the places.
    """

    category: str
    category_chain: frozenset[str]
    category_fields: tuple[str, ...]
    places: dict[str, frozenset[str]]
    place_fields: tuple[str, ...]


def matter_of(dossier: Dossier) -> Matter:
    given = dossier.appeal.category
    codes = {
        f"appeal.category.{name}": code
        for name in ("code", "subcategory_code")
        if given is not None and (code := (getattr(given, name) or "").strip()) and code != "*"
    }
    chain = frozenset({ALL}).union(*(category_chain(code) for code in codes.values()))
    stems_of = dict(_places(dossier))
    stems = sorted(set().union(*stems_of.values()))
    if len(stems) > _PLACES:
        stems = sorted({node[:2] for node in stems})
    places = {node: territory_chain(node) for node in stems or [ALL]}
    return Matter(list(codes.values())[-1] if codes else ALL, chain, tuple(codes), places, tuple(stems_of))


def arrival_day(dossier: Dossier) -> date:
    """Return the day on which the addressee got the appeal: by arrival, or by the last forwarding of the whole appeal.

    The sender's own arrival time wins, as the bus may get the appeal days later.
    """
    accepted = dossier.receipt.accepted_at
    came = min(dossier.appeal.received_at or accepted, accepted)
    moments = [
        change.dated_at for change in dossier.changes if change.kind is ChangeKind.REDIRECTED and not change.part
    ]
    got = max([came, *moments])
    return day_of(got)


def _places(dossier: Dossier) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each field that gives a place, with the stems of its possible territories."""
    appeal = dossier.appeal
    if appeal.place is not None and (node := _node(appeal.place.kato)):
        yield "appeal.place.kato", (node,)
    for at, address in records(dossier, "address.by_rka", Address):
        if node := _node(address.kato):
            yield f"{at}kato", (node,)
    by_number = {}
    for at, address in records(dossier, "address.by_cadastral_number", Address):
        number = parse_or_none(parse_cadastral_number, address.cadastral_number)
        if number and (node := _node(address.kato)):
            by_number[number] = (f"{at}kato", (node,))
    named = [(f"parcels[{i}].cadastral_number", parcel.cadastral_number) for i, parcel in enumerate(appeal.parcels)]
    named += [
        (f"mentions.cadastral_numbers[{i}].value", mention.value)
        for i, mention in enumerate(appeal.mentions.cadastral_numbers)
    ]
    seen = set()
    for path, value in named:
        number = parse_or_none(parse_cadastral_number, value)
        if number is None or number in seen:
            continue
        seen.add(number)
        if number in by_number:
            yield by_number[number]
        elif oblasts := kato_oblasts(number):
            yield f"appeal.{path}", oblasts


def _node(kato: str | None) -> str | None:
    code = parse_or_none(parse_kato, kato)
    return stem(code) if code is not None and code[:2] in KATO_OBLASTS else None
