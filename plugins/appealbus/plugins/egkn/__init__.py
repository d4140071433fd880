"""ЕГКН, the state cadastre: what lies behind a cadastral number, who holds it and what burdens it.

No service of ЕГКН that answers such a question is published. The messages in `contract/egkn.xsd` are our model, made of
the parts of the published EgknGeoportalActualization message. When the owner publishes a service, the contract and
`reading.py` change; the lookup, its record and all that rests on it stay.
"""

from appealbus.core import Settings, hookimpl
from appealbus.plugins.egkn.lookups import ParcelByNumber
from appealbus.plugins.egkn.settings import EgknSettings


@hookimpl
def register_settings() -> type[Settings]:
    """Say what `[plugins.egkn]` may hold."""
    return EgknSettings


@hookimpl
def register_lookups(settings: EgknSettings) -> list[ParcelByNumber]:
    """Bring the question."""
    return [ParcelByNumber(settings)]
