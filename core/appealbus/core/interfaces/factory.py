"""Factories: how plugins register the parts that the configuration names."""

from collections.abc import Callable
from typing import Final, Generic, TypeVar

from appealbus.core.config.base import Settings

P_co = TypeVar("P_co", covariant=True)
S = TypeVar("S", bound=Settings)


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
