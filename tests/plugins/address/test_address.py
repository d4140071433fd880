"""The address register: how an address is asked for, and how the answer becomes a record."""

from datetime import date
from typing import Any

import pytest

from appealbus.core import CallFailed, OutcomeKind
from appealbus.core.planning.plan import Node
from appealbus.core.testing import appeal, ask_all
from appealbus.plugins.address import register_lookups
from appealbus.plugins.address.lookups import SCHEMA, CadastralNumberQuery, RkaQuery
from appealbus.plugins.address.settings import AddressSettings

RKA, OTHER_RKA = "2201900167046043", "2201900167046044"
NUMBER, OTHER = "08-130-001-0001", "08-130-001-0002"
BY_RKA, BY_NUMBER = register_lookups(AddressSettings(refused_codes={"403"}))

STEPS = (
    "<Step><Type><Code>1</Code><ValueRu>Область</ValueRu><ValueKz>Облыс</ValueKz></Type><RCO>11</RCO>"
    "<CATO>270000000</CATO><NameRus>Западно-Казахстанская</NameRus><NameKaz>Батыс Қазақстан</NameKaz></Step>"
    "<Step><Type><Code>3</Code></Type><CATO>271010000</CATO><NameRus>Уральск</NameRus></Step>"
    "<Step><Type><Code>21</Code></Type><RCO>13</RCO><NameRus>Абая</NameRus></Step>"
)


def place(rka: str = RKA, number: str = "08:130:001:0001", actual: str = "true") -> str:
    return (
        f"<Object><RCA>{rka}</RCA><Type><Code>1</Code><ValueRu>Участок</ValueRu></Type>"
        f"<CadastreNumber>{number}</CadastreNumber><Number>2/2</Number><Path>{STEPS}</Path>"
        "<FullPathRus>г. Уральск, ул. Абая, уч. 2/2</FullPathRus><FullPathKaz>Орал қ., Абай к., 2/2 уч.</FullPathKaz>"
        f"<Actual>{actual}</Actual><Modified>2020-09-11+06:00</Modified></Object>"
    )


def answer(*objects: str, code: str = "000") -> str:
    return (
        f'<a:Response xmlns:a="urn:appealbus:address:object"><Result><Code>{code}</Code></Result>'
        f"{''.join(objects)}</a:Response>"
    )


async def test_what_is_asked_for() -> None:
    """The place's code, and each parcel of form and text once; what is malformed costs no call."""
    told = appeal(
        place={"rka": "2201 9001 6704 6043"},
        parcels=[{"cadastral_number": "08:130:001:0001"}, {"cadastral_number": "081300010001"}],
        text=f"участок {OTHER}",
    )
    assert [draft.query for draft in Node(BY_RKA, "address", "1", "law").drafts(told, {}, {}, 10)] == [
        RkaQuery(rka=RKA)
    ]
    drafts = Node(BY_NUMBER, "address", "1", "law").drafts(told, {}, {}, 10)
    assert [draft.query.cadastral_number for draft in drafts if draft.query] == [NUMBER, OTHER]
    (asked,) = await ask_all(BY_RKA, appeal(place={"rka": "220190016704604"}))
    assert asked.outcome.kind is OutcomeKind.NOT_APPLICABLE


async def test_questions(gateway: Any) -> None:
    """Both are valid against the contract, the number with colons."""
    gateway.answer = answer()
    assert (await gateway.ask(BY_NUMBER, CadastralNumberQuery(cadastral_number=NUMBER))).kind is OutcomeKind.NOT_FOUND
    SCHEMA.check(gateway.question)
    assert gateway.question.findtext("CadastreNumber") == "08:130:001:0001"
    await gateway.ask(BY_RKA, RkaQuery(rka=RKA))
    SCHEMA.check(gateway.question)
    assert gateway.question.findtext("RCA") == RKA


async def test_found(gateway: Any) -> None:
    """A whole answer becomes a record: its steps from the oblast on, and the code of the innermost that has one."""
    gateway.answer = answer(place())
    found = (await gateway.ask(BY_RKA, RkaQuery(rka=RKA))).record
    assert (found.rka, found.cadastral_number, found.kato, found.number) == (RKA, NUMBER, "271010000", "2/2")
    assert (found.kind.name_ru, found.actual, found.changed_on) == ("Участок", True, date(2020, 9, 11))
    assert (found.full_ru, found.full_kk[:4]) == ("г. Уральск, ул. Абая, уч. 2/2", "Орал")
    assert [(part.level.code, part.name_ru, part.rko) for part in found.parts] == [
        ("1", "Западно-Казахстанская", "11"),
        ("3", "Уральск", None),
        ("21", "Абая", "13"),
    ]
    assert found.parts[0].name_kk == "Батыс Қазақстан"


GONE = place(OTHER_RKA, actual="false")


@pytest.mark.parametrize(
    ("body", "by_rka", "by_number"),
    [
        (answer(), "not_found", "not_found"),
        (answer(place(OTHER_RKA, OTHER)), "invalid address.other_address", "invalid address.other_address"),
        (answer(place(), place()), "invalid address.repeated_address", "invalid address.repeated_address"),
        (answer(place(), GONE), "found", "found"),
        (answer(place(actual="false")), "found", "found"),
        (answer(GONE, GONE), "invalid address.other_address", "invalid address.repeated_address"),
        (answer(code="403"), "refused address.403", "refused address.403"),
        (answer(code="311"), "invalid address.311", "invalid address.311"),
    ],
)
async def test_outcomes(gateway: Any, body: str, by_rka: str, by_number: str) -> None:
    """None, another address, the same twice, one that was given up, and each code end in what they mean."""
    gateway.answer = body
    for lookup, query, told in (
        (BY_RKA, RkaQuery(rka=RKA), by_rka),
        (BY_NUMBER, CadastralNumberQuery(cadastral_number=NUMBER), by_number),
    ):
        outcome = await gateway.ask(lookup, query)
        assert f"{outcome.kind.value} {outcome.code}".strip() == told


async def test_a_building(gateway: Any) -> None:
    """The number of a building, which goes on behind the parcel's, is kept as it is, and is not the parcel's."""
    gateway.answer = answer(place().replace("08:130:001:0001", "08:130:001:0001:1/2"))
    found = (await gateway.ask(BY_RKA, RkaQuery(rka=RKA))).record
    assert (found.rka, found.cadastral_number) == (RKA, "08:130:001:0001:1/2")
    outcome = await gateway.ask(BY_NUMBER, CadastralNumberQuery(cadastral_number=NUMBER))
    assert outcome.code == "address.other_address"


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("<Actual>true</Actual>", "<Actual>да</Actual>", "reply.schema"),
        (f"<RCA>{RKA}</RCA>", "", "reply.schema"),
        (RKA, "220190016704604", "reply.bad_number"),
    ],
)
async def test_broken_answer(gateway: Any, old: str, new: str, code: str) -> None:
    """An answer with a wrong type, without a needed element or with a number that is none is invalid."""
    gateway.answer = answer(place()).replace(old, new)
    with pytest.raises(CallFailed) as caught:
        await gateway.ask(BY_RKA, RkaQuery(rka=RKA))
    assert (caught.value.kind, caught.value.code) == (OutcomeKind.INVALID, code)
