"""Address register (Адресный регистр): the address for an address code (РКА) or for a parcel's cadastral number.

The service's schema is not public, but its open data is. `contract/address.xsd` is our own model of the messages,
built from the fields of that data. When the owner publishes a service, only the contract and `reading.py` change.
"""

from appealbus.core import Settings, hookimpl
from appealbus.plugins.address.lookups import AddressByCadastralNumber, AddressByRka
from appealbus.plugins.address.settings import AddressSettings


@hookimpl
def register_settings() -> type[Settings]:
    return AddressSettings


@hookimpl
def register_lookups(settings: AddressSettings) -> list[AddressByRka | AddressByCadastralNumber]:
    return [AddressByRka(settings), AddressByCadastralNumber(settings)]
