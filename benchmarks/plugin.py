"""The agency's plugin, as an integrator would write it."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

from contract import FIELDS, NS
from lxml import etree
from pydantic import create_model

from appealbus.core import (
    From,
    Lookup,
    Outcome,
    Query,
    Request,
    Source,
    found,
    hookimpl,
)
from appealbus.schemas import Record

_TYPES = {"text": str, "day": date, "amount": Decimal}
_COLUMNS: dict[str, Any] = {name: (_TYPES[name.rstrip("0123456789")], ...) for name in FIELDS}
_COLUMNS["type"] = (Literal["benchmark.Entry"], "benchmark.Entry")
Entry = create_model("Entry", __base__=Record, **_COLUMNS)


def _request(record_id: str) -> Request:
    body = etree.Element(f"{{{NS}}}GetRecord", nsmap={"t": NS})
    etree.SubElement(body, f"{{{NS}}}id").text = record_id
    return Request(body)


async def _ask(record_id: str, source: Source) -> Outcome[Record]:
    reply = await source.call(_request(record_id))
    cut = len(NS) + 2
    return found(Entry.model_validate({field.tag[cut:]: field.text for field in reply.body}))  # type: ignore[union-attr]


class FirstQuery(Query):
    """By document."""

    number: Annotated[str, From("applicant.document_number")]


class First(Lookup[FirstQuery, Record]):
    """The first record."""

    name = "agency.first"
    purpose = "benchmark"

    async def ask(self, query: FirstQuery, source: Source) -> Outcome[Record]:
        return await _ask(query.number, source)


class SecondQuery(Query):
    """By an earlier appeal."""

    number: Annotated[str, From("repeats[*]")]


class Second(Lookup[SecondQuery, Record]):
    """The second record."""

    name = "agency.second"
    purpose = "benchmark"

    async def ask(self, query: SecondQuery, source: Source) -> Outcome[Record]:
        return await _ask(query.number, source)


@hookimpl
def register_lookups() -> list[Lookup[Any, Any]]:
    return [First(), Second()]
