"""Services: long-running parts that live as long as the bus."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from appealbus.core.bus.bus import Bus


class Service(ABC):
    """An API, a console, a metrics endpoint."""

    name: ClassVar[str]
    through_drain: ClassVar[bool] = False
    """Whether it goes on while the bus drains, to the very end. It must take nothing in then."""

    @abstractmethod
    async def run(self, bus: "Bus") -> None:
        """Serve until cancelled. One that raises is logged, and started again after five seconds."""
