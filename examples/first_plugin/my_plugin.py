from typing import Annotated, Literal

from appealbus.core import From, Lookup, Query, hookimpl
from appealbus.core.readings import At, Declared, Reading, Send, Take
from appealbus.schemas import Kato, Record


class Akim(Record):
    type: Literal["first.Akim"] = "first.Akim"
    kato: Annotated[Kato, At("kato")]
    name: Annotated[str, At("name")]


class PlaceQuery(Query):
    kato: Annotated[Kato, From("place.kato", "addressee.kato")]


class AkimOfPlace(Declared[PlaceQuery, Akim]):
    """Who answers for the place that the appeal is about."""

    name = "akims.akim"
    purpose = "find whom to forward the appeal to"
    send = Send("{urn:example:akims}AkimRequest", {"kato": "kato"}, qualified=True)
    take = Take(Reading(Akim), "akim", same=("kato",))


@hookimpl
def register_lookups() -> list[Lookup[PlaceQuery, Akim]]:
    return [AkimOfPlace()]
