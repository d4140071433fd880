"""Citations: declared once, and told in both languages as official texts write them."""

from pathlib import Path

import pytest

from appealbus.core import ConfigError
from appealbus.core.language import Reader, ReaderLanguage
from appealbus.plugins.repeats.words import NORMS as REPEATED
from appealbus.plugins.terms.citing import CODE, Cited, CitedPlace, cite
from appealbus.plugins.terms.clock import EXTENSION_CITED
from appealbus.plugins.terms.norms import load_norms


@pytest.mark.parametrize(
    ("place", "ru", "kk"),
    [
        ({"article": "99"}, "АППК ст. 99", "ӘРПК-нің 99-бабы"),
        ({"article": "90-5"}, "АППК ст. 90-5", "ӘРПК-нің 90-5-бабы"),
        ({"article": "76", "part": "3"}, "АППК ст. 76 ч. 3", "ӘРПК-нің 76-бабының 3-бөлігі"),
        ({"article": "76", "part": "1–2"}, "АППК ст. 76 ч. 1–2", "ӘРПК-нің 76-бабының 1–2-бөліктері"),
        ({"article": "62–65"}, "АППК ст. 62–65", "ӘРПК-нің 62–65-баптары"),
        ({"article": "11", "point": "10"}, "АППК ст. 11 п. 10", "ӘРПК-нің 11-бабының 10-тармағы"),
        ({"article": "4", "point": "1, 3"}, "АППК ст. 4 п. 1, 3", "ӘРПК-нің 4-бабының 1, 3-тармақтары"),
        ({"article": "88", "subpoint": "1"}, "АППК ст. 88 пп. 1)", "ӘРПК-нің 88-бабының 1) тармақшасы"),
        (
            {"article": "64", "part": "7", "subpoint": "2"},
            "АППК ст. 64 ч. 7 пп. 2)",
            "ӘРПК-нің 64-бабы 7-бөлігінің 2) тармақшасы",
        ),
    ],
)
def test_a_place_is_told_as_official_texts_write_it(place: dict[str, str], ru: str, kk: str) -> None:
    """In Kazakh a chain of possessives: the genitive stands at the act and before the last; several are plural."""
    assert cite(CODE, [CitedPlace(**place)]) == (ru, kk)


def test_several_places_of_an_act_follow_it() -> None:
    """The act is named once."""
    cited = cite("access_to_information", [CitedPlace(article="11", point="10"), CitedPlace(article="5")])
    assert cited == ("Закон № 401-V ст. 11 п. 10, ст. 5", "№ 401-V Заңның 11-бабының 10-тармағы, 5-бабы")


def test_all_that_ships_is_cited_in_both_languages() -> None:
    """Each norm says by itself where it was read, too; Kazakh letters are in the one, and no Russian word is."""
    cited = [text for norm in load_norms().norms for text in (norm.cited, norm.read_in)]
    for each in (*cited, *REPEATED.values(), EXTENSION_CITED):
        assert each.ru
        assert set(each.kk) & set("әіңғүұқөһӘІҢҒҮҰҚӨҺ"), each
        assert not {"ст.", "ч.", "закона", "от"} & set(each.kk.split()), each
    assert load_norms().norms[0].read_in == ("АППК № 350-VI", "ӘРПК № 350-VI")
    assert load_norms().norms[1].read_in.kk == "ӘРПК № 350-VI, 17.12.2025 № 241-VIII Заңның редакциясында"


def test_each_reads_it_in_theirs() -> None:
    """The law has two languages; where there is no Kazakh form, the Russian one is told."""
    to = {language: Reader(language) for language in ReaderLanguage}
    assert [Cited("ст.", "бап").to(to[each]) for each in ("kk", "ru", "en")] == ["бап", "ст.", "ст."]
    assert Cited("ст.", "").to(to[ReaderLanguage.KAZAKH]) == "ст."


FILE = """version = "1"
day_ends = 18:30:00
day_ends_source = "-"
[[norms]]
id = "one"
what = "term"
from = 2021-07-01
days = 3
unit = "working"
start = "same_day"
"""


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ('article = "Закон ст. 5"\nsource = "-"', ""),
        ('act = "code"\ncites = [{ article = "5" }]', ""),
        ("", "names an `act`"),
        ('article = "Закон ст. 5"', "names an `act`"),
        ('cites = [{ article = "5" }]', "names an `act`"),
        ('act = "code"', "names an `act`"),
        ('act = "code"\ncites = [{ article = "5" }]\narticle = "ст. 6"', "names an `act`"),
        ('act = "another"\ncites = [{ article = "5" }]', "'access_to_information'"),
    ],
)
def test_a_file_says_an_act_with_its_places_or_a_text(tmp_path: Path, said: str, wrong: str) -> None:
    """Files of before have texts; what is in doubt is refused."""
    path = tmp_path / "norms.toml"
    path.write_text(FILE + said, encoding="utf-8")
    if wrong:
        with pytest.raises(ConfigError, match=wrong):
            load_norms(path)
    else:
        assert load_norms(path).norms[0].cited.ru.endswith("ст. 5")
