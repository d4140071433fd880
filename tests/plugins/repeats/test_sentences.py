"""What is new in a text, against a reference written in another way."""

import random
import unicodedata

import pytest

from appealbus.plugins.repeats.sentences import Changed, News, news, sentences
from tests.plugins.repeats.making import altered, text, words


def plainly(written: str) -> str:
    """Return the words of a text, character by character."""
    said = ""
    for sign in unicodedata.normalize("NFKC", written).casefold():
        said += ("е" if sign == "ё" else sign) if sign.isalnum() else " "
    return " ".join(said.split())


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("", []),
        ("---\n\n . ", []),
        ("Нет воды", ["Нет воды"]),
        ("Нет воды! Уже 3 дня?.. Примите меры.", ["Нет воды!", "Уже 3 дня?..", "Примите меры."]),
        ("Живу на ул. Абая, д. 5, кв. 7. Воды нет.", ["Живу на ул. Абая, д. 5, кв. 7.", "Воды нет."]),
        ("1. Дать ответ.\n2. Принять меры", ["1. Дать ответ.", "2. Принять меры"]),
        ("А. С. Иванов отказал. Прошу помочь", ["А. С. Иванов отказал.", "Прошу помочь"]),
        ("Су жоқ… Көмектесіңіз; тез!", ["Су жоқ…", "Көмектесіңіз;", "тез!"]),
    ],
)
def test_sentences(written: str, said: list[str]) -> None:
    """They end at signs and at the ends of lines, not behind abbreviations, initials and numbers of points."""
    assert list(sentences(written)) == said


def test_what_is_new_changed_and_gone() -> None:
    """A sentence is new, or an earlier one that says something else now; how it is written does not matter."""
    before = "Течёт крыша дома. Вода стоит в подвале уже 10 дней. Акимат не отвечает.\nПрошу принять меры."
    now = "ТЕЧЕТ КРЫША ДОМА!\nВода стоит в подвале уже 25 дней. Приложено заключение инженера. Прошу\nпринять меры"
    changed = Changed("Вода стоит в подвале уже 25 дней.", "Вода стоит в подвале уже 10 дней.")
    assert news(now, before) == News(("Приложено заключение инженера.",), (changed,), same=3, gone=1)
    assert news(before, before).nothing
    assert news("", before) == News(gone=4)
    assert news(before, "").new == tuple(sentences(before))


@pytest.mark.parametrize("seed", range(40))
def test_as_a_plain_reading_finds(seed: int) -> None:
    """Letters cut, mixed and lengthened: what is new is what no sentence of the earlier one says, one by one."""
    chance = random.Random(seed)
    before = [f"{' '.join(words(8, 1000 * seed + at)).capitalize()}." for at in range(chance.randint(0, 12))]
    added = [f"{' '.join(words(8, 500 + 1000 * seed + at)).capitalize()}." for at in range(chance.randint(0, 6))]
    kept = chance.sample(before, chance.randint(0, len(before)))
    now = chance.sample(kept + added, len(kept) + len(added))
    found = news(chance.choice([" ", "\n", "\n\n  "]).join(now).upper(), " ".join(before))
    known = [plainly(each) for each in before]
    new = [each for each in now if plainly(each) not in known]
    assert ([plainly(each) for each in found.new], found.changed) == ([plainly(each) for each in new], ())
    assert (found.same, found.gone) == (len(kept), len(before) - len(kept))


@pytest.mark.proof
def test_hostile_texts_end() -> None:
    """The longest text there is, of sentences that are all alike, and of one without an end."""
    alike = " ".join(f"Жалоба номер {at} на дорогу." for at in range(7000))[:200_000]
    assert news(alike, alike[:100_000] + " а").same > 3000
    found = news(altered(alike, 0.5, 1), alike)
    assert len(found.new) + len(found.changed) > 3000
    assert news("." * 200_000, "а" * 200_000).nothing
    assert news("а" * 200_000, text(10, 1)).new == ("а" * 200_000,)
    assert list(sentences("а. " * 66_000)) == [("а. " * 66_000).strip()]
    assert news("а, б, " * 33_000, "б, а," * 33_000).gone <= 1
    assert news("a" * 200_000, "b" * 200_000).new == ("a" * 200_000,)  # Latin: are they within a Cyrillic word?
    short = [" ".join(f"{at:x}." for at in range(begin, begin + 28_000)) for begin in (0x10000, 0x20000)]
    assert len(news(*short).new) == 28_000


@pytest.mark.parametrize(
    ("before", "now", "new"),
    [
        ("Сосед не виноват. Ответ получен не был.", "Виноват. Ответ получен.", 2),
        ("Жалуюсь: мусор не вывозят, крысы бегают.", "Мусор не вывозят. Крысы бегают.", 0),
        ("Вывозят мусор. Прошу помочь.", "1. Вывозят мусор\n2) Прошу помочь", 0),
        ("Қоқыс шығарылмайды бізде.", "Қоқыс шығарылмайды бiзде.", 0),
        ("Прошу вернуть участок.", "Прошу вер\u00adнуть\nучасток.", 0),
    ],
)
def test_what_citizens_do_to_a_letter(before: str, now: str, new: int) -> None:
    """A part that is cut out so that it says the contrary is new; a split, a list, a Latin letter is not."""
    found = news(now, before)
    assert len(found.new) + len(found.changed) == new
