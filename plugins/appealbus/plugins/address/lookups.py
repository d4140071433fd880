"""What is asked of the address register."""

from pathlib import Path
from typing import Annotated

from lxml import etree

from appealbus.core import From, FromAll, Lookup, Outcome, Query, Request, Source, found, invalid, not_found
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
        return _only([each for each in addresses if each.rka == query.rka], known=bool(addresses))


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
        matching = [each for each in addresses if each.cadastral_number == number]
        in_use = [each for each in matching if each.actual]
        return _only(in_use or matching, known=bool(addresses))


async def _ask(by: str, value: str, source: Source, settings: AddressSettings) -> list[Address] | Outcome[Record]:
    reply = await source.call(Request(address_request(by, value)))
    answer = element_of(reply)
    SCHEMA.check(answer)
    return settings.failure("address", result_code(answer)) or addresses_from(answer)


def _only(matching: list[Address], *, known: bool) -> Outcome[Address] | Outcome[Record]:
    if len(matching) == 1:
        return found(matching[0])
    if matching:
        return invalid("address.repeated", f"the reply describes the address {len(matching)} times")
    return invalid("address.other", "the reply is about another address") if known else not_found()


def address_request(by: str, value: str) -> etree._Element:
    """Return the question: `by` is `RCA` or `CadastreNumber`."""
    message = etree.Element(f"{{{NAMESPACE}}}Request", nsmap={"a": NAMESPACE})
    etree.SubElement(message, by).text = value
    return message
