"""ЕГКН, the state cadastre: a parcel by cadastral number, with its rights and encumbrances.

ЕГКН publishes no service for this query. The messages in `contract/egkn.xsd` are our own model, built from the
published EgknGeoportalActualization message. When the owner publishes a service, only the contract and `reading.py`
change.
"""

from appealbus.core import Settings, hookimpl
from appealbus.plugins.egkn.lookups import ParcelByNumber
from appealbus.plugins.egkn.settings import EgknSettings


@hookimpl
def register_settings() -> type[Settings]:
    return EgknSettings


@hookimpl
def register_lookups(settings: EgknSettings) -> list[ParcelByNumber]:
    return [ParcelByNumber(settings)]
