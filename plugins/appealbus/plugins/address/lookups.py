"""What is asked of the address register."""

from pathlib import Path
from typing import Annotated

from lxml import etree

from appealbus.core import From, FromAll, Lookup, Outcome, Query, Request, Source
from appealbus.core.replies.subject import the_one
from appealbus.core.replies.xmlread import element_of
from appealbus.core.replies.xmlschema import MessageSchema
from appealbus.plugins.address.reading import addresses_from, result_code
from appealbus.plugins.address.settings import AddressSettings
from appealbus.schemas.address import Address
from appealbus.schemas.identifiers import CadastralNumber, Rka
from appealbus.schemas.record import Record

NAMESPACE = "urn:appealbus:address:object"
SCHEMA = MessageSchema(Path(__file__).parent / "contract" / "address.xsd", f"{{{NAMESPACE}}}Response")


class RkaQuery(Query):
    """The place that the appeal is about."""

    rka: Annotated[Rka, From("place.rka")]


class CadastralNumberQuery(Query):
    """Every parcel of the appeal: those of the form's fields, and those that the text names."""

    cadastral_number: Annotated[
        CadastralNumber, FromAll("parcels[*].cadastral_number", "mentions.cadastral_numbers[*].value")
    ]


class AddressByRka(Lookup[RkaQuery, Address]):
    """Which address has the code that the appeal names."""

    name = "address.by_rka"
    purpose = "establish the place that the appeal is about"

    def __init__(self, settings: AddressSettings) -> None:
        self.settings = settings

    async def ask(self, query: RkaQuery, source: Source) -> Outcome[Address] | Outcome[Record]:
        """Ask, and make sure that the answer is about the address that was asked about."""
        addresses = await _ask("RCA", query.rka, source, self.settings)
        if isinstance(addresses, Outcome):
            return addresses
        return the_one(addresses, lambda address: address.rka == query.rka, source="address", what="address")


class AddressByCadastralNumber(Lookup[CadastralNumberQuery, Address]):
    """Which address the parcel has."""

    name = "address.by_cadastral_number"
    purpose = "establish where the parcel lies that the appeal is about"

    def __init__(self, settings: AddressSettings) -> None:
        self.settings = settings

    async def ask(self, query: CadastralNumberQuery, source: Source) -> Outcome[Address] | Outcome[Record]:
        """Ask, and take the address in use: a parcel keeps those that were given up."""
        number = query.cadastral_number
        addresses = await _ask("CadastreNumber", number.replace("-", ":"), source, self.settings)
        if isinstance(addresses, Outcome):
            return addresses
        in_use = [each for each in addresses if each.cadastral_number == number and each.actual]
        return the_one(
            in_use or addresses, lambda address: address.cadastral_number == number, source="address", what="address"
        )


async def _ask(by: str, value: str, source: Source, settings: AddressSettings) -> list[Address] | Outcome[Record]:
    reply = await source.call(Request(address_request(by, value)))
    answer = element_of(reply)
    SCHEMA.check(answer)
    return settings.failure("address", result_code(answer)) or addresses_from(answer)


def address_request(by: str, value: str) -> etree._Element:
    """Return the question: `by` is `RCA` or `CadastreNumber`."""
    message = etree.Element(f"{{{NAMESPACE}}}Request", nsmap={"a": NAMESPACE})
    etree.SubElement(message, by).text = value
    return message
