"""Lookup in ЕГКН."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from appealbus.core import FromAll, Outcome, Query
from appealbus.core.readings import Declared, Send
from appealbus.core.replies.xmlschema import MessageSchema
from appealbus.plugins.egkn.reading import TAKE, with_papers_together
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


class ParcelByNumber(Declared[ParcelQuery, Parcel]):
    """Which parcel it is, who holds a right to it and what burdens it."""

    name = "egkn.parcel"
    purpose = "establish who holds rights to the parcel that the appeal is about, and what burdens it"
    schema = SCHEMA
    decisive = ("rights", "encumbrances")
    send = Send(
        f"{{{NAMESPACE}}}Request",
        {
            "BusinessData/InsideServiceId": lambda asking: asking.settings.inside_service_id,
            "BusinessData/CadastrNum": ("cadastral_number", lambda number: number.replace("-", ":")),
        },
    )
    take = TAKE

    def choose(self, records: Sequence[Parcel], query: ParcelQuery) -> Outcome[Parcel] | Outcome[Record]:
        whole = [
            parcel.model_copy(update={"rights": with_papers_together(parcel.rights)})
            if len(parcel.rights) > 1
            else parcel
            for parcel in records
        ]
        return super().choose(whole, query)
