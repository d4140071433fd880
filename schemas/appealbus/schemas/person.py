"""A person as the register of persons (ГБД ФЛ) knows them."""

from typing import Literal

from pydantic import Field

from appealbus.schemas.base import Day, Model, Text
from appealbus.schemas.record import Coded, Record


class PostalAddress(Model):
    """An address in the register's own words and codes."""

    country: Coded | None = None
    district: Coded | None = None
    """Oblast, in the source's own code system (not КАТО)."""
    region: Coded | None = None
    """Rayon or city, in the source's own code system (not КАТО)."""
    city: Text | None = None
    street: Text | None = None
    building: Text | None = None
    corpus: Text | None = None
    flat: Text | None = None
    begin_date: Day | None = None
    end_date: Day | None = None
    status: Coded | None = None
    rka: Text | None = None
    """РКА, the address register's code of the address."""


class IdentityDocument(Model):
    """A passport, an identity card and the like."""

    kind: Coded
    number: Text
    series: Text | None = None
    begin_date: Day
    end_date: Day | None = None
    issuer: Coded
    status: Coded
    """Validity; `00` is valid in ГБД ФЛ."""
    invalid_since: Day | None = None


class Person(Record):
    """Who stands behind an ИИН."""

    type: Literal["Person"] = "Person"
    iin: Text
    surname: Text | None = None
    name: Text | None = None
    patronymic: Text | None = None
    birth_date: Day
    death_date: Day | None = None
    gender: Coded
    nationality: Coded | None = None
    citizenship: Coded
    life_status: Coded
    """`0` is alive in ГБД ФЛ."""
    birth_place: PostalAddress | None = None
    address: PostalAddress | None = None
    documents: list[IdentityDocument] = Field(default_factory=list)
    incapable_since: Day | None = None
    missing_since: Day | None = None
    excluded: Coded | None = None
    """Why the person was taken off the register, if so."""
