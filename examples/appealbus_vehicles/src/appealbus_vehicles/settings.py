"""What can be set about the register of vehicles."""

from appealbus.core.replies.codes import BusinessCodes


class VehiclesSettings(BusinessCodes):
    """The table `[plugins.vehicles]`."""

    success_codes: frozenset[str] = frozenset({"0"})
    """Values of `code` that mean: dealt with."""
    former: bool = False
    """Ask also for vehicles that the person has sold."""
