"""Exceptions that become error pages."""

from collections.abc import Mapping

from appealbus.core import AppealBusError

_MENDED = 422


class Refused(AppealBusError):
    """The request is refused; the message is for the person, in their language.

    Attributes:
        status: of the answer.
        headers: of the answer.
        again: whether the refused form can be sent again, unchanged or corrected.
    """

    def __init__(
        self, status: int, text: str, headers: Mapping[str, str] | None = None, *, again: bool = False
    ) -> None:
        super().__init__(text)
        self.again = again or status == _MENDED
        self.status = status
        self.headers = dict(headers or {})


class SignInNeeded(AppealBusError):
    """Nobody is signed in."""
