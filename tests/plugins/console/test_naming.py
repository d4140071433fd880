"""Official names of bodies and questions: in the language of who reads where there is one, else marked as the other."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from appealbus.core.clocks import day_of, wall
from appealbus.core.language import ReaderLanguage
from appealbus.plugins.competence.settings import QuestionSettings
from appealbus.plugins.competence.table import Table
from appealbus.plugins.console.naming import Names
from appealbus.plugins.console.words import Words
from tests.plugins.competence.making import A, body, table
from tests.plugins.console.alarms import alarms
from tests.plugins.console.world import World

QUESTIONS = [
    QuestionSettings(code="10", name_ru="Земля", name_kk="Жер"),
    QuestionSettings(code="20", name_ru="Жильё"),
    QuestionSettings(code="30", name_kk="Жол"),
]
LANGUAGES = ("kk", "ru", "en")


def test_each_reads_the_name_in_theirs_or_in_the_other_language() -> None:
    """Whoever reads English reads the Russian one; what the table does not know is as the register has said it."""
    called = Table.of(table(body("one", A, ["10"])).rows, QUESTIONS)
    names = [Names(called, Words(ReaderLanguage(each))) for each in LANGUAGES]
    assert [each.topic("10", "ЗЕМЛЯ") for each in names] == [("Жер", "kk"), ("Земля", "ru"), ("Земля", "ru")]
    assert {each.topic("20", "x") for each in names} == {("Жильё", "ru")}
    assert {each.topic("30", "x") for each in names} == {("Жол", "kk")}
    assert {each.topic("40", "ДОРОГИ") for each in names} == {("ДОРОГИ", "")}
    assert [each.body(A) for each in names] == [(f"{A} органы", "kk"), (f"Орган {A}", "ru"), (f"Орган {A}", "ru")]
    assert {each.body("1") for each in names} == {("", "")}


def test_without_a_table_the_register_names_topics() -> None:
    """And nobody names bodies."""
    names = Names(None, Words(ReaderLanguage.KAZAKH))
    assert (names.topic("10", "ЗЕМЛЯ"), names.body(A)) == (("ЗЕМЛЯ", ""), ("", ""))


@pytest.fixture
def file(console: World, tmp_path: Path) -> Iterator[Path]:
    """The file of alarms."""
    with alarms(console, tmp_path) as made:
        yield made


@pytest.mark.proof
def test_figures_and_surges_name_topics_by_the_table(
    console: World, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside the code, and marked with its language; without a table as the register does, in no language."""
    days = [day_of(wall()) + timedelta(days=each) for each in (-4000, 0)]
    figures = f"/console/report?since={days[0]}&until={days[1]}&by=category"
    reviewer = console.signed_in("reviewer")
    before = reviewer.get(figures).text
    code = re.findall(r'<th scope="row">(\d+) ', before.partition('class="figures"')[2])[0]
    said = [
        QuestionSettings(code=code, name_ru="Земля & вода", name_kk="Жер мен су"),
        QuestionSettings(code="waste", name_ru="Отходы", name_kk="Қалдықтар"),
    ]
    shared = console.api.host.shared
    called = Table.of([], said)
    assert "Жер мен су" not in reviewer.get(figures, headers={"Accept-Language": "kk"}).text
    monkeypatch.setattr(console.api.host, "shared", lambda name: called if name == "competence" else shared(name))
    for lang, land, waste in (
        ("kk", 'lang="kk">Жер мен су', 'lang="kk">Қалдықтар'),
        ("ru", 'lang="ru">Земля &amp; вода', 'lang="ru">Отходы'),
        ("en", 'lang="ru">Земля &amp; вода', 'lang="ru">Отходы'),
    ):
        headers = {"Accept-Language": lang}
        assert f'<th scope="row">{code} <span {land}</span>' in reviewer.get(figures, headers=headers).text
        week = reviewer.get("/console/surges", headers=headers).text
        assert f'<span {waste}</span> <code class="soft">waste</code>' in week
        assert f"<span {waste}</span>" in reviewer.get("/console/surges/1", headers=headers).text
