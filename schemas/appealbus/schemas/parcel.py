"""A land parcel as the state cadastre (ЕГКН) knows it."""

from decimal import Decimal
from typing import Literal

from pydantic import Field

from appealbus.schemas.base import Day, Model, Moment, Text
from appealbus.schemas.record import Coded, Record


class Holder(Model):
    """Whom a right or an encumbrance belongs to: a person (iin) or an organisation (bin)."""

    iin: Text | None = None
    bin: Text | None = None
    name_ru: Text | None = None
    name_kk: Text | None = None


class FoundingDocument(Model):
    """The paper a right or an encumbrance rests on."""

    kind: Text | None = None
    name: Text | None = None
    number: Text | None = None
    issued_on: Day | None = None


class Right(Model):
    """A right to the parcel."""

    kind: Coded
    holder: Holder
    ownership_form: Coded | None = None
    registered_at: Moment | None = None
    document: FoundingDocument | None = None
    """The paper that it rests on; of several the first."""
    other_documents: list[FoundingDocument] = Field(default_factory=list)


class Encumbrance(Model):
    """An arrest, a pledge, a restriction."""

    kind: Coded
    interested: Holder | None = None
    registered_at: Moment | None = None
    document: FoundingDocument | None = None


class Geometry(Model):
    """A shape as WKT in the coordinate system with the given EPSG code."""

    wkt: Text
    epsg: int | None = None


class Parcel(Record):
    """What lies behind a cadastral number, who holds it and what burdens it."""

    type: Literal["Parcel"] = "Parcel"
    cadastral_number: Text
    """Normalised: `OO-RRR-QQQ-PPPP`."""
    area: Decimal | None = None
    area_unit: Coded | None = None
    category: Coded | None = None
    purpose_ru: Text | None = None
    purpose_kk: Text | None = None
    purpose_use: Coded | None = None
    functional_use: Coded | None = None
    divisibility: Coded | None = None
    rights: list[Right] = Field(default_factory=list)
    encumbrances: list[Encumbrance] = Field(default_factory=list)
    geometry: Geometry | None = None
    rka: Text | None = None
    """The address code (РКА) of the parcel."""
    address_ru: Text | None = None
    address_kk: Text | None = None
    place: Coded | None = None
    """The settlement in the address register's ATE codes (not КАТО)."""
