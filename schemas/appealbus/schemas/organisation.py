"""A legal entity as the register of legal entities (ГБД ЮЛ) knows it."""

from typing import Literal

from pydantic import Field

from appealbus.schemas.base import Day, Model, Text
from appealbus.schemas.record import Coded, Record


class Leader(Model):
    """The person who acts for an organisation."""

    iin: Text | None = None
    surname: Text | None = None
    name: Text | None = None
    patronymic: Text | None = None
    position: Text | None = None
    since: Day | None = None
    until: Day | None = None


class Founder(Model):
    """A founder: a person (iin) or an organisation (bin)."""

    iin: Text | None = None
    bin: Text | None = None
    name: Text | None = None
    percent: Text | None = None


class LegalAddress(Model):
    """The registered address; РКА and КАТО where the register gives them."""

    rka: Text | None = None
    kato: Text | None = None
    text_ru: Text | None = None
    text_kk: Text | None = None


class Organisation(Record):
    """Who stands behind a БИН."""

    type: Literal["Organisation"] = "Organisation"
    bin: Text
    name_ru: Text
    name_kk: Text | None = None
    """ГБД ЮЛ has it of all but non-residents."""
    short_name_ru: Text | None = None
    short_name_kk: Text | None = None
    registration_status: Coded
    registered_on: Day
    registered_by: Coded | None = None
    liquidated_on: Day | None = None
    legal_form: Coded | None = None
    inactive_taxpayer: bool | None = None
    leader: Leader | None = None
    founders: list[Founder] = Field(default_factory=list)
    activities: list[Coded] = Field(default_factory=list)
    address: LegalAddress | None = None
