"""Lookups in the address register."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from appealbus.core import From, FromAll, Outcome, Query
from appealbus.core.readings import Declared, Send, Take
from appealbus.core.replies.xmlschema import MessageSchema
from appealbus.plugins.address.reading import ADDRESS
from appealbus.schemas.address import Address
from appealbus.schemas.identifiers import CadastralNumber, Rka
from appealbus.schemas.record import Record

NAMESPACE = "urn:appealbus:address:object"
SCHEMA = MessageSchema(Path(__file__).parent / "contract" / "address.xsd", f"{{{NAMESPACE}}}Response")
REQUEST = f"{{{NAMESPACE}}}Request"


class RkaQuery(Query):
    """The place that the appeal is about."""

    rka: Annotated[Rka, From("place.rka")]


class CadastralNumberQuery(Query):
    """Every parcel of the appeal: those of the form's fields, and those that the text names."""

    cadastral_number: Annotated[
        CadastralNumber, FromAll("parcels[*].cadastral_number", "mentions.cadastral_numbers[*].value")
    ]


class AddressByRka(Declared[RkaQuery, Address]):
    """Which address has the code that the appeal names."""

    name = "address.by_rka"
    purpose = "establish the place that the appeal is about"
    schema = SCHEMA
    send = Send(REQUEST, {"RCA": "rka"})
    take = Take(ADDRESS, "Object", code="Result/Code", same=("rka",))


class AddressByCadastralNumber(Declared[CadastralNumberQuery, Address]):
    """Which address the parcel has."""

    name = "address.by_cadastral_number"
    purpose = "establish where the parcel lies that the appeal is about"
    schema = SCHEMA
    send = Send(REQUEST, {"CadastreNumber": ("cadastral_number", lambda number: number.replace("-", ":"))})
    take = Take(ADDRESS, "Object", code="Result/Code", same=("cadastral_number",))

    def choose(self, records: Sequence[Address], query: CadastralNumberQuery) -> Outcome[Address] | Outcome[Record]:
        """Return the address in use; a parcel also keeps its former ones."""
        in_use = [record for record in records if self.take.is_asked(query, record) and record.actual]
        return super().choose(in_use or records, query)
