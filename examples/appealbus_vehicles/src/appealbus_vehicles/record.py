"""What the register answers, and where in its answer each field stands."""

from datetime import date
from typing import Annotated, Literal

from appealbus.core.readings import At, By, bare
from appealbus.schemas import Iin, Record
from appealbus.schemas.base import Model
from appealbus.schemas.record import Coded
from pydantic import Field


class Vehicle(Model):
    """One vehicle."""

    plate: Annotated[str, At("plate")]
    kind: Annotated[Coded | None, At("kind")] = None
    registered_on: Annotated[date | None, At("registered")] = None
    arrested: Annotated[bool, At("arrested")] = False


class Vehicles(Record):
    """The vehicles of one person. The name of the type begins with a name of our own."""

    type: Literal["vehicles.Vehicles"] = "vehicles.Vehicles"
    owner: Annotated[Iin, By(bare, "owner", word="number")]
    vehicles: Annotated[list[Vehicle], At("vehicle")] = Field(default_factory=list)
