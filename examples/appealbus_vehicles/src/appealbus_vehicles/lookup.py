"""What is asked of the register of vehicles."""

from pathlib import Path
from typing import Annotated

from appealbus.core import From, Lookup, Outcome, Query, Request, Source, found, invalid, not_found
from appealbus.core.replies.subject import same_number
from appealbus.core.replies.xmlread import bool_of, children, coded, date_of, element_of, require_text
from appealbus.core.replies.xmlschema import MessageSchema
from appealbus.schemas import Iin, Record
from lxml import etree

from appealbus_vehicles.record import Vehicle, Vehicles
from appealbus_vehicles.settings import VehiclesSettings

NAMESPACE = "urn:example:vehicles"
SCHEMA = MessageSchema(Path(__file__).parent / "contract" / "vehicles.xsd", f"{{{NAMESPACE}}}Answer")


class OwnerQuery(Query):
    """The applicant, by the ИИН that ГБД ФЛ has: known even where the letter gives only a name and a birth date."""

    iin: Annotated[Iin, From("gbdfl.person/iin")]


class VehiclesOfApplicant(Lookup[OwnerQuery, Vehicles]):
    """Which vehicles the applicant owns."""

    name = "vehicles.owned"
    purpose = "establish which vehicles the applicant owns"

    def __init__(self, settings: VehiclesSettings) -> None:
        self.settings = settings

    async def ask(self, query: OwnerQuery, source: Source) -> Outcome[Record]:
        """Ask for the applicant's vehicles."""
        question = etree.Element(f"{{{NAMESPACE}}}Question", nsmap={"v": NAMESPACE})
        etree.SubElement(question, "iin").text = query.iin
        etree.SubElement(question, "former").text = str(self.settings.former).lower()
        answer = element_of(await source.call(Request(question)))
        SCHEMA.check(answer)
        failure = self.settings.failure("vehicles", require_text(answer, "code"))
        if failure is not None:
            return failure
        if not same_number(query.iin, require_text(answer, "owner")):
            return invalid("vehicles.other_person", "the reply is about another person")
        vehicles = [vehicle_from(element) for element in children(answer, "vehicle")]
        return found(Vehicles(vehicles=vehicles)) if vehicles else not_found()


def vehicle_from(element: etree._Element) -> Vehicle:
    """Return one vehicle."""
    return Vehicle(
        plate=require_text(element, "plate"),
        kind=coded(element, "kind"),
        registered_on=date_of(element, "registered"),
        arrested=bool_of(element, "arrested") or False,
    )
