"""A plugin for the tests: asks the address register the same as `address`, as a source whose answers come later."""

from typing import Any

from appealbus.core import Lookup, hookimpl
from appealbus.plugins.address.lookups import AddressByCadastralNumber, AddressByRka
from appealbus.plugins.address.settings import AddressSettings


class RkaLater(AddressByRka):
    """By the code of an address."""

    name = "later.by_rka"


class CadastralNumberLater(AddressByCadastralNumber):
    """By the number of a parcel."""

    name = "later.by_cadastral_number"


@hookimpl
def register_lookups() -> list[Lookup[Any, Any]]:
    """Bring the questions."""
    return [RkaLater(AddressSettings()), CadastralNumberLater(AddressSettings())]
