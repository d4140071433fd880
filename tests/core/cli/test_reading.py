"""Dossiers as people read them: three lines first, the worst first, in the reader's language."""

import io
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from appealbus.core.cli import heading
from appealbus.core.cli.heading import worst_first
from appealbus.core.cli.listing import line_of
from appealbus.core.cli.render import dossier_view, gaps_view
from appealbus.core.cli.terminal import Terminal
from appealbus.core.clocks import wall
from appealbus.core.journal.appeals import lists, suspects
from appealbus.core.language import Reader, ReaderLanguage
from appealbus.schemas.appeal import Appeal, AppealKind, OrganisationApplicant, PersonApplicant, Receipt
from appealbus.schemas.base import reading_stored
from appealbus.schemas.change import ChangeKind, ChangeNote
from appealbus.schemas.dossier import Completeness, Dossier, Gap
from appealbus.schemas.outcome import OutcomeKind
from appealbus.schemas.signal import Severity, Signal
from tests.services.day import today

NOW = datetime.now(UTC)
RU, KK = Reader(ReaderLanguage.RUSSIAN), Reader(ReaderLanguage.KAZAKH)
PERSON = PersonApplicant(surname="Сынақов", name="Сынақ", iin="750301100019")


def gap(lookup, outcome, code="", *, required=True, again=None):
    return Gap(
        lookup=lookup, key="k", required=required, outcome=outcome, code=code, reason="as it was", next_attempt_at=again
    )


def signal(severity, text="м"):
    return Signal(assessor="a", code="a.b", severity=severity, message_ru=f"{text}.", message_kk=f"{text}қ.", fields=[])


def made(applicant=PERSON, due_on=None, **more):
    appeal = Appeal(
        message_id="m", channel="files", kind=AppealKind.COMPLAINT, applicant=applicant, text="", due_on=due_on
    )
    receipt = Receipt(number="N-1", accepted_at=NOW, accepted_by="x", message_id="m", channel="files")
    return Dossier(
        number="N-1",
        version=2,
        completeness=Completeness.PARTIAL,
        created_at=NOW,
        receipt=receipt,
        appeal=appeal,
        **more,
    )


def lines(view):
    out = io.StringIO()
    Terminal(file=out).print(view)
    return [line.strip() for line in out.getvalue().splitlines()]


def test_who_is_in_the_first_line() -> None:
    """A person, an organisation, or nobody; with the number by which the reader's language calls it."""
    assert lines(dossier_view(made(), KK))[0] == "N-1  Сынақов Сынақ, ЖСН 750301100019  2-нұсқа  толық емес"
    body = OrganisationApplicant(organisation_name="ТОО\u202e", bin="210740000018")
    assert lines(dossier_view(made(body), RU))[0] == "N-1  ТОО\\u202e, БИН 210740000018  версия 2  неполное"
    assert "no applicant is named" in lines(dossier_view(made(None)))[0]


@pytest.mark.parametrize(
    ("days", "told"),
    [
        (-21, "просрочено на 21 день"),
        (0, "сегодня"),
        (2, "осталось 2 дня"),
        (5, "осталось 5 дней"),
    ],
)
def test_how_long_is_left_is_in_the_second_line(days: int, told: str) -> None:
    """Counted in days of the country, wherever the machine stands."""
    due = today() + timedelta(days=days)
    second = lines(dossier_view(made(due_on=due), RU))[1]
    assert second.startswith(f"срок до {RU.day(due)}, {told}; принято ")


def test_the_day_is_the_countrys_where_the_machine_has_another(monkeypatch) -> None:
    """At 20:00 in London the next day has begun there."""
    monkeypatch.setattr(heading, "wall", lambda: datetime(2026, 11, 27, 20, tzinfo=UTC))
    second = lines(dossier_view(made(due_on=date(2026, 11, 28)), RU))[1]
    assert ", сегодня; " in second


def test_an_answered_appeal_is_not_overdue() -> None:
    """Whether it was answered in time, the reader sees by the two dates."""
    day = today()
    change = ChangeNote(message_id="c", channel="files", kind=ChangeKind.ANSWERED, dated_at=wall(), fields=[])
    second = lines(dossier_view(made(due_on=day - timedelta(days=9), changes=[change]), RU))[1]
    assert f"дан ответ {RU.day(day)}" in second
    assert "просрочено" not in second


def test_the_worst_comes_first() -> None:
    """In the third line, and in their section; a word of another release comes last."""
    with reading_stored():
        odd = Severity("dire")
    mixed = [signal(each) for each in (Severity.INFO, odd, Severity.CRITICAL, Severity.WARNING, Severity.INFO)]
    assert [each.severity for each in worst_first(mixed)] == ["critical", "warning", "info", "info", "dire"]
    again = NOW + timedelta(hours=1)
    open_ = [gap("s.a", OutcomeKind.UNAVAILABLE, again=again), gap("s.b", OutcomeKind.TIMED_OUT, again=again)]
    third = lines(dossier_view(made(signals=mixed, gaps=open_), KK))[2]
    assert third == f"аса маңызды: мқ (+4); 2 сұрау салу қайталанады, ең жақыны {KK.moment(again)}"
    assert lines(dossier_view(made(), RU))[2] == "выводов нет; ничего не ожидается"
    assert "1 required lookup lacks its answer" in lines(gaps_view(made(gaps=[gap("s.a", OutcomeKind.INVALID)])))[2]


def test_what_nobody_could_ask_is_one_line() -> None:
    """However many there are; `--all` tells each, and what was asked is told always."""
    many = [gap(f"s.n{index % 3}", OutcomeKind.NOT_APPLICABLE, "inputs.absent", required=False) for index in range(300)]
    many += [
        gap("s.left", OutcomeKind.SKIPPED, "input.missing", required=False),
        gap("s.no", OutcomeKind.NOT_FOUND, "acme.1"),
    ]
    short = lines(gaps_view(made(gaps=many), RU))
    assert sum("неприменимо" in line for line in short) == 1
    assert "неприменимо: s.n0, s.n1, s.n2; пропущено: s.left; --all" in short[-1]
    assert any(line == "s.no  не найдено: as it was [acme.1]" for line in short)
    whole = lines(gaps_view(made(gaps=many), RU, everything=True))
    told = "неприменимо: исходных данных нет ни в обращении, ни в записях [inputs.absent]"
    assert sum(told in line for line in whole) == 300


async def test_a_list_speaks_the_language_too(journal, accepted) -> None:
    """Its times stay such that lines can be sorted; in English states are called as `--state` takes them."""
    row = replace(
        await journal.ask(lists.appeal_row, accepted.receipt.number),
        version=2,
        completeness="partial",
        signal="critical",
    )
    assert line_of(row, RU).endswith("  в работе; версия 2 неполное, вывод: критично")
    assert line_of(row).endswith("  in_work; version 2 partial, signal critical")
    assert line_of(replace(row, version=0, signal=None, closed="answered"), KK).endswith(
        "  жұмыста, жауап берілді; дерекнама әлі жоқ"
    )


async def test_commands_take_the_language(program, journal, accepted) -> None:
    """By option, by environment and by locale; a language that is none is a wrong command line."""
    number = accepted.receipt.number
    await journal.do(suspects.Hold(number, by="anna", reason="r"))
    for arguments, environment in (
        (("--lang", "ru"), {"LC_ALL": "kk_KZ.UTF-8"}),
        ((), {"APPEALBUS_LANG": "ru", "LANG": "kk"}),
        ((), {"LC_ALL": "ru_RU.UTF-8"}),
    ):
        done = program("why", number, *arguments, environment={"HOME": "/", **environment})
        assert (done.returncode, "удержано" in done.stdout) == (1, True)
    assert program("why", number, "--lang", "de").returncode == 2
