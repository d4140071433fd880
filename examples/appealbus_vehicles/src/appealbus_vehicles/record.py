"""What the register answers."""

from datetime import date
from typing import Literal

from appealbus.schemas.base import Model
from appealbus.schemas.record import Coded, Record


class Vehicle(Model):
    """One vehicle."""

    plate: str
    kind: Coded | None = None
    registered_on: date | None = None
    arrested: bool = False


class Vehicles(Record):
    """The vehicles of one person. The name of the type begins with a name of our own."""

    type: Literal["vehicles.Vehicles"] = "vehicles.Vehicles"
    vehicles: list[Vehicle]
