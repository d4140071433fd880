"""The assessor `competence`: what it says of whose matter an appeal is, and when it is silent."""

from datetime import date
from importlib.resources import files
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest

from appealbus.core import Assessor
from appealbus.plugins.competence import register_assessors, register_shared
from appealbus.plugins.competence.messages import MESSAGES
from appealbus.plugins.competence.settings import CompetenceSettings
from appealbus.schemas import Severity, Signal
from appealbus.simulator.appeals.letters import CATEGORIES
from tests.plugins.competence.making import A, B, C, D, E, bins, body, competence
from tests.plugins.dossiers import NOW, assessed, dossier, fact

CITY, OBLAST, RAYON, OTHER = "271010000", "270000000", "273600000", "150000000"
HOUSE = competence(
    body("land", A, ["10"], [OBLAST], except_territory=["271000000"], except_categories=["10.09"]),
    body("town", B, ["10"], ["271000000"], except_categories=["10.09"]),
    body("cadastre", C, ["10.09"]),
    body("roads", D, ["30"], [OBLAST], valid_until=date(2026, 1, 31)),
    body("new-roads", E, ["30"], [OBLAST], valid_from=date(2026, 2, 1)),
)


def said(assessor: Assessor = HOUSE, *facts: Any, to: str | None = None, category: Any = None, **appeal: Any) -> Any:
    """Return the one signal, or None."""
    addressee = None if to is None else {"bin": to}
    given = {"code": category} if isinstance(category, str) else category
    signals = assessed(assessor, dossier({"type": "person"}, *facts, addressee=addressee, category=given, **appeal))
    assert len(signals) < 2
    return signals[0] if signals else None


def code(*args: Any, **more: Any) -> str | None:
    """Return its code."""
    signal: Signal | None = said(*args, **more)
    return None if signal is None else signal.code.removeprefix("competence.")


def at(kato: str) -> dict[str, str]:
    return {"kato": kato}


@pytest.mark.parametrize(
    ("appeal", "expected"),
    [
        ({"to": A, "category": "10.02", "place": at(RAYON)}, None),
        ({"to": A, "category": "10.02", "place": at(CITY)}, "other_body"),
        ({"to": A, "category": "10.02", "place": at(OBLAST)}, None),
        ({"to": A, "category": "10.02"}, None),
        ({"to": A, "category": "10", "place": at(CITY)}, "other_bodies"),
        ({"to": A, "category": "10.09", "place": at(RAYON)}, "other_body"),
        ({"to": A, "category": "10.09.1"}, "other_body"),
        ({"to": A, "category": "100", "place": at(RAYON)}, None),
        ({"to": A, "category": "40", "place": at(RAYON)}, None),
        ({"to": A, "category": "10.02", "place": at(OTHER)}, "not_addressee"),
        ({"to": A, "place": at(OTHER)}, "not_addressee"),
        ({"to": A, "place": at(RAYON)}, None),
        ({"to": A, "category": "30", "place": at(RAYON)}, "other_body"),
        ({"to": D, "category": "30", "place": at(RAYON)}, "other_body"),
        ({"to": E, "category": "30", "place": at(RAYON)}, None),
        ({"to": A, "category": {"code": "10", "subcategory_code": "10.09"}}, "other_body"),
        ({"to": A, "category": {"code": "10", "subcategory_code": "7f-x"}, "place": at(RAYON)}, None),
        ({"to": A}, None),
        ({"category": "10.02", "place": at(CITY)}, "named"),
        ({"category": "10", "place": at(CITY)}, "several"),
        ({"category": "10.02", "place": at("990000000")}, "several"),
        ({"category": "10.02", "place": at(OTHER)}, None),
        ({"place": at(CITY)}, None),
        ({"to": "210740399999", "category": "10.02", "place": at(CITY)}, "named"),
        ({}, None),
        ({"category": "", "place": {}}, None),
        ({"category": "*", "place": {"kato": "27"}}, None),
    ],
)
def test_what_is_said(appeal: dict[str, Any], expected: str | None) -> None:
    """Warnings where every row of the addressee denies it, hints where the table lacks the addressee, else nothing."""
    assert code(**appeal) == expected


def test_a_signal_names_rows_bodies_and_fields() -> None:
    """The addressee's row, the named body in the reader's language with its row, and each field that it rests on."""
    signal = said(to=A, category={"code": "10", "subcategory_code": "10.02"}, place=at(CITY))
    assert "(строка: land)" in signal.message_ru
    assert f"«Орган {B}» (строка: town)" in signal.message_ru
    assert f"«{B} органы» (жол: town)" in signal.message_kk
    assert "(row: town)" in signal.message_en
    assert signal.severity is Severity.WARNING
    assert signal.fields == [
        "appeal.addressee.bin",
        "appeal.category.code",
        "appeal.category.subcategory_code",
        "appeal.place.kato",
    ]


@pytest.mark.parametrize("name", [f"орган  {A} ", f"{A} ОРГАНЫ"])
def test_an_addressee_without_bin_is_known_by_its_name(name: str) -> None:
    """As either language writes it, whatever the case and the spaces."""
    (signal,) = assessed(
        HOUSE, dossier({"type": "person"}, addressee={"name": name}, category={"code": "10.02"}, place=at(CITY))
    )
    assert (signal.code, signal.fields[0]) == ("competence.other_body", "appeal.addressee.name")


@pytest.mark.parametrize(
    ("addressee", "field"),
    [
        (None, "appeal.addressee"),
        ({"kato": CITY}, "appeal.addressee"),
        ({"name": "Другой орган", "bin": "1"}, "appeal.addressee.name"),
        ({"name": f"Орган {A}", "bin": "210740399999"}, "appeal.addressee.name"),
        ({"name": f"Орган {A}", "bin": bins(9)[8]}, "appeal.addressee.bin"),
    ],
)
def test_that_the_table_lacks_the_addressee_rests_on_it(addressee: Any, field: str) -> None:
    """Who may not see the addressee must not learn that it is in no table."""
    (signal,) = assessed(
        HOUSE, dossier({"type": "person"}, addressee=addressee, category={"code": "10.02"}, place=at(CITY))
    )
    assert signal.fields[0] == field


def test_a_name_of_two_bodies_is_nobodys() -> None:
    """Which of them is meant the table does not know."""
    same = {"name_ru": "Отдел", "name_kk": "Бөлім"}
    both = competence(body("1", A, ["20"], **same), body("2", B, ["30"], **same), body("3", C, ["10"]))
    (signal,) = assessed(both, dossier({"type": "person"}, addressee={"name": "Отдел"}, category={"code": "10"}))
    assert signal.code == "competence.named"


@pytest.mark.parametrize(
    ("number", "expected"),
    [("02-001-001-001", "not_addressee"), ("08-130-001-001", None), ("nonsense", None), ("99-001-001-001", None)],
)
def test_a_cadastral_number_tells_the_oblast(number: str, expected: str | None) -> None:
    """In a field or in the text; what tells no oblast tells nothing."""
    parcels = [{"cadastral_number": number}]
    mentions = {"cadastral_numbers": [{"value": number, "span": {"start": 0, "end": 1}}]}
    assert code(to=A, category="10.02", parcels=parcels) == expected
    assert code(to=A, category="10.02", mentions=mentions) == expected


def test_an_oblast_that_was_divided_is_each_of_its_parts() -> None:
    """A number of the old Almaty oblast may lie in the new one of Жетісу: neither can be ruled out."""
    assessor = competence(body("a", A, ["10"], ["190000000"]), body("j", B, ["10"], ["330000000"]))
    parcels = [{"cadastral_number": "03-001-001-001"}]
    assert [code(assessor, to=each, category="10", parcels=parcels) for each in (A, B)] == [None, None]


def address(kato: str | None, number: str = "08-130-001-001") -> Any:
    record = {"type": "Address", "rka": "0" * 16, "kind": {"code": "1"}, "actual": True, "kato": kato}
    return fact("address.by_cadastral_number", record | {"cadastral_number": number})


def test_the_address_register_knows_more_than_the_number() -> None:
    """Its КАТО stands in the place of the oblast, and the signal rests on that field."""
    parcels = [{"cadastral_number": "08:130:001:001"}]
    signal = said(HOUSE, address(CITY), to=A, category="10.02", parcels=parcels)
    assert signal.code == "competence.other_body"
    assert signal.fields[-1] == "address.by_cadastral_number/kato"
    assert code(HOUSE, address(None), to=A, category="10.02", parcels=parcels) is None
    assert code(HOUSE, address(CITY, "08-130-001-002"), to=A, category="10.02", parcels=parcels) is None


def test_one_place_of_several_is_enough_to_be_silent() -> None:
    """A letter about two parcels may be to either's body; of a hundred it is told as well when none fits."""
    mixed = [{"cadastral_number": f"{oblast}-001-001-001"} for oblast in ("02", "08")]
    far = [{"cadastral_number": f"{oblast:02}-001-001-001"} for oblast in (1, 2, 3, 4, 5, 6, 9, 10, 12, 13, 14)]
    assert code(to=A, category="10.02", parcels=mixed) is None
    assert code(to=A, category="10.02", parcels=far) == "not_addressee"
    assert code(to=A, category="10.02", parcels=[*far, mixed[1]]) is None


def redirect(**more: Any) -> Any:
    return {"message_id": "c", "channel": "files", "kind": "redirected", "dated_at": NOW} | more


def test_a_redirected_appeal_is_judged_by_its_newest_addressee() -> None:
    """On the day on which that got it; a redirect of a part changes neither."""
    early = NOW.replace(month=1)
    whole = dossier({"type": "person"}, addressee={"bin": D}, category={"code": "30"}, place=at(RAYON)).model_dump()
    whole["receipt"]["accepted_at"] = early

    def codes(*changes: Any, to: str) -> list[str]:
        appeal = whole["appeal"] | {"addressee": {"bin": to}}
        again = dossier({"type": "person"}).model_validate(whole | {"appeal": appeal, "changes": changes})
        return [each.code for each in assessed(HOUSE, again)]

    assert codes(to=D) == []
    assert codes(redirect(to={"bin": E}), to=E) == []
    assert codes(redirect(to={"bin": D}), to=D) == ["competence.other_body"]
    assert codes(redirect(to={"bin": A}, part=True), to=D) == []


@pytest.mark.parametrize(
    ("received", "expected"),
    [
        ("2026-01-15T10:00:00+05:00", None),  # the bus got it weeks later
        ("2026-02-01T01:00:00+05:00", "competence.other_body"),
        ("2062-01-15T10:00:00+05:00", "competence.other_body"),  # mistyped: it was here before
        ("0001-01-01T00:00:00+06:00", None),
        ("9999-12-31T23:59:59Z", "competence.other_body"),
    ],
)
def test_the_day_is_that_on_which_it_came(received: str, expected: str | None) -> None:
    """A row that counted then is the one that counts, and the signal rests on that, too."""
    given = {"addressee": {"bin": D}, "category": {"code": "30"}, "place": at(RAYON), "received_at": received}
    found = assessed(HOUSE, dossier({"type": "person"}, **given))
    assert [each.code for each in found] == ([] if expected is None else [expected])
    assert all("appeal.received_at" in each.fields for each in found)


@pytest.mark.parametrize(("count", "expected"), [(1, "named"), (2, "several"), (3, "several"), (4, None)])
def test_more_than_three_are_no_hint(count: int, expected: str | None) -> None:
    """A table that names a crowd names nobody."""
    rows = [body(str(at), bin_, ["10"]) for at, bin_ in enumerate(bins(count))]
    assert code(competence(*rows), category="10") == expected
    rows.append(body("other", D, ["20"]))
    ruled_out = {"named": "other_body", "several": "other_bodies", None: "not_addressee"}[expected]
    assert code(competence(*rows), to=D, category="10") == ruled_out


@pytest.mark.parametrize("name", list(MESSAGES))
def test_the_wording_is_of_a_hint(name: str) -> None:
    """Law 94-V art. 19-1: in each language it says that it is no decision."""
    _, *texts = MESSAGES[name]
    assert [word in text for word, text in zip(("не решение", "шешім емес", "not a decision"), texts, strict=True)] == [
        True
    ] * 3


@pytest.mark.parametrize("name", list(MESSAGES))
def test_each_signal_is_explained(name: str) -> None:
    """In docs/competence.md, with its severity."""
    page = (Path(__file__).parents[3] / "docs" / "competence.md").read_text(encoding="utf-8")
    assert f"| `{name}` | {MESSAGES[name][0]} |" in page


def test_without_a_table_there_is_no_assessor() -> None:
    """Then nothing is said of competence anywhere."""
    assert register_assessors(register_shared(CompetenceSettings())) == []


def test_the_example_that_ships_is_a_table() -> None:
    """It loads, its rows do not overlap, and it says what its comments promise."""
    file = Path(str(files("appealbus.plugins.competence") / "data" / "example.toml"))
    (assessor,) = register_assessors(register_shared(CompetenceSettings(table=file)))
    assert list(assessor.warnings()) == []
    called = assessor.table.questions
    assert (called["10"].name_ru, called["10"].name_kk) == ("ЗЕМЕЛЬНЫЕ ОТНОШЕНИЯ", "ЖЕР ҚАТЫНАСТАРЫ")
    assert {code: each.name_ru for code, each in called.items()} == CATEGORIES
    assert "uralsk.land" in said(assessor, to="210740001016", category="10.01", place=at(CITY)).message_ru


def test_ten_thousand_bodies_cost_less_than_a_millisecond() -> None:
    """Of each appeal, at best of many: rayons of twenty oblasts with three questions each, and an addressee astray."""
    oblasts = [f"{number:02}" for number in (10, 11, 15, 19, 23, 27, 31, 33, 35, 39)]
    rows = [
        body(
            f"r{at}",
            bin_,
            [f"{10 * (at % 20 + 1)}.{part}" for part in range(3)],
            [f"{oblasts[at % 10]}{at // 200 + 10}00000"],
        )
        for at, bin_ in enumerate(bins(10_000))
    ]
    assessor = competence(*rows)
    far = dossier(
        {"type": "person"}, addressee={"bin": rows[0]["bin"]}, category={"code": "200.1"}, place=at("395900000")
    )
    times = []
    for _ in range(50):
        before = perf_counter()
        found = assessed(assessor, far)
        times.append(perf_counter() - before)
        assert len(found) == 1
    assert min(times) < 0.001
