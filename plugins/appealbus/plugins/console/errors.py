"""What becomes a page that says what is wrong."""

from collections.abc import Mapping

from appealbus.core.errors import AppealBusError

_MENDED = 422


class Refused(AppealBusError):
    """The request cannot be done; the text tells a person why, in their language.

    Attributes:
        status: of the answer.
        headers: of the answer.
        again: whether a form that was refused can be sent again, as it is or mended.

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
