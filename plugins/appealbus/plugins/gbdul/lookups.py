"""What is asked of ГБД ЮЛ."""

from pathlib import Path
from typing import Annotated

from appealbus.core import From, FromAll, Query
from appealbus.core.readings import Declared, Send
from appealbus.core.replies.xmlschema import MessageSchema
from appealbus.plugins.gbdul.reading import TAKE
from appealbus.schemas.identifiers import Bin
from appealbus.schemas.organisation import Organisation

NAMESPACE = "http://smartbridge.b10.kz"
SCHEMA = MessageSchema(Path(__file__).parent / "contract" / "gbdul.xsd", f"{{{NAMESPACE}}}sendMessageResponse")


class OrganisationQuery(Query):
    """Every organisation of the appeal: the applicant, and those that the text names by БИН."""

    bin: Annotated[Bin, FromAll("applicant.bin", "mentions.bins[*].value")]


class RightHolderQuery(Query):
    """Every organisation that holds a right to a parcel of the appeal."""

    bin: Annotated[Bin, From("egkn.parcel/rights[*].holder.bin")]


SEND = Send(
    f"{{{NAMESPACE}}}sendMessageRequest",
    {"RequestorBIN": lambda asking: asking.settings.requestor_bin, "BIN": "bin"},
)


class OrganisationByBin(Declared[OrganisationQuery, Organisation]):
    """Which organisation writes or is written about, and who leads it."""

    name = "gbdul.organisation"
    purpose = "identify the organisation and the person who acts for it"
    schema = SCHEMA
    send = SEND
    take = TAKE


class RightHolder(Declared[RightHolderQuery, Organisation]):
    """Which organisation holds a right to the parcel: the applicant may be the one who leads it."""

    name = "gbdul.right_holder"
    purpose = "find who leads the organisation that holds the right to the parcel"
    schema = SCHEMA
    send = SEND
    take = TAKE
