"""Refusals of the gateway, with the known codes of real endpoints."""

from typing import Final

from appealbus.core import AppealBusError

BAD_FORMAT: Final = "SCE001"
NO_SERVICE: Final = "SCE004"
SIGNATURE_EXPIRED: Final = "SCE005"
SIGNATURE_WRONG: Final = "SCE006"
NOT_SIGNED: Final = "SCE007"
DATA_SIGNATURE_EXPIRED: Final = "SCE015"
DATA_SIGNATURE_WRONG: Final = "SCE016"
DATA_NOT_SIGNED: Final = "SCE017"
INTERNAL_ERROR: Final = "SCE909"

SUCCESS: Final = "SCSS001"
BUSINESS_ERROR: Final = "SCSE001"
UNHANDLED_EXCEPTION: Final = "SCSE003"


class RequestRefused(AppealBusError):
    """The gateway refuses the request. `code` and `reason` go into the fault; neither quotes the request."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason
