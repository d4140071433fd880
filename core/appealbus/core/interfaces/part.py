"""What an intake, a delivery and a work queue have in common."""

from collections.abc import Sequence
from typing import Generic, TypeVar

from appealbus.core.config.base import Settings
from appealbus.core.interfaces.link import LinkState
from appealbus.core.interfaces.wire import Health

S = TypeVar("S", bound=Settings)


class Part(Generic[S]):
    """An intake, a delivery or a work queue, as `appealbus check` and monitoring see it."""

    def __init__(self, name: str, settings: S) -> None:
        """Keep the name of the table and what it holds. No side effects."""
        self.name = name
        self.config = settings

    async def health(self) -> Health | None:
        """Say whether its other side can be reached, without starting it; None where there is none. Never raises.

        `appealbus check --online` asks. Connect anew for it, make nothing there, and let go of the connection.
        """
        return None

    def links(self) -> Sequence[LinkState]:
        """Say how the connections that it keeps open stand."""
        return ()
