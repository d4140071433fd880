"""Stories and dates that nobody means well: what is known is told all the same, and nobody waits for it."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from appealbus.core import ConfigError
from appealbus.plugins.terms.calendar import UnknownYear, load_calendar, raw_of
from appealbus.plugins.terms.clock import SentPart, TermInputs, due_on
from appealbus.plugins.terms.norms import load_norms
from appealbus.plugins.terms.words import Duty, Outcome, Remark
from appealbus.schemas.appeal import Appeal
from tests.plugins.terms.making import HERE, LAW, THERE, at, change, clock, due, remarks, told
from tests.services.forms import form


def test_a_term_is_shown_though_what_comes_after_it_lies_in_an_unknown_year() -> None:
    """A complaint may be filed for three months from an answer of November 2027: of that alone nothing is said."""
    answered = change("answered", "2027-11-05", result="explained")
    found = clock(answered, arrived=at("2027-11-01"), today="2027-11-08")
    assert str(found.here.term and found.here.term.due_on) == "2027-11-22"
    assert [each.what for each in found.milestones] == [Duty.TERM]
    assert found.unknown_year == 2028


def test_a_term_is_shown_in_a_year_that_the_calendar_does_not_have() -> None:
    """What is due is known, and that it is over; how many working days have passed since is not."""
    found = clock(arrived=at("2027-11-01"), today="2028-01-05")
    assert found.outcome is Outcome.SILENCE
    assert (found.working_days_here, found.working_days_in_all) == (None, None)
    assert found.unknown_year == 2028


def test_an_extension_that_names_its_day_needs_no_later_year() -> None:
    """The most that the law allows lies in 2028, and the day that was decided on does not."""
    extended = change("extended", "2027-11-10", due_on="2027-12-10")
    assert due(extended, arrived=at("2027-11-01")) == "2027-12-10"


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01"])
def test_a_day_out_of_all_calendars_hides_no_term(day: str) -> None:
    """Somebody mistypes the day of an answer."""
    found = clock(change("answered", "2026-11-10", answered_on=day), arrived=at("2026-11-02"), today="2026-11-27")
    assert str(found.here.term and found.here.term.due_on) == "2026-11-23"


@pytest.mark.parametrize(
    "moment",
    [datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC), datetime(9999, 12, 31, 18, 59, tzinfo=UTC)],
)
def test_moments_at_the_ends_of_time_are_unknown_years(moment: datetime) -> None:
    """Of an appeal and of a change; never an error of another kind."""
    appeal = Appeal.model_validate({"message_id": "m", "addressee": HERE, "received_at": moment, "kind": "application"})
    for changes in ((), (change("notified", "2026-11-02"),)):
        with pytest.raises(UnknownYear):
            due_on(TermInputs(appeal, appeal, moment, changes), LAW)


def test_ping_pong_within_a_day_ends_where_it_was_last() -> None:
    """There and back and there again on one day: the third is no repetition of the first; a copy of it is."""
    way = [change("redirected", "2026-11-03", 11 + n, to=(THERE, HERE)[n % 2], message_id=f"r{n}") for n in range(3)]
    copy = change("redirected", "2026-11-03", 14, to=THERE, message_id="copy")
    found = clock(*way, copy, arrived=at("2026-11-02"), today="2026-11-04")
    assert [each.body for each in found.considered] == [each["name"] for each in (HERE, THERE, HERE, THERE)]
    assert remarks(found).count("ping_pong") == 2


def test_parts_that_went_elsewhere_are_told_and_are_late_as_the_whole_is() -> None:
    """Art. 65 gives three working days for a part, too; the rest goes on here in its term."""
    part = change("redirected", "2026-11-10", to=THERE, part=True)
    found = clock(part, arrived=at("2026-11-02"), today="2026-11-11")
    assert found.here.parts == (SentPart(date(2026, 11, 10), THERE["name"]),)
    assert Remark.REDIRECTED_LATE in [each.what for each in found.remarks]
    assert (found.outcome, len(found.considered)) == (Outcome.OPEN, 1)


def test_a_part_that_another_body_registers_takes_nothing_of_the_whole_with_it() -> None:
    """That body begins a procedure of its own; the rest is due here, on the day that it was."""
    part = change("redirected", "2026-11-03", to=THERE, part=True)
    found = clock(part, change("registered", "2026-11-04", to=THERE), arrived=at("2026-11-02"), today="2026-11-05")
    assert str(found.here.term and found.here.term.due_on) == "2026-11-23"
    assert (len(found.considered), remarks(found)) == (1, [])


@pytest.mark.parametrize("ids", ["abc", "cba", "bac"])
def test_registers_that_tell_days_alone_contradict_themselves_in_nothing(ids: str) -> None:
    """On one day it was registered here, sent there and registered there: what came first is told by no time."""
    told = [
        change("registered", "2026-11-03", 0, to=HERE, message_id=ids[0]),
        change("redirected", "2026-11-03", 0, to=THERE, message_id=ids[1]),
        change("registered", "2026-11-03", 0, to=THERE, message_id=ids[2]),
    ]
    found = clock(*told, arrived=at("2026-11-03"), today="2026-11-05")
    assert [each.body for each in found.considered] == [HERE["name"], THERE["name"]]
    assert str(found.here.term and found.here.term.due_on) == "2026-11-24"
    assert (found.considered[0].outcome, remarks(found)) == (Outcome.REDIRECTED, [])


@pytest.mark.parametrize("ids", ["ab", "ba"])
def test_a_register_that_closes_on_the_day_of_its_answer_has_answered(ids: str) -> None:
    """Whichever of the two it tells first; a decision on another day than the closing is one too many."""
    closed, answered = [change("closed", "2026-11-10", 0, message_id=ids[0])], ids[1]
    for day, odd in (("2026-11-10", []), ("2026-11-11", ["ended_twice"])):
        last = change("answered", day, 0, result="satisfied", message_id=answered)
        found = clock(*closed, last, arrived=at("2026-11-02"), today="2026-11-12")
        assert (found.outcome, remarks(found)) == (Outcome.SATISFIED, odd)


def test_an_arrival_in_an_unknown_year_hides_no_term_of_what_was_registered_later() -> None:
    """The term counts from the registration; that it was late cannot be told, and is not."""
    found = clock(change("registered", "2022-02-01"), arrived=at("2021-12-30"), today="2022-02-02")
    assert str(found.here.term and found.here.term.due_on) == "2022-02-21"
    assert due_on(told(change("registered", "2022-02-01"), arrived=at("2021-12-30")), LAW) == date(2022, 2, 21)


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01"])
def test_an_extension_until_no_day_of_the_calendar(day: str) -> None:
    """It is cut to two months, or moves nothing, and is named."""
    extended = change("extended", "2026-11-10", due_on=day)
    assert due(extended, arrived=at("2026-11-02")) == ("2027-01-11" if day > "2026" else "2026-11-23")


def test_an_appeal_that_a_sender_redirects_without_end_is_counted() -> None:
    """Work and memory grow with its changes and no faster; the way that is told has an end."""
    many = form(2_000, 200_000)
    days = [date(2026, 1, 1) + timedelta(days=n % 360) for n in range(many)]
    way = [
        change("redirected", str(day), n / many, to={"name": f"Орган {n % 7}"}, message_id=str(n))
        for n, day in enumerate(days)
    ]
    found = clock(*way, arrived=at("2026-01-01", 0), today="2026-12-31")
    assert len(found.considered) > many / 2
    assert max(len(each.about.ru) for each in found.remarks) < 500


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("year = 2022\n", "year = 0\n", "years.0.year"),
        ("year = 2022\n", "year = 2020\n", "without a gap"),
        ("2022-01-07", "2023-01-07", "2023-01-07 among the days of 2022"),
        ("2022-01-07", "2022-02-30", "line 15"),
    ],
)
def test_what_is_wrong_with_a_calendar_names_file_and_place(tmp_path: Path, old: str, new: str, where: str) -> None:
    """A person has copied it by hand."""
    path = tmp_path / "c.toml"
    path.write_text(raw_of(None, "calendar.toml").decode().replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_calendar(path)
    assert str(caught.value).startswith(str(path))
    assert where in str(caught.value)


def test_two_norms_for_one_appeal_name_their_file(tmp_path: Path) -> None:
    """And themselves."""
    path = tmp_path / "n.toml"
    text = raw_of(None, "norms.toml").decode()
    path.write_text(text.replace("from = 2026-01-01\n", "from = 2025-06-01\n", 1), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"n\.toml: .*'general.2021' and 'general.2026' count at once"):
        load_norms(path)


@pytest.mark.parametrize("value", ["[" * 5_000, "9" * 5_000])
@pytest.mark.parametrize("load", [load_calendar, load_norms])
def test_what_toml_itself_stumbles_over_names_the_file(tmp_path: Path, value: str, load: Any) -> None:
    """Lists in lists in lists, and a number that nobody can read."""
    path = tmp_path / "x.toml"
    path.write_text(f"version = {value}", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"x\.toml"):
        load(path)
