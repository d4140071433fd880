"""An address as the address register (Адресный регистр) knows it."""

from typing import Literal

from pydantic import Field

from appealbus.schemas.base import Day, Model, Text
from appealbus.schemas.record import Coded, Record


class AddressPart(Model):
    """One step of an address: an oblast, a rayon, a settlement, a street."""

    level: Coded
    """What it is, in the register's dictionary of kinds."""
    name_ru: Text | None = None
    name_kk: Text | None = None
    rko: Text | None = None
    """The register's code of the step (РКО)."""
    kato: Text | None = None


class Address(Record):
    """What lies behind an address code (РКА): a parcel, a building, or a room in one."""

    type: Literal["Address"] = "Address"
    rka: Text
    """The registration code of the address: sixteen digits."""
    kind: Coded
    """What has the address: a parcel, a building, a room."""
    full_ru: Text | None = None
    full_kk: Text | None = None
    parts: list[AddressPart] = Field(default_factory=list)
    """From the oblast down to the street."""
    number: Text | None = None
    """Of the plot, the house or the room."""
    kato: Text | None = None
    """КАТО of the innermost step that has one."""
    cadastral_number: Text | None = None
    """Of the parcel, normalised: `OO-RRR-QQQ-PPPP`; of a building or a room as the register writes it."""
    actual: bool
    """Whether the address is in use; one that was given up stays in the register."""
    changed_on: Day | None = None
    """When the register last changed the entry."""
