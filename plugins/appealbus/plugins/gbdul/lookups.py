"""What is asked of ГБД ЮЛ."""

from pathlib import Path
from typing import Annotated

from lxml import etree

from appealbus.core import From, FromAll, Lookup, Outcome, Query, Request, Source
from appealbus.core.replies.subject import the_one
from appealbus.core.replies.xmlread import element_of
from appealbus.core.replies.xmlschema import MessageSchema
from appealbus.plugins.gbdul.reading import organisations_from, status_code
from appealbus.plugins.gbdul.settings import GbdulSettings
from appealbus.schemas.identifiers import Bin
from appealbus.schemas.organisation import Organisation
from appealbus.schemas.record import Record

NAMESPACE = "http://smartbridge.b10.kz"
SCHEMA = MessageSchema(Path(__file__).parent / "contract" / "gbdul.xsd", f"{{{NAMESPACE}}}sendMessageResponse")


class OrganisationQuery(Query):
    """Every organisation of the appeal: the applicant, and those that the text names by БИН."""

    bin: Annotated[Bin, FromAll("applicant.bin", "mentions.bins[*].value")]


class RightHolderQuery(Query):
    """Every organisation that holds a right to a parcel of the appeal."""

    bin: Annotated[Bin, From("egkn.parcel/rights[*].holder.bin")]


class OrganisationByBin(Lookup[OrganisationQuery, Organisation]):
    """Which organisation writes or is written about, and who leads it."""

    name = "gbdul.organisation"
    purpose = "identify the organisation and the person who acts for it"

    def __init__(self, settings: GbdulSettings) -> None:
        self.settings = settings

    async def ask(self, query: OrganisationQuery, source: Source) -> Outcome[Organisation] | Outcome[Record]:
        """Ask for an organisation of the appeal."""
        return await ask_for_organisation(query.bin, source, self.settings)


class RightHolder(Lookup[RightHolderQuery, Organisation]):
    """Which organisation holds a right to the parcel: the applicant may be the one who leads it."""

    name = "gbdul.right_holder"
    purpose = "find who leads the organisation that holds the right to the parcel"

    def __init__(self, settings: GbdulSettings) -> None:
        self.settings = settings

    async def ask(self, query: RightHolderQuery, source: Source) -> Outcome[Organisation] | Outcome[Record]:
        """Ask for an organisation that the cadastre names."""
        return await ask_for_organisation(query.bin, source, self.settings)


async def ask_for_organisation(
    bin_: str, source: Source, settings: GbdulSettings
) -> Outcome[Organisation] | Outcome[Record]:
    """Ask, and make sure that the answer is about the БИН that was asked about."""
    reply = await source.call(Request(organisation_request(bin_, settings.requestor_bin)))
    answer = element_of(reply)
    SCHEMA.check(answer)
    failure = settings.failure("gbdul", status_code(answer))
    if failure is not None:
        return failure
    return the_one(organisations_from(answer), lambda it: it.bin == bin_, source="gbdul", what="organisation")


def organisation_request(bin_: str, requestor_bin: str) -> etree._Element:
    """Return the question as the register wants it."""
    message = etree.Element(f"{{{NAMESPACE}}}sendMessageRequest", nsmap={"sb": NAMESPACE})
    etree.SubElement(message, "RequestorBIN").text = requestor_bin
    etree.SubElement(message, "BIN").text = bin_
    return message
