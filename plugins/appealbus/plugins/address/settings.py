"""Settings of the address register."""

from appealbus.core.replies.codes import BusinessCodes


class AddressSettings(BusinessCodes):
    """The table `[plugins.address]`."""

    success_codes: frozenset[str] = frozenset({"000"})
    """Values of `Result/Code` that mean: dealt with."""
