"""The registers' declarations against their own contracts."""

from collections.abc import Mapping
from typing import Any

import pytest

from appealbus.core.readings import At, By, Declared, Reading, Take
from appealbus.core.readings.declare import Declaration, ReadingSpec
from appealbus.core.readings.proof import prove
from appealbus.plugins.address import lookups as address
from appealbus.plugins.egkn import lookups as egkn
from appealbus.plugins.gbdfl import lookups as gbdfl
from appealbus.plugins.gbdul import lookups as gbdul

LOOKUPS: list[type[Declared[Any, Any]]] = [
    gbdfl.PersonOfApplicant,
    gbdfl.MentionedPerson,
    gbdul.OrganisationByBin,
    gbdul.RightHolder,
    egkn.ParcelByNumber,
    address.AddressByRka,
    address.AddressByCadastralNumber,
]


def unset(kind: type[Declared[Any, Any]], take: Take[Any] | None = None) -> Declared[Any, Any]:
    """Return a lookup without its settings, and with another declaration of what it takes if need be."""
    lookup = object.__new__(type(kind.__name__, (kind,), {"take": take or kind.take}))
    lookup.settings = None
    return lookup


@pytest.mark.parametrize("kind", LOOKUPS)
def test_declarations_are_right(kind: type[Declared[Any, Any]]) -> None:
    """Nothing is told of what is in order."""
    assert prove([unset(kind)]) == []


def test_the_declaration_of_a_non_resident_is_right() -> None:
    """It is taken by the same lookups."""
    assert prove([unset(gbdul.OrganisationByBin, gbdul.TAKE_NON_RESIDENT)]) == []


@pytest.mark.parametrize("kind", LOOKUPS)
def test_every_misspelt_path_is_found(kind: type[Declared[Any, Any]]) -> None:
    """Whatever is taken of the answer: each path with wrong letters makes a finding that names it."""
    reading = kind.take.reading
    changed = 0
    for name in misspellable(reading.fields):
        other = Reading(reading.model, {**reading.fields, name: misspelt(reading.fields[name])}, codes=reading.codes)
        take = Take(other, kind.take.path.text, code=kind.take.code.text if kind.take.code else "", same=kind.take.same)
        findings = prove([unset(kind, take)])
        told = [finding.text for finding in findings]
        assert any("zz cannot occur" in text for text in told), name
        changed += 1
    assert changed > 5


def misspellable(fields: Mapping[str, Any]) -> list[str]:
    return [name for name, declared in fields.items() if not isinstance(declared, ReadingSpec)]


def misspelt(declared: Any) -> Any:
    """Return a declaration of which the first path leads nowhere."""
    if isinstance(declared, tuple):
        return (misspelt(declared[0]), *declared[1:])
    if isinstance(declared, str):
        return f"{declared}zz"
    first, *others = (path.text for path in declared.paths)
    if isinstance(declared, At):
        return At(f"{first}zz", *others, of=declared.of)
    assert isinstance(declared, By | Declaration)
    return By(declared.function, f"{first}zz", *others)  # type: ignore[union-attr]
