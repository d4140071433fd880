"""What follows from the vehicles."""

from collections.abc import Iterator

from appealbus.core import Assessor, records
from appealbus.schemas import Dossier, Severity, Signal

from appealbus_vehicles.record import Vehicles


class ArrestedVehicles(Assessor):
    """Says when a vehicle of the applicant is under arrest."""

    name = "vehicles"

    def assess(self, dossier: Dossier) -> Iterator[Signal]:
        """Return a signal for each vehicle under arrest, with the field it rests on."""
        for path, record in records(dossier, "vehicles.owned", Vehicles):
            for i, vehicle in enumerate(record.vehicles):
                if vehicle.arrested:
                    yield Signal(
                        assessor=self.name,
                        code="vehicles.arrest",
                        severity=Severity.WARNING,
                        message_ru="Транспортное средство заявителя находится под арестом",
                        message_kk="Өтініш берушінің көлік құралына тыйым салынған",
                        message_en="A vehicle of the applicant is under arrest",
                        fields=[f"{path}vehicles[{i}].arrested"],
                    )
