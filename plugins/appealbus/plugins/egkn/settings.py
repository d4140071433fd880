"""Settings of ЕГКН."""

from appealbus.core.replies.codes import BusinessCodes


class EgknSettings(BusinessCodes):
    """The table `[plugins.egkn]`."""

    inside_service_id: str = "GET_PARCEL"
    """What the request names as InsideServiceId."""
    success_codes: frozenset[str] = frozenset({"310"})
    """Values of `ResultCode` that mean: dealt with."""
