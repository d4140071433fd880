"""What an intake, a delivery and a work queue have in common, and how plugins register them."""

from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

from appealbus.core.config.types import Settings
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


P_co = TypeVar("P_co", covariant=True)


class Factory(Generic[P_co]):
    """Makes wires, intakes, deliveries or work queues of one sort, one for each table that names it.

    `Factory("http", HttpSettings, HttpIntake)` is all that an intake needs. A part that takes more than its name and
    its settings gets it by `functools.partial`: `Factory("soap", SoapSettings, partial(SoapWire, http=http))`.
    """

    def __init__(self, name: str, settings: type[S], make: Callable[[str, S], P_co]) -> None:
        """Bind a name to a class.

        Args:
            name: what the configuration writes: `kind = "http"`, of a source `connector = "soap"`.
            settings: the model of the table that names it, beside what the bus itself reads there.
            make: makes a part of the name of its table and of its settings: a class, most often. No side effects,
                those belong into the part's `start`. Raises ConfigError where the settings cannot hold together.

        Raises:
            TypeError: the name is empty or no text, `settings` is no model of settings (perhaps the two classes stand
                the wrong way round), or `make` cannot be called.
        """
        if not (isinstance(name, str) and name):
            raise TypeError(f"Factory({name!r}, …): the name must be a text that is not empty")
        if not (isinstance(settings, type) and issubclass(settings, Settings)):
            raise TypeError(f"Factory({name!r}, settings, make): settings must be a subclass of Settings")
        if not callable(make):
            raise TypeError(f"Factory({name!r}, settings, make): make must be a class or a function")
        self.name: Final = name
        self.settings: Final[type[Settings]] = settings
        self.make: Final[Callable[..., P_co]] = make
