"""Terms with their proof, and what has to be done within them."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from appealbus.core import Case
from appealbus.core.language import Reader
from appealbus.plugins.terms.calendar import UnknownYear, load_calendar
from appealbus.plugins.terms.clock import TermInputs, due_on, read_clock
from appealbus.plugins.terms.formatting import as_json
from appealbus.plugins.terms.norms import Law
from appealbus.schemas.appeal import Appeal, Receipt
from appealbus.schemas.jsonreading import message_from_json
from tests.plugins.terms.making import HERE, LAW, THERE, at, change, clock, due, remarks, told


@pytest.mark.parametrize(
    ("kind", "arrived", "expected"),
    [
        # Monday: the fifteenth working day from Tuesday on.
        ("application", "2026-11-02", "2026-11-23"),
        # The day of registration is the first day, up to 2025: Monday 6 October is day 1, 25 and 27 October are off.
        ("application", "2025-10-06", "2025-10-24"),
        ("complaint", "2026-11-02", "2026-11-30"),
        ("information_inquiry", "2026-11-02", "2026-11-17"),
        # The fifteenth day is Saturday 21 November.
        ("information_inquiry", "2026-11-06", "2026-11-23"),
        # Nauryz, 21 to 25 March with its transfers, and 9 March.
        ("application", "2026-03-04", "2026-03-31"),
        ("bailiff_inquiry", "2026-11-02", "2026-11-05"),
        (None, "2026-11-02", "2026-11-23"),
    ],
)
def test_when_an_answer_is_due(kind: str | None, arrived: str, expected: str) -> None:
    """By kind and by the day of arrival, where nothing else is told."""
    assert due(arrived=at(arrived), kind=kind) == expected


def test_a_petition_is_due_by_the_level_of_its_body() -> None:
    """Forty working days to a central body, twenty to one with a territory."""
    assert due(arrived=at("2026-06-01"), kind="petition") == "2026-07-28"
    local = {"name": "Аким", "kato": "271010000"}
    assert due(arrived=at("2026-06-01"), kind="petition", addressee=local) == "2026-06-29"


def test_a_petition_that_went_on_had_the_term_of_whom_it_was_with() -> None:
    """Forty days with the ministry, though it is with an akim now; what it was with the ministry is told so."""
    local = {"name": "Аким", "kato": "271010000"}
    first = told(arrived=at("2026-06-01"), kind="petition")
    newest = told(
        change("redirected", "2026-06-03", to=local), arrived=at("2026-06-01"), kind="petition", addressee=local
    )
    found = read_clock(
        TermInputs(newest.appeal, first.appeal, first.accepted_at, newest.changes), LAW, date(2026, 6, 10)
    )
    ids = [each.term.norm.id for each in found.considered if each.term is not None]
    assert ids == ["petition.central.2026", "petition.local.2026"]


@pytest.mark.parametrize("written", ["2026-02-02T10:00:00", "2026-02-02", "02.02.2026"])
def test_a_date_of_receipt_counts_as_registers_write_it(written: str) -> None:
    """It is in the country's time, whenever the bus got the appeal."""
    letter = {"message_id": "m", "kind": "application", "text": "x", "received_at": written}
    appeal = message_from_json(json.dumps(letter).encode())
    assert isinstance(appeal, Appeal)
    assert str(due_on(TermInputs(appeal, appeal, at("2026-12-01")), LAW)) == "2026-02-23"


def test_a_date_of_receipt_that_cannot_be_read_is_told() -> None:
    """The term counts from when the bus got it, and says that it may have come earlier."""
    unread = [{"field": "received_at", "code": "field.moment", "message": "this is no date and time"}]
    for warnings, expected in ((unread, ["arrival_unreadable"]), ([], [])):
        given = told(arrived=at("2026-11-02"), received_at=None, warnings=warnings)
        found = read_clock(given, LAW, date(2026, 11, 3))
        assert [each.what for each in found.remarks] == expected
        assert str(found.here.term.due_on) == "2026-11-23"


@pytest.mark.parametrize("year", [1026, 1926, 2062, 9999])
def test_an_appeal_with_an_implausible_arrival_counts_from_when_the_bus_got_it(year: int) -> None:
    """A year that is mistyped puts no term off; a clock that is a day ahead is taken at its word."""
    came = datetime(2026, 11, 2, 9, tzinfo=UTC)
    written = {"message_id": "m", "kind": "application", "text": "x", "received_at": f"{year}-12-31T23:59:59-14:00"}
    appeal = message_from_json(json.dumps(written).encode())
    assert isinstance(appeal, Appeal)
    given = TermInputs(appeal, appeal, came)
    assert str(due_on(given, LAW)) == "2026-11-23"
    assert [each.what for each in read_clock(given, LAW, date(2026, 11, 3)).remarks] == ["arrival_unreadable"]
    near = replace(given, appeal=appeal.model_copy(update={"received_at": came + timedelta(hours=23)}))
    assert str(due_on(near, LAW)) == "2026-11-24"
    receipt = Receipt(number="AB-1", accepted_at=came, accepted_by="me", message_id="m", channel="c")
    assert [Case(1, each, receipt, 0).misdated for each in (appeal, near.appeal)] == [True, False]
    assert Reader().moment(appeal.received_at)[-13:-9] in (str(year), str(year + 1))


def test_an_arrival_under_a_near_name_is_told() -> None:
    """The term counts from when the bus got it, and says that the arrival was not understood."""
    came = datetime(2026, 11, 2, 9, tzinfo=UTC)
    for name, expected in (
        ("recieved_at", ["arrival_unreadable"]),
        ("receivedAt", ["arrival_unreadable"]),
        ("fax", []),
    ):
        written = {"message_id": "m", "kind": "application", "text": "x", name: "2026-02-02T10:00:00", "dueon": "1"}
        appeal = message_from_json(json.dumps(written).encode())
        assert isinstance(appeal, Appeal)
        found = read_clock(TermInputs(appeal, appeal, came), LAW, date(2026, 11, 3))
        assert [each.what for each in found.remarks] == expected


def test_the_proof_names_every_day() -> None:
    """From the first that counts to the one on which it is due, each with its number or why it has none."""
    found = clock(arrived=at("2026-05-05"), today="2026-05-06", kind="media_inquiry")
    term = as_json(found)["considered"][0]["term"]
    told_days = [(str(each["day"])[5:], each["number"], str(each["kind"])) for each in term["days"]]
    assert told_days == [
        ("05-06", 1, "counted"), ("05-07", None, "defender_day"), ("05-08", 2, "counted"),
        ("05-09", None, "victory_day"), ("05-10", None, "weekend"), ("05-11", None, "victory_day"),
        ("05-12", 3, "counted"), ("05-13", 4, "counted"), ("05-14", 5, "counted"), ("05-15", 6, "counted"),
        ("05-16", None, "weekend"), ("05-17", None, "weekend"), ("05-18", 7, "counted"),
    ]  # fmt: skip
    assert (term["norm"]["id"], term["calendar"], str(term["due_on"])) == (
        "media_inquiry.2026", LAW.calendar.version, "2026-05-18"
    )  # fmt: skip
    assert len(term["assumed"]) == 3


def test_days_of_a_calendar_term_count_whether_off_or_not() -> None:
    """And those on which it moves to a working day do not."""
    found = clock(arrived=at("2026-11-06"), today="2026-11-09", kind="information_inquiry")
    assert found.here.term is not None
    days = list(found.here.term.days)
    assert [each.number for each in days] == [*range(1, 16), None, None]


def test_registration_counts_and_not_arrival() -> None:
    """That it was later than article 64 allows is remarked."""
    found = clock(change("registered", "2026-11-05"), arrived=at("2026-11-02"), today="2026-11-06")
    assert found.here.term is not None
    assert (str(found.here.term.registered), str(found.here.term.due_on)) == ("2026-11-05", "2026-11-26")
    assert remarks(found) == ["registered_late"]


def test_who_takes_an_earlier_registration_for_the_arrival() -> None:
    """Where the sender has not told when the appeal came, the bus got it later than the register."""
    found = clock(change("registered", "2026-11-02"), arrived=at("2026-11-10"), today="2026-11-11", received_at=None)
    assert str(found.first_wrote) == "2026-11-02"
    assert remarks(found) == []


@pytest.mark.parametrize(
    ("decided", "until", "expected", "said"),
    [
        ("2026-11-16", "2026-12-14", "2026-12-14", []),
        ("2026-11-16", "2026-12-13", "2026-12-14", []),
        ("2026-11-16", None, "2027-01-18", []),
        ("2026-11-16", "2027-02-16", "2027-01-18", ["extension_too_long"]),
        ("2026-11-16", "2026-11-17", "2026-11-23", ["extension_shorter"]),
        ("2026-11-24", "2026-12-24", "2026-11-23", ["extension_late"]),
    ],
)
def test_an_extension_goes_up_to_two_months_from_its_decision(
    decided: str, until: str | None, expected: str, said: list[str]
) -> None:
    """Article 76 ¶3; 16 January 2027 is a Saturday. One that comes after the end, or says less, moves nothing."""
    extended = change("extended", decided, due_on=until)
    assert due(extended, arrived=at("2026-11-02")) == expected
    assert remarks(clock(extended, arrived=at("2026-11-02"), today="2026-11-20")) == said


def test_a_complaint_cannot_be_extended() -> None:
    """Article 99: unless a law says so."""
    found = clock(
        change("extended", "2026-11-16", due_on="2026-12-30"), arrived=at("2026-11-02"), today="2026-11-20",
        kind="complaint",
    )  # fmt: skip
    assert found.here.term is not None
    assert str(found.here.term.due_on) == "2026-11-30"
    assert remarks(found) == ["extension_forbidden"]


def test_a_term_of_another_law_is_extended_as_the_register_says() -> None:
    """What that law allows was not read, and that is told."""
    extended = change("extended", "2026-11-16", due_on="2026-12-30")
    found = clock(extended, arrived=at("2026-11-10"), today="2026-11-20", kind="information_inquiry")
    assert found.here.term is not None
    assert str(found.here.term.due_on) == "2026-12-30"
    assert any("was not read" in each for each in found.here.term.assumed)


def test_a_redirect_begins_a_new_term_and_the_old_one_is_told() -> None:
    """Article 76 ¶2: here from the day on which the other body has it, and in all since the citizen first wrote."""
    found = clock(
        change("redirected", "2026-11-04", to=THERE), change("registered", "2026-11-09", to=THERE),
        arrived=at("2026-11-02"), today="2026-11-12",
    )  # fmt: skip
    assert [(each.body, each.outcome) for each in found.considered] == [
        (HERE["name"], "redirected"), (THERE["name"], "open")
    ]  # fmt: skip
    assert found.here.term is not None
    assert str(found.here.term.due_on) == "2026-11-30"
    assert (found.working_days_here, found.working_days_in_all, str(found.first_wrote)) == (3, 8, "2026-11-02")


@pytest.mark.parametrize(("arrived", "doubts"), [("2025-12-26", 0), ("2025-12-29", 1), ("2026-01-05", 0)])
def test_what_was_registered_about_the_turn_of_the_rule_is_in_doubt(arrived: str, doubts: int) -> None:
    """The new first day may have come some days before 2026: who reads such a term is told."""
    term = clock(arrived=at(arrived), today="2026-01-06").here.term
    assert term is not None
    assert sum("may have come some days earlier" in each for each in term.assumed) == doubts


def test_silence_is_a_refusal() -> None:
    """Article 91 ¶2: from the day after the last one on, until somebody decides."""
    assert clock(arrived=at("2026-11-02"), today="2026-11-23").outcome == "open"
    assert clock(arrived=at("2026-11-02"), today="2026-11-24").outcome == "silence"
    late = clock(change("answered", "2026-11-25", result="explained"), arrived=at("2026-11-02"), today="2026-11-26")
    assert (late.outcome, remarks(late)) == ("explained", ["answered_late"])


def milestones(*changes: object, today: str, kind: str = "application") -> list[tuple[str, str, str, str]]:
    found = clock(*changes, arrived=at("2026-11-02"), today=today, kind=kind)  # type: ignore[arg-type]
    return [(each.what.value, each.who.value, str(each.until)[5:], each.standing.value) for each in found.milestones]


def test_what_has_to_be_done_until_when_and_by_whom() -> None:
    """Redirect by day 3, the preliminary decision three working days before the end, an extension before it."""
    assert milestones(today="2026-11-03") == [
        ("redirect", "registrar", "11-05", "open"),
        ("preliminary", "executor", "11-18", "open"),
        ("extension", "head", "11-23", "open"),
        ("term", "executor", "11-23", "open"),
    ]
    assert milestones(today="2026-11-19") == [
        ("preliminary", "executor", "11-18", "late"),
        ("extension", "head", "11-23", "open"),
        ("term", "executor", "11-23", "open"),
    ]


def test_a_complaint_goes_to_the_higher_body_and_has_no_extension() -> None:
    """Article 91 ¶4: within three working days, unless the body itself satisfies it."""
    assert milestones(today="2026-11-03", kind="complaint") == [
        ("redirect", "registrar", "11-05", "open"),
        ("complaint_forwarding", "body", "11-05", "open"),
        ("preliminary", "executor", "11-25", "open"),
        ("term", "executor", "11-30", "open"),
    ]


def test_an_extension_has_to_be_told() -> None:
    """Within three working days of its decision; the preliminary decision moves with the term."""
    extended = change("extended", "2026-11-16", due_on="2026-12-14")
    assert milestones(extended, today="2026-11-20")[0] == ("extension_notice", "executor", "11-19", "late")
    notified = change("notified", "2026-11-18")
    assert milestones(extended, notified, today="2026-11-20") == [
        ("extension_notice", "executor", "11-19", "done"),
        ("preliminary", "executor", "12-09", "open"),
        ("term", "executor", "12-14", "open"),
    ]


def test_what_comes_after_an_answer() -> None:
    """Execution within five working days, and three months for a complaint."""
    changes = [
        change("preliminary", "2026-11-17"), change("answered", "2026-11-20", result="satisfied"),
        change("executed", "2026-11-26"),
    ]  # fmt: skip
    assert milestones(*changes, today="2026-11-27") == [
        ("preliminary", "executor", "11-18", "done"),
        ("term", "executor", "11-23", "done"),
        ("execution", "body", "11-27", "done"),
        ("complaint_filing", "applicant", "02-22", "open"),
    ]


def test_a_short_or_simplified_procedure_has_no_hearing() -> None:
    """Article 73: for terms of five working days and more of what opens a procedure."""
    assert [each[0] for each in milestones(today="2026-11-03", kind="report")] == ["redirect", "extension", "term"]
    assert [each[0] for each in milestones(today="2026-11-03", kind="bailiff_inquiry")] == ["term"]


def test_a_term_by_the_calendar_of_its_day_moves_with_the_calendar() -> None:
    """17 June 2024 was off until 7 June, and a term over it ended a day later."""
    given = told(arrived=at("2024-05-28"))
    before = Law(LAW.norms, load_calendar(as_of=date(2024, 6, 6)))
    ends = [read_clock(given, law, date(2024, 6, 1)).here.term for law in (before, LAW)]
    assert [str(each.due_on) for each in ends if each is not None] == ["2024-06-18", "2024-06-17"]


def test_a_term_into_an_unknown_year_is_an_error() -> None:
    """Nobody guesses which days are off then."""
    with pytest.raises(UnknownYear, match="2028"):
        clock(arrived=at("2027-12-20"), today="2027-12-21")


def test_a_term_before_the_code_has_no_norm() -> None:
    """What was registered before July 2021 is counted by nothing here; its calendar is unknown, too."""
    assert LAW.norms.term(date(2021, 6, 30), None, "local")[0] is None


def test_counting_is_quick_enough_for_each_appeal_that_comes() -> None:
    """A repeated day is not counted anew: ten thousand appeals in far less than their 20 µs each would be."""
    import time

    from appealbus.plugins.terms.clock import due_on

    given = [told(arrived=at("2026-11-02", 8) + timedelta(seconds=n)) for n in range(10_000)]
    started = time.process_time()
    for each in given:
        due_on(each, LAW)
    assert time.process_time() - started < 10_000 * 20e-6 * 5  # five times that on a busy machine


def test_a_register_that_closes_what_it_answered_leaves_it_answered() -> None:
    """What was satisfied has to be executed, and nobody asks for a notice of termination."""
    changes = [change("answered", "2026-11-20", result="satisfied"), change("closed", "2026-11-23")]
    assert clock(*changes, arrived=at("2026-11-02"), today="2026-11-24").outcome == "satisfied"
    assert [each[0] for each in milestones(*changes, today="2026-11-24")] == ["term", "execution", "complaint_filing"]


def test_a_complaint_that_was_not_forwarded_is_late_and_silence_may_be_complained_of() -> None:
    """Neither goes out of sight when its day is over: one is a breach, the other the citizen's right."""
    assert ("complaint_forwarding", "body", "11-05", "late") in milestones(today="2026-11-10", kind="complaint")
    assert milestones(today="2026-11-24")[-1] == ("complaint_filing", "applicant", "02-23", "open")
