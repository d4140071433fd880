"""A register of vehicles that does not exist: a whole plugin for appealbus, as a third party would ship it."""

from appealbus.core import Assessor, Settings, hookimpl

from appealbus_vehicles.assessor import ArrestedVehicles
from appealbus_vehicles.lookup import VehiclesOfApplicant
from appealbus_vehicles.settings import VehiclesSettings

appealbus_api = 1
"""The plugin API of appealbus that this is written for."""


@hookimpl
def register_settings() -> type[Settings]:
    """Say what `[plugins.vehicles]` may hold."""
    return VehiclesSettings


@hookimpl
def register_lookups(settings: VehiclesSettings) -> list[VehiclesOfApplicant]:
    """Bring the question."""
    return [VehiclesOfApplicant(settings)]


@hookimpl
def register_assessors() -> list[Assessor]:
    """Bring the rule."""
    return [ArrestedVehicles()]
