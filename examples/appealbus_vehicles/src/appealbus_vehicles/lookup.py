"""What is asked of the register of vehicles."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from appealbus.core import From, Outcome, Query, not_found
from appealbus.core.readings import Declared, Reading, Send, Take
from appealbus.core.replies.xmlschema import MessageSchema
from appealbus.schemas import Iin, Record

from appealbus_vehicles.record import Vehicles

NAMESPACE = "urn:example:vehicles"


class OwnerQuery(Query):
    """The applicant, by the ИИН that ГБД ФЛ has: known even where the letter gives only a name and a birth date."""

    iin: Annotated[Iin, From("gbdfl.person/iin")]


class VehiclesOfApplicant(Declared[OwnerQuery, Vehicles]):
    """Which vehicles the applicant owns."""

    name = "vehicles.owned"
    purpose = "establish which vehicles the applicant owns"
    schema = MessageSchema(Path(__file__).parent / "contract" / "vehicles.xsd", f"{{{NAMESPACE}}}Answer")
    send = Send(f"{{{NAMESPACE}}}Question", {"iin": "iin", "former": lambda asking: asking.settings.former})
    take = Take(Reading(Vehicles), ".", code="code", same={"iin": "owner"}, what="person")

    def choose(self, records: Sequence[Vehicles], query: OwnerQuery) -> Outcome[Vehicles] | Outcome[Record]:
        """Return `not_found` where the register answers about the right person, who owns none."""
        outcome = super().choose(records, query)
        return not_found() if isinstance(outcome.record, Vehicles) and not outcome.record.vehicles else outcome
