"""The address register (Адресный регистр): what address an address code (РКА) or a parcel's cadastral number has.

The schema of its service is not published; what is, is its open data. The messages in `contract/address.xsd` are our
model, made of the fields of those. When the owner publishes a service, the contract and `reading.py` change; the
lookups, the record and all that rests on them stay.
"""

from appealbus.core import Settings, hookimpl
from appealbus.plugins.address.lookups import AddressByCadastralNumber, AddressByRka
from appealbus.plugins.address.settings import AddressSettings


@hookimpl
def register_settings() -> type[Settings]:
    """Say what `[plugins.address]` may hold."""
    return AddressSettings


@hookimpl
def register_lookups(settings: AddressSettings) -> list[AddressByRka | AddressByCadastralNumber]:
    """Bring the questions."""
    return [AddressByRka(settings), AddressByCadastralNumber(settings)]
