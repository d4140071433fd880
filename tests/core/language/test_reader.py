"""What one reader is told: languages, fallbacks, plugins' words, and what no plugin may change."""

import subprocess
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo

from appealbus.core.language import Reader, ReaderLanguage, chosen
from appealbus.schemas.base import reading_stored
from appealbus.schemas.outcome import OutcomeKind
from appealbus.schemas.signal import Severity, Signal

EN, RU, KK = (Reader(ReaderLanguage(each)) for each in ("en", "ru", "kk"))


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "kk_KZ.UTF-8"}, "kk"),
        ({"LANG": "kk"}, "kk"),
        ({"LANG": "kk_KZ.UTF-8", "LC_MESSAGES": "ru_KZ"}, "ru"),
        ({"LC_MESSAGES": "ru_RU.UTF-8", "LC_ALL": "en_GB"}, "en"),
        ({"LC_ALL": "", "LANG": "ru@latin"}, "ru"),
        ({"LANG": "rum_RO"}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
    ],
)
def test_the_locale_says_the_language(environment: dict[str, str], language: str) -> None:
    """As for every program; what is asked for counts before."""
    assert chosen(None, environment) == language
    assert chosen(ReaderLanguage.KAZAKH, environment) == "kk"


def test_fields_have_their_names() -> None:
    """By where they lie; a name in two languages is one; what nobody knows is shown as it is."""
    assert (KK.field("iin"), RU.field("iin"), EN.field("iin")) == ("ЖСН", "ИИН", "IIN")
    assert KK.path("documents[1].number") == "құжат 2, нөмірі"
    assert RU.path("name_ru", "Organisation") == RU.path("name_kk", "Organisation") == "наименование"
    assert RU.path("leader.name") == "руководитель, имя"
    assert EN.path("parcels[0].cadastral_number") == "parcels 1, cadastral number"
    assert RU.path("x[\x1b].Y") == "x[\x1b].Y"


def test_days_moments_and_numbers_are_those_of_the_language() -> None:
    """A number that may be a name, such as a year, stays as it is."""
    day = date(2026, 11, 27)
    assert (EN.day(day), RU.day(day), KK.day(day)) == ("27 Nov 2026", "27 нояб. 2026\u202fг.", "2026\u202fж. 27 қар.")
    assert RU.moment(datetime(2026, 11, 27, 12, 5, tzinfo=UTC), seconds=False).startswith("27 нояб. 2026\u202fг. ")
    assert [each.value(Decimal("12345.6789")) for each in (EN, RU)] == ["12,345.6789", "12\xa0345,6789"]
    assert [RU.value(each) for each in (1987, True, "a", OutcomeKind.FOUND)] == ["1987", "да", "a", "найдено"]


def test_plurals_are_those_of_the_language() -> None:
    """Russian has three, Kazakh has one form for all."""
    days = [RU.say_n("{n} day left", "{n} days left", n) for n in (1, 3, 11, 21)]
    assert days == ["остался 1 день", "осталось 3 дня", "осталось 11 дней", "остался 21 день"]
    assert KK.say_n("{n} day left", "{n} days left", 1) == "1 күн қалды"
    assert EN.say_n("{n} day left", "{n} days left", 2) == "2 days left"


def test_a_code_is_told_by_what_it_begins_with() -> None:
    """In English the reason says more; what no catalogue knows is said as it was written."""
    assert RU.reason("http.503", "why") == "связь с источником не удалась"
    assert RU.reason("gbdfl.00042", "why") == "ГБД ФЛ ответила кодом ошибки"
    assert RU.reason("source.closed", "why") == "источник закрыт в это время недели"
    paused = "a person has the source paused: чинят: до 9"
    assert RU.reason("source.paused", paused) == "источник отключён человеком: чинят: до 9"
    assert (RU.reason("acme.1", "why"), RU.reason("", "why"), EN.reason("http.503", "why")) == ("why",) * 3


def test_a_signal_is_in_the_language_of_who_reads() -> None:
    """One without English is Russian then."""
    given = {
        "assessor": "a",
        "code": "c",
        "severity": Severity.INFO,
        "message_ru": "р",
        "message_kk": "қ",
        "fields": [],
    }
    three = Signal(**given, message_en="e")
    assert [each.signal(three) for each in (RU, KK, EN)] == ["р", "қ", "e"]
    assert EN.signal(Signal(**given)) == "р"


def test_a_word_of_another_release_is_shown_as_it_is() -> None:
    """As every word that no catalogue has."""
    with reading_stored():
        assert RU.word(OutcomeKind("half_found")) == "half_found"


def shipped(folder: Path, language: str, words: dict[tuple[str | None, str], str]) -> str:
    """Put a catalogue beside a plugin of one file."""
    made = Catalog(locale=language)
    for (context, name), text in words.items():
        made.add(name, text, context=context)
    to = folder / "locale" / language / "LC_MESSAGES"
    to.mkdir(parents=True)
    with (to / "appealbus.mo").open("wb") as file:
        write_mo(file, made)
    return str(folder / "acme.py")


def test_a_plugin_brings_words_and_changes_none_of_the_programs(tmp_path: Path) -> None:
    """Its fields and codes have their names; a sentence of the program's, with values in it, stays what it was."""
    words = {
        ("field", "acme_size"): "размер",
        ("code", "acme"): "нет",
        ("field", "iin"): "чужое",
        (None, "today"): "{0.__class__}",
    }
    to = Reader(ReaderLanguage.RUSSIAN, [shipped(tmp_path, "ru", words)])
    assert (to.field("acme_size"), to.reason("acme.7", "why")) == ("размер", "нет")
    assert (to.field("iin"), to.say("today")) == ("ИИН", "сегодня")


def test_a_catalogue_that_cannot_be_read_costs_its_own_words_alone(tmp_path: Path) -> None:
    """Whatever a third party ships; and one that is not there costs nothing."""
    plugin = shipped(tmp_path, "ru", {("field", "a"): "б"})
    for broken in (b"", b"\xde\x12\x04\x95\xff", b"text" * 9):
        (tmp_path / "locale" / "ru" / "LC_MESSAGES" / "appealbus.mo").write_bytes(broken)
        to = Reader(ReaderLanguage.RUSSIAN, [plugin, "no.such.module", str(tmp_path / "none" / "x.py")])
        assert (to.field("a"), to.field("iin")) == ("a", "ИИН")


@pytest.mark.parametrize("raised", ["RuntimeError('x')", "SystemExit(3)", "KeyboardInterrupt"])
def test_a_package_that_raises_costs_its_own_words_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raised: str
) -> None:
    """Where a plugin lies in a package, that is imported to find it: dossiers are read all the same."""
    (tmp_path / "raising_package").mkdir()
    (tmp_path / "raising_package" / "__init__.py").write_text(f"raise {raised}\n")
    monkeypatch.syspath_prepend(tmp_path)
    to = Reader(ReaderLanguage.RUSSIAN, ["raising_package.plugin"])
    if raised == "KeyboardInterrupt":  # where no loop runs, that is Ctrl-C
        with pytest.raises(KeyboardInterrupt):
            to.field("a")
    else:
        assert (to.field("a"), to.field("iin")) == ("a", "ИИН")


def test_a_reader_imports_no_plugin() -> None:
    """Their catalogues lie beside them: commands that only read stay quick."""
    code = (
        "import sys; from appealbus.core.language import *; r = Reader(ReaderLanguage.KAZAKH)\n"
        "assert r.lookup('gbdfl.person') != 'gbdfl.person'\n"
        "unwanted = ('appealbus.plugins.', 'appealbus.connectors.', 'babel')\n"
        "print([name for name in sys.modules if name.startswith(unwanted)])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "[]\n"
