"""ГБД ЮЛ, the register of legal entities: an organisation by БИН, and its leader."""

from appealbus.core import Settings, hookimpl
from appealbus.plugins.gbdul.lookups import OrganisationByBin, RightHolder
from appealbus.plugins.gbdul.settings import GbdulSettings


@hookimpl
def register_settings() -> type[Settings]:
    return GbdulSettings


@hookimpl
def register_lookups(settings: GbdulSettings) -> list[OrganisationByBin | RightHolder]:
    return [OrganisationByBin(settings), RightHolder(settings)]
