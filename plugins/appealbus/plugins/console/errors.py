"""What becomes a page that says what is wrong."""

from collections.abc import Mapping

from appealbus.core.errors import AppealBusError


class Refused(AppealBusError):
    """The request cannot be done; the text tells a person why, in their language.

    Attributes:
        status: of the answer.
        headers: of the answer.

    """

    def __init__(self, status: int, text: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.headers = dict(headers or {})


class SignInNeeded(AppealBusError):
    """Nobody is signed in."""
