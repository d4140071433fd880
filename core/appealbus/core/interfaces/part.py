"""What all parts have in common that may keep connections open."""

from collections.abc import Sequence

from appealbus.core.interfaces.link import LinkState
from appealbus.core.interfaces.wire import Health


class Part:
    """An intake, a delivery or a work queue, as `appealbus check` and monitoring see it."""

    async def health(self) -> Health | None:
        """Say whether its other side can be reached, without starting it; None where there is none. Never raises.

        `appealbus check --online` asks. Connect anew for it, make nothing there, and let go of the connection.
        """
        return None

    def links(self) -> Sequence[LinkState]:
        """Say how the connections that it keeps open stand."""
        return ()
