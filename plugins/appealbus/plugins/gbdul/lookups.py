"""Lookups in ГБД ЮЛ."""

from pathlib import Path
from typing import Annotated, Any, ClassVar

from appealbus.core import Form, From, FromAll, Query, Reply, Shape
from appealbus.core.readings import Declared, Send, Take
from appealbus.core.replies.xmlread import child, element_of
from appealbus.core.replies.xmlschema import MessageSchema
from appealbus.plugins.gbdul.reading import TAKE, TAKE_NON_RESIDENT
from appealbus.schemas.identifiers import Bin
from appealbus.schemas.organisation import Organisation

NAMESPACE = "http://gbdulinfobybin_v2.egp.gbdul.tamur.kz"
SCHEMA = MessageSchema(Path(__file__).parent / "contract" / "gbdul.xsd", f"{{{NAMESPACE}}}Response")


class OrganisationQuery(Query):
    """Every organisation of the appeal: the applicant, and those that the text names by БИН."""

    bin: Annotated[Bin, FromAll("applicant.bin", "mentions.bins[*].value")]


class RightHolderQuery(Query):
    """Every organisation that holds a right to a parcel of the appeal."""

    bin: Annotated[Bin, From("egkn.parcel/rights[*].holder.bin")]


class _ByBin:
    decisive: ClassVar[tuple[str, ...]] = ("leader",)
    schema: ClassVar[MessageSchema | None] = SCHEMA
    send = Send(
        f"{{{NAMESPACE}}}Request",
        {"RequestorBIN": lambda asking: asking.settings.requestor_bin, "BIN": "bin"},
        form=Form(Shape.TEXT, signed=True),
    )
    take: ClassVar[Take[Any]] = TAKE

    def taken(self, reply: Reply) -> Take[Any]:
        """Return the organisation's path: non-residents have their own element."""
        answer = element_of(reply)
        resident, other = child(answer, "Organization"), child(answer, "IpsNerezident")
        is_other = other is not None and (resident is None or next(resident.iterchildren("*"), None) is None)
        return TAKE_NON_RESIDENT if is_other else TAKE


class OrganisationByBin(_ByBin, Declared[OrganisationQuery, Organisation]):
    """Which organisation writes or is written about, and who leads it."""

    name = "gbdul.organisation"
    purpose = "identify the organisation and the person who acts for it"


class RightHolder(_ByBin, Declared[RightHolderQuery, Organisation]):
    """Which organisation holds a right to the parcel: the applicant may be the one who leads it."""

    name = "gbdul.right_holder"
    purpose = "find who leads the organisation that holds the right to the parcel"
