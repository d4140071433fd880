"""Settings of ГБД ФЛ."""

from appealbus.core.config.types import Secret
from appealbus.core.replies.codes import BusinessCodes


class GbdflSettings(BusinessCodes):
    """The table `[plugins.gbdfl]`."""

    sender_code: str = "APPEALBUS"
    """The code by which ГБД ФЛ knows your system: given when the rules of interaction are agreed."""
    kdp_token: Secret | None = None
    """Token of consent (КДП), where your agreement with the owner names one for all questions."""
    public_key: Secret | None = None
    """The key that belongs to the token."""
    success_codes: frozenset[str] = frozenset({"00000"})
    """Codes of `messageResult` that mean: dealt with."""
