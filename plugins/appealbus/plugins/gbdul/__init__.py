"""ГБД ЮЛ, the register of legal entities: who stands behind a БИН, and who leads that organisation."""

from appealbus.core import Settings, hookimpl
from appealbus.plugins.gbdul.lookups import OrganisationByBin, RightHolder
from appealbus.plugins.gbdul.settings import GbdulSettings


@hookimpl
def register_settings() -> type[Settings]:
    """Say what `[plugins.gbdul]` may hold."""
    return GbdulSettings


@hookimpl
def register_lookups(settings: GbdulSettings) -> list[OrganisationByBin | RightHolder]:
    """Bring the two questions."""
    return [OrganisationByBin(settings), RightHolder(settings)]
