"""Norms as dated data."""

from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest

from appealbus.core import ConfigError
from appealbus.plugins.terms.calendar import raw_of
from appealbus.plugins.terms.norms import Law, load_norms, months_later
from appealbus.plugins.terms.words import Assumption, Duty
from appealbus.schemas import AppealKind
from tests.plugins.terms.making import LAW, at, clock

NORMS = load_norms()


@pytest.mark.parametrize("kind", AppealKind)
@pytest.mark.parametrize("level", ["central", "local"])
def test_each_kind_has_one_term_on_every_day_of_the_code(kind: AppealKind, level: str) -> None:
    """Since 1 July 2021: no day between two norms is left out, and none has two; petitions came later."""
    day = date(2024, 4, 1) if kind is AppealKind.PETITION else date(2021, 7, 1)
    while day < date(2028, 1, 1):
        found = [each for each in NORMS.norms if each.what is Duty.TERM and each.counts(day, kind, level)]
        assert len(found) == 1, day
        assert NORMS.term(day, kind, level) == (found[0], "")
        day += timedelta(days=1)


@pytest.mark.parametrize(
    ("kind", "level", "days", "unit"),
    [
        ("application", "local", 15, "working"),
        ("report", "central", 15, "working"),
        ("complaint", "local", 20, "working"),
        ("information_inquiry", "local", 15, "calendar"),
        ("petition", "central", 40, "working"),
        ("petition", "local", 20, "working"),
    ],
)
def test_the_terms_of_the_code(kind: str, level: str, days: int, unit: str) -> None:
    """Articles 76, 99 and 90-5, and article 11 of the law on access to information."""
    norm, _ = NORMS.term(date(2026, 11, 2), AppealKind(kind), level)
    assert norm is not None
    assert (norm.days, norm.unit) == (days, unit)


@pytest.mark.parametrize(("day", "start"), [(date(2025, 12, 31), "same_day"), (date(2026, 1, 1), "next_day")])
def test_the_first_day_changed_with_article_76(day: date, start: str) -> None:
    """The day of registration itself up to 2025, the one after it since, and who reads is told that this is assumed."""
    norm, _ = NORMS.term(day, AppealKind.APPLICATION, "local")
    assert norm is not None
    assert norm.start == start
    assert bool(norm.assumed) is (start == "next_day")


@pytest.mark.parametrize(
    ("day", "assumed"),
    [
        ("2024-03-29", ["no norm"]),
        ("2024-04-01", ["territory", "days alone were read", "01.04.2024"]),
        ("2026-11-02", ["territory", "days alone were read", "01.01.2026"]),
    ],
)
def test_what_is_assumed_of_a_petition_stands_in_its_proof(day: str, assumed: list[str]) -> None:
    """From when its article counts and which day is the first was not read; before it, it is an application."""
    found = clock(arrived=at(day), today=day, kind="petition").here.term
    assert found is not None
    assert found.norm.id.startswith("general" if "no norm" in assumed else "petition")
    for text in assumed:
        assert any(text in each for each in found.assumed), text


def test_an_appeal_of_no_known_kind_has_the_general_term() -> None:
    """That it is assumed is told."""
    general = NORMS.term(date(2026, 11, 2), AppealKind.APPLICATION, "local")[0]
    assert NORMS.term(date(2026, 11, 2), None, "local") == (general, Assumption.NO_KIND)


@pytest.mark.parametrize(
    ("arrived", "registered"),
    [
        (at("2026-11-02", 10), "2026-11-02"),
        (at("2026-11-02", 18.49), "2026-11-02"),
        (at("2026-11-02", 18.5), "2026-11-03"),
        (at("2026-11-06", 19), "2026-11-09"),
        (at("2026-11-07", 9), "2026-11-09"),
        (at("2025-12-31", 19), "2026-01-05"),
        (at("2024-05-03", 20), "2024-05-04"),
        (datetime.fromisoformat("2026-11-02T20:00:00+00:00"), "2026-11-03"),
    ],
)
def test_what_comes_after_hours_or_on_a_day_off_is_registered_on_the_next_working_day(
    arrived: datetime, registered: str
) -> None:
    """Article 64 ¶3, by the clock of Kazakhstan; a Saturday on which people work is a working day."""
    assert str(LAW.registered_on(arrived)) == registered


def test_the_end_of_the_working_day_is_the_installations() -> None:
    """What it says goes over what is assumed."""
    law = Law(load_norms(day_ends=time(17)), LAW.calendar)
    assert str(law.registered_on(at("2026-11-02", 17.5))) == "2026-11-03"
    assert (law.norms.day_ends_assumed, bool(NORMS.day_ends_assumed)) == ("", True)


@pytest.mark.parametrize(
    ("day", "months", "later"),
    [("2026-11-30", 2, "2027-01-30"), ("2025-12-31", 2, "2026-02-28"), ("2023-12-31", 2, "2024-02-29"),
     ("2026-10-31", 2, "2026-12-31"), ("2026-11-30", 3, "2027-02-28")],
)  # fmt: skip
def test_months_end_on_the_same_day_or_the_last_one(day: str, months: int, later: str) -> None:
    """Of a month that is shorter."""
    assert str(months_later(date.fromisoformat(day), months)) == later


def test_two_norms_for_one_day_are_refused(tmp_path: Path) -> None:
    """Nobody could say by which an appeal is due."""
    path = tmp_path / "norms.toml"
    text = raw_of(None, "norms.toml").decode()
    norms = text.partition('id = "general.2021"')
    path.write_text(norms[0] + norms[1] + norms[2].replace("2025-12-31", "2026-01-01", 1), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"'general.2021' and 'general.2026' count at once"):
        load_norms(path)
