from typing import Annotated, Literal

from appealbus.core import From, Lookup, Outcome, Query, Request, Source, found, hookimpl, not_found
from appealbus.core.replies.xmlread import element_of, text
from appealbus.schemas import Kato, Record


class Akim(Record):
    type: Literal["first.Akim"] = "first.Akim"
    name: str


class PlaceQuery(Query):
    kato: Annotated[Kato, From("place.kato", "addressee.kato")]


class AkimOfPlace(Lookup[PlaceQuery, Akim]):
    """Who answers for the place that the appeal is about."""

    name = "akims.akim"
    purpose = "find whom to forward the appeal to"

    async def ask(self, query: PlaceQuery, source: Source) -> Outcome[Record]:
        reply = await source.call(Request({"kato": query.kato}))
        name = text(element_of(reply), "name")
        return found(Akim(name=name)) if name else not_found()


@hookimpl
def register_lookups() -> list[Lookup[PlaceQuery, Akim]]:
    return [AkimOfPlace()]
