"""What is asked of ЕГКН."""

from pathlib import Path
from typing import Annotated

from lxml import etree

from appealbus.core import FromAll, Lookup, Outcome, Query, Request, Source
from appealbus.core.replies.subject import the_one
from appealbus.core.replies.xmlread import element_of
from appealbus.core.replies.xmlschema import MessageSchema
from appealbus.plugins.egkn.reading import parcels_from, result_code
from appealbus.plugins.egkn.settings import EgknSettings
from appealbus.schemas.identifiers import CadastralNumber
from appealbus.schemas.parcel import Parcel
from appealbus.schemas.record import Record

NAMESPACE = "urn:appealbus:egkn:parcel"
SCHEMA = MessageSchema(Path(__file__).parent / "contract" / "egkn.xsd", f"{{{NAMESPACE}}}Response")


class ParcelQuery(Query):
    """Every parcel of the appeal: those of the form's fields, and those that the text names."""

    cadastral_number: Annotated[
        CadastralNumber, FromAll("parcels[*].cadastral_number", "mentions.cadastral_numbers[*].value")
    ]


class ParcelByNumber(Lookup[ParcelQuery, Parcel]):
    """Which parcel it is, who holds a right to it and what burdens it."""

    name = "egkn.parcel"
    purpose = "establish who holds rights to the parcel that the appeal is about, and what burdens it"

    def __init__(self, settings: EgknSettings) -> None:
        self.settings = settings

    async def ask(self, query: ParcelQuery, source: Source) -> Outcome[Parcel] | Outcome[Record]:
        """Ask, and make sure that the answer is about the parcel that was asked about."""
        reply = await source.call(Request(parcel_request(query.cadastral_number, self.settings.inside_service_id)))
        answer = element_of(reply)
        SCHEMA.check(answer)
        failure = self.settings.failure("egkn", result_code(answer))
        if failure is not None:
            return failure
        number = query.cadastral_number
        return the_one(
            parcels_from(answer), lambda parcel: parcel.cadastral_number == number, source="egkn", what="parcel"
        )


def parcel_request(cadastral_number: str, inside_service_id: str) -> etree._Element:
    """Return the question, the number written with the colons that ЕГКН uses."""
    message = etree.Element(f"{{{NAMESPACE}}}Request", nsmap={"e": NAMESPACE})
    business = etree.SubElement(message, "BusinessData")
    etree.SubElement(business, "InsideServiceId").text = inside_service_id
    etree.SubElement(business, "CadastrNum").text = cadastral_number.replace("-", ":")
    return message
