"""ЕГКН: how a parcel is asked for, and how the answer becomes a record."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from appealbus.core import Call, CallFailed, OutcomeKind, Source
from appealbus.core.planning.plan import Node
from appealbus.plugins.egkn import register_lookups
from appealbus.plugins.egkn.lookups import SCHEMA, ParcelQuery
from appealbus.plugins.egkn.settings import EgknSettings
from appealbus.schemas import Appeal

NUMBER, OTHER = "08-130-001-0001", "08-130-001-002"
IIN, BIN = "750301100019", "210740000018"
(LOOKUP,) = register_lookups(EgknSettings(refused_codes={"403"}))


def coded(tag: str, code: str, ru: str = "имя", kk: str = "аты") -> str:
    return f"<{tag}><ID>{code}</ID><NameRus>{ru}</NameRus><NameKaz>{kk}</NameKaz></{tag}>"


def parcel_xml(number: str = "08:130:001:0001", extra: str = "") -> str:
    return (
        "<ObjectInfo><ActionType>1</ActionType><Id>02036720200911000004</Id><Area>0.0799</Area>"
        f"{coded('Measure', '4', 'гектар', 'гектар')}{coded('FuncUse', '7010400100')}<TargetTxRu>огород</TargetTxRu>"
        f"<TargetTxKz>бақша</TargetTxKz>{coded('PurposeUse', '37')}<CadastrNum>{number}</CadastrNum>"
        "<Coordinates>MULTIPOLYGON(((1 2, 3 4, 5 6, 1 2)))</Coordinates><CoordinateSystem>32640</CoordinateSystem>"
        "<AddressData><Ate><AteCode>251454</AteCode><NameRu>Орал</NameRu></Ate>"
        "<AddressCode>2201900167046043</AddressCode><AddressNameRu>г. Уральск</AddressNameRu></AddressData>"
        f"{coded('LandCategory', 'landcat_znp')}{coded('LandDivisibility', 'divis_y')}{extra}</ObjectInfo>"
    )


def answer(*parcels: str, code: str = "310") -> str:
    return (
        '<e:Response xmlns:e="urn:appealbus:egkn:parcel"><BusinessData>'
        f"<Result><ResultCode>{code}</ResultCode></Result><Objects>{''.join(parcels)}</Objects>"
        "</BusinessData></e:Response>"
    )


SECTIONS = (
    "<Razdel2><RegDate>2020-09-14T18:13:08.060+06:00</RegDate>"
    f"<Owner><IINBIN>{IIN}</IINBIN><NameRus>ТЕСТОВ ТЕСТ</NameRus><IsFl>true</IsFl></Owner>{coded('RightType', '1011')}"
    f"{coded('OwnershipForm', '2')}<AttachmentBegin><CodeType>3602</CodeType><FileName>Договор</FileName>"
    "<DocNumber>33</DocNumber><DocDate>2020-09-14+06:00</DocDate></AttachmentBegin></Razdel2>"
    f"<Razdel2><Owner><IINBIN>{BIN}</IINBIN><IsFl>false</IsFl></Owner>{coded('RightType', '1012')}</Razdel2>"
    f"<Razdel3><RegDate>2020-09-14T18:13:08</RegDate><InterestedPerson><IINBIN>{BIN}</IINBIN><IsFl>0</IsFl>"
    f"</InterestedPerson>{coded('BurdenType', '3041', 'Ограничение', 'Шектеу')}</Razdel3>"
)


def test_which_parcels_are_asked_for() -> None:
    """Parcels of the form and of the text are asked for, each once, however the number is written."""
    told = Appeal.model_validate(
        {
            "message_id": "m",
            "kind": "application",
            "applicant": {"type": "person"},
            "parcels": [{"cadastral_number": "08:130:001:0001"}, {"cadastral_number": "081300010001"}],
            "mentions": {"cadastral_numbers": [{"value": OTHER, "span": {"start": 0, "end": 14}}]},
        }
    )
    drafts = Node(LOOKUP, "egkn", "1", "law").drafts(told, {}, {}, 10)
    assert [draft.query.cadastral_number for draft in drafts] == [NUMBER, OTHER]


async def test_question(gateway: Any) -> None:
    """The question is valid against the contract, with colons in the number."""
    gateway.answer = answer()
    assert (await gateway.ask(LOOKUP, ParcelQuery(cadastral_number=NUMBER))).kind is OutcomeKind.NOT_FOUND
    SCHEMA.check(gateway.question)
    assert gateway.question.findtext("BusinessData/CadastrNum") == "08:130:001:0001"
    assert gateway.question.findtext("BusinessData/InsideServiceId") == "GET_PARCEL"


async def test_found(gateway: Any) -> None:
    """A whole answer becomes a record, with rights and encumbrances and whom each belongs to."""
    gateway.answer = answer(parcel_xml(extra=SECTIONS))
    parcel = (await gateway.ask(LOOKUP, ParcelQuery(cadastral_number=NUMBER))).record
    assert (parcel.cadastral_number, parcel.area, parcel.area_unit.code) == (NUMBER, Decimal("0.0799"), "4")
    assert (parcel.category.code, parcel.purpose_kk, parcel.rka) == ("landcat_znp", "бақша", "2201900167046043")
    assert (parcel.geometry.epsg, parcel.geometry.wkt[:12], parcel.place.code) == (32640, "MULTIPOLYGON", "251454")
    person, organisation = parcel.rights
    assert (person.kind.code, person.holder.iin, person.holder.bin) == ("1011", IIN, None)
    assert person.registered_at == datetime(2020, 9, 14, 12, 13, 8, 60_000, tzinfo=UTC)
    assert (person.document.number, person.document.issued_on) == ("33", date(2020, 9, 14))
    assert (organisation.holder.iin, organisation.holder.bin, organisation.document) == (None, BIN, None)
    (burden,) = parcel.encumbrances
    assert (burden.kind.name_kk, burden.interested.bin) == ("Шектеу", BIN)
    assert burden.registered_at == datetime(2020, 9, 14, 13, 13, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("body", "kind", "code"),
    [
        (answer(), "not_found", ""),
        (answer(parcel_xml(OTHER)), "invalid", "egkn.other_parcel"),
        (answer(parcel_xml(), parcel_xml()), "invalid", "egkn.repeated_parcel"),
        (answer(parcel_xml(OTHER), parcel_xml("081300010001")), "found", ""),
        (answer(parcel_xml("08:130:001:0001:1/2"), parcel_xml()), "found", ""),
        (answer(parcel_xml("08:130:001:0001:1/2")), "invalid", "egkn.other_parcel"),
        (answer(code="403"), "refused", "egkn.403"),
        (answer(code="311"), "invalid", "egkn.311"),
    ],
)
async def test_outcome(gateway: Any, body: str, kind: str, code: str) -> None:
    """None, another parcel, the same twice, and each code end in the outcome that they mean."""
    gateway.answer = body
    outcome = await gateway.ask(LOOKUP, ParcelQuery(cadastral_number=NUMBER))
    assert (outcome.kind.value, outcome.code) == (kind, code)


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("<Area>0.0799</Area>", "<Area>0,0799</Area>", "reply.schema"),
        ("<IsFl>true</IsFl>", "", "reply.schema"),
    ],
)
async def test_broken_answer(gateway: Any, old: str, new: str, code: str) -> None:
    """An answer with a wrong type, or without a needed element is invalid."""
    gateway.answer = answer(parcel_xml(extra=SECTIONS)).replace(old, new)
    with pytest.raises(CallFailed) as caught:
        await gateway.ask(LOOKUP, ParcelQuery(cadastral_number=NUMBER))
    assert (caught.value.kind, caught.value.code) == (OutcomeKind.INVALID, code)


@pytest.mark.parametrize("flag", ["", "<isFl>true</isFl>", "<IsFl/>"])
async def test_a_number_of_nobody_knows_whom(gateway: Any, flag: str) -> None:
    """Where nothing says whether a number is a person's or an organisation's, it is neither's."""
    gateway.answer = answer(parcel_xml(extra=SECTIONS)).replace("<IsFl>true</IsFl>", flag)
    source = Source("egkn", gateway.wire, Call("q", "TEST-1", 5.0), lenient=True)
    parcel = (await LOOKUP.ask(ParcelQuery(cadastral_number=NUMBER), source)).record
    assert parcel is not None
    assert [(right.holder.iin, right.holder.bin) for right in parcel.rights] == [(None, None), (None, BIN)]
