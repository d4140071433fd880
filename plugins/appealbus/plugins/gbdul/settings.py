"""Settings of ГБД ЮЛ."""

from appealbus.core.replies.codes import BusinessCodes
from appealbus.schemas.identifiers import Bin


class GbdulSettings(BusinessCodes):
    """The table `[plugins.gbdul]`."""

    requestor_bin: Bin = "210740000018"
    """БИН of the state body that owns the asking system. The default belongs to nobody and suits the simulator."""
    success_codes: frozenset[str] = frozenset({"002"})
    """Codes of `Status` that mean: dealt with."""
