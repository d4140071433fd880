"""ГБД ЮЛ: how an organisation is asked for, and how the answer becomes a record."""

from datetime import date
from typing import Any

import pytest

from appealbus.core import CallFailed, OutcomeKind, Shape
from appealbus.core.planning.inputs import InputState, Known
from appealbus.core.planning.plan import Node
from appealbus.plugins.gbdul import register_lookups
from appealbus.plugins.gbdul.lookups import SCHEMA, OrganisationQuery, RightHolderQuery
from appealbus.plugins.gbdul.settings import GbdulSettings
from appealbus.schemas import Appeal, Parcel

BIN, BRANCH, LEADER = "210740000018", "210741000013", "750301100019"
SETTINGS = GbdulSettings(requestor_bin="210742000019", not_found_codes={"404"})
ORGANISATION, HOLDER = register_lookups(SETTINGS)


def coded(tag: str, code: str, ru: str = "имя", kk: str = "аты") -> str:
    return f"<{tag}><Code>{code}</Code><NameRu>{ru}</NameRu><NameKz>{kk}</NameKz></{tag}>"


def organisation_xml(bin_: str = BIN, extra: str = "") -> str:
    return (
        f"<Organization><BIN>{bin_}</BIN>{coded('RegStatus', '1', 'зарегистрирован')}"
        f"{coded('RegistrationDepartment', '9')}<RegistrationDate>2021-07-15+06:00</RegistrationDate>"
        f"<FullNameRu>ТОО «Тест»</FullNameRu><FullNameKz>«Тест» ЖШС</FullNameKz>{coded('OrgForm', '20')}"
        f"<TaxOrgStatus>0</TaxOrgStatus>{extra}</Organization>"
    )


def answer(inside: str = "", code: str = "002") -> str:
    return (
        '<sb:sendMessageResponse xmlns:sb="http://smartbridge.b10.kz">'
        f"{coded('Status', code)}{inside}</sb:sendMessageResponse>"
    )


FULL = (
    f"<OrganizationLeader><Position>{coded('PositionType', '1', 'директор')}<IssueDate>2021-07-15+06:00</IssueDate>"
    f"</Position><IIN>{LEADER}</IIN><SurName>ТЕСТОВ</SurName><Name>ТЕСТ</Name></OrganizationLeader>"
    "<Activity><Main>true</Main><OKED>01110</OKED><ActivityNameKz>егін</ActivityNameKz>"
    "<ActivityNameRu>посев</ActivityNameRu></Activity>"
    "<Address><RKA>2201900167046043</RKA><KATO>271010000</KATO><DistrictRu>ЗКО</DistrictRu><DistrictKz>БҚО</DistrictKz>"
    "<CityRu>Уральск</CityRu><CityKz>Орал</CityKz><StreetRu>ул. Абая</StreetRu><BuildingNumber>1</BuildingNumber>"
    "</Address>"
    f"<FoundersUL><BIN>{BRANCH}</BIN><RegistrationLastDate>2020-01-01</RegistrationLastDate>"
    "<OrganizationNameRu>АО «Мать»</OrganizationNameRu><OrganizationNameKz>АҚ</OrganizationNameKz><Percent>60</Percent>"
    f"</FoundersUL><FoundersFL><IIN>{LEADER}</IIN><SurName>ТЕСТОВ</SurName><Name>ТЕСТ</Name></FoundersFL>"
)


def appeal(text_bins: list[str], **applicant: Any) -> Appeal:
    mentions = [{"value": bin_, "span": {"start": 0, "end": 12}} for bin_ in text_bins]
    whole = {"message_id": "m", "kind": "complaint", "applicant": applicant, "mentions": {"bins": mentions}}
    return Appeal.model_validate(whole)


def test_who_is_asked_for() -> None:
    """The applicant's БИН and those in the text are asked for, each once."""
    told = appeal([BRANCH, BIN], type="organisation", bin="2107 4000 0018")
    drafts = Node(ORGANISATION, "gbdul", "1", "law").drafts(told, {}, {}, 10)
    assert [draft.query.bin for draft in drafts] == [BIN, BRANCH]


def test_right_holders_come_from_the_cadastre() -> None:
    """Organisations that hold rights to a parcel are asked for; people are not."""
    kind = {"code": "1"}
    rights = [{"kind": kind, "holder": {"bin": BIN}}, {"kind": kind, "holder": {"iin": LEADER}}]
    parcel = Parcel.model_validate({"cadastral_number": "08-001-001-001", "rights": rights})
    node = Node(HOLDER, "gbdul", "1", "law")
    standings = {"egkn.parcel": InputState("found", found=True, pending=False)}
    drafts = node.drafts(appeal([], type="person"), {"egkn.parcel": [Known(parcel)]}, standings, 10)
    assert [draft.query.bin for draft in drafts] == [BIN]


async def test_question(gateway: Any) -> None:
    """The question is valid against the contract and says on whose behalf it is put."""
    gateway.answer = answer()
    assert (await gateway.ask(ORGANISATION, OrganisationQuery(bin=BIN))).kind is OutcomeKind.NOT_FOUND
    SCHEMA.check(gateway.question)
    assert [(e.tag, e.text) for e in gateway.question] == [("RequestorBIN", "210742000019"), ("BIN", BIN)]


@pytest.mark.parametrize("shape", [Shape.TEXT, Shape.CDATA, Shape.TYPED])
async def test_found(gateway: Any, shape: Shape) -> None:
    """A whole answer becomes a record; dates with a zone are the dates they show."""
    gateway.answer, gateway.shape = answer(organisation_xml(extra=FULL)), shape
    record = (await gateway.ask(HOLDER, RightHolderQuery(bin=BIN))).record
    assert (record.bin, record.name_kk, record.registered_on) == (BIN, "«Тест» ЖШС", date(2021, 7, 15))
    assert (record.registration_status.name_ru, record.inactive_taxpayer) == ("зарегистрирован", False)
    leader = record.leader
    assert (leader.iin, leader.position, leader.since, leader.until) == (LEADER, "директор", date(2021, 7, 15), None)
    assert [(f.bin, f.iin, f.name, f.percent) for f in record.founders] == [
        (BRANCH, None, "АО «Мать»", "60"),
        (None, LEADER, "ТЕСТОВ ТЕСТ", None),
    ]
    assert [(a.code, a.name_kk) for a in record.activities] == [("01110", "егін")]
    assert (record.address.kato, record.address.rka) == ("271010000", "2201900167046043")
    assert (record.address.text_ru, record.address.text_kk) == ("ЗКО, Уральск, ул. Абая, 1", "БҚО, Орал, 1")


async def test_other_root(gateway: Any) -> None:
    """The root that was seen in real answers is taken as well."""
    seen = answer(organisation_xml()).replace("sb:sendMessageResponse", "sb:responseDataType")
    gateway.answer = seen.replace("http://smartbridge.b10.kz", "http://gbdulinfobybin_v2.egp.gbdul.tamur.kz")
    assert (await gateway.ask(ORGANISATION, OrganisationQuery(bin=BIN))).record.bin == BIN


@pytest.mark.parametrize(
    ("body", "kind", "code"),
    [
        (answer(), "not_found", ""),
        (answer(organisation_xml(BRANCH)), "invalid", "gbdul.other_organisation"),
        (answer(code="404"), "not_found", "gbdul.404"),
        (answer(code="500"), "invalid", "gbdul.500"),
    ],
)
async def test_outcome(gateway: Any, body: str, kind: str, code: str) -> None:
    """None, another organisation, and each code end in the outcome that they mean."""
    gateway.answer = body
    outcome = await gateway.ask(ORGANISATION, OrganisationQuery(bin=BIN))
    assert (outcome.kind.value, outcome.code) == (kind, code)


async def test_broken_answer(gateway: Any) -> None:
    """An answer that breaks the contract is invalid; the reason names the place."""
    gateway.answer = answer(organisation_xml()).replace("<TaxOrgStatus>0<", "<TaxOrgStatus>нет<")
    with pytest.raises(CallFailed, match="Organization/TaxOrgStatus") as caught:
        await gateway.ask(ORGANISATION, OrganisationQuery(bin=BIN))
    assert caught.value.kind is OutcomeKind.INVALID
