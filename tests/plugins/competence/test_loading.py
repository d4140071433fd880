"""The file of the table: what is wrong is told with file, line and key, and what overlaps as a warning."""

import subprocess
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from appealbus.core import ConfigError
from appealbus.plugins.competence.loading import LARGEST, ROWS_OF_ONE, load_table
from appealbus.plugins.competence.overlaps import overlaps
from tests.plugins.competence.making import A, B, C, bins, body, table, write
from tests.services import commands

FIRST = body("first", A, ["10"], ["270000000"])


def told(tmp_path: Path, *rows: Any) -> list[str]:
    """Return what is wrong with a table, without the name of its file."""
    file = write(tmp_path / "bodies.toml", *rows)
    with pytest.raises(ConfigError) as raised:
        load_table(file)
    return str(raised.value).replace(f"{file}:", "").splitlines()


@pytest.mark.parametrize(
    ("row", "line", "key", "text"),
    [
        (body("first", B, ["20"]), 9, "bodies[1].id", "another row is called first"),
        (body("x", "210740001017", ["20"]), 10, "bodies[1].bin", "last digit"),
        (body("x", B, ["20"], ["990000000"]), 12, "bodies[1].territory", "no oblast 99"),
        (body("x", B, ["20"], ["27"]), 12, "bodies[1].territory[0]", "9 digits"),
        (body("x", B, ["20"], except_territory=["980000000"]), 14, "bodies[1].except_territory", "no oblast 98"),
        (body("x", B, ["20."]), 11, "bodies[1].categories[0]", "match pattern"),
        (body("x", B, []), 8, "bodies[1].categories", "missing"),
        (body("x", B, ["20.1"], except_categories=["20"]), 14, "bodies[1].except_categories", "takes all of it away"),
        (
            body("x", B, ["20"], ["271010000"], except_territory=["271000000"]),
            15,
            "bodies[1].except_territory",
            "takes away all",
        ),
        (
            body("x", B, ["20"], valid_from=date(2026, 2, 1), valid_until=date(2026, 1, 1)),
            15,
            "bodies[1].valid_until",
            "before valid_from",
        ),
        (body("x", B, ["20"], teritory="1"), 14, "bodies[1].teritory", "unknown key"),
        (body("x", A, ["10.1"], ["271010000"]), 11, "bodies[1].categories", "the same questions in the same place"),
        (
            body("x", A, ["20"], ["271010000"], except_categories=["10"]),
            11,
            "bodies[1].categories",
            "first gives this body 10, x says that it is not its matter",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_line_and_key(tmp_path: Path, row: Any, line: int, key: str, text: str) -> None:
    """And with what is wrong, in one line."""
    (problem,) = told(tmp_path, FIRST, row)
    where, named, said = problem.split(": ", 2)
    assert (named, text in said) == (key, True)
    assert int(where) == line


def test_a_body_may_have_rows_that_do_not_meet(tmp_path: Path) -> None:
    """One after the other, or for other questions, or elsewhere."""
    rows = [
        FIRST | {"valid_until": date(2026, 1, 1)},
        body("later", A, ["10"], ["270000000"], valid_from=date(2026, 1, 2)),
        body("else", A, ["20"], ["270000000"]),
        body("there", A, ["10"], ["150000000"]),
    ]
    assert len(load_table(write(tmp_path / "bodies.toml", *rows)).rows) == 4


def test_many_mistakes_are_told_in_part(tmp_path: Path) -> None:
    """A program that writes a wrong file writes it wrong in each row."""
    problems = told(tmp_path, *(body(str(at), B, ["20"], ["990000000"]) for at in range(100)))
    assert len(problems) == 21
    assert "and 5030 more" in problems[-1]  # each row, and each pair of them, for they are of one body


def test_a_body_with_too_many_rows_is_refused(tmp_path: Path) -> None:
    """It would be compared row by row for each appeal."""
    rows = [body(str(at), A, [str(at)]) for at in range(ROWS_OF_ONE + 1)]
    assert ["at most" in each for each in told(tmp_path, *rows)] == [True]


def test_two_hundred_thousand_rows_are_refused_unread(tmp_path: Path) -> None:
    """By the size of the file, before it fills the memory."""
    names = 'name_ru = "Местный исполнительный орган"\nname_kk = "Жергілікті атқарушы орган"\n'
    row = f'[[bodies]]\nid = "r"\nbin = "{A}"\n{names}categories = ["10"]\n'
    file = tmp_path / "bodies.toml"
    file.write_text(row * 200_000, encoding="utf-8")
    assert file.stat().st_size > LARGEST
    with pytest.raises(ConfigError, match="bytes, and at most"):
        load_table(file)


@pytest.mark.parametrize("content", [b"\xff", b"[[bodies]", b"bodies = 3", b'[[bodies]]\nid = "\x00"'])
def test_what_is_no_table_is_told(tmp_path: Path, content: bytes) -> None:
    """With the file, and a line where there is one."""
    file = tmp_path / "bodies.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=r"bodies\.toml:\d: "):
        load_table(file)


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (body("x", B, ["10.2"], ["271010000"]), ["rows first and x overlap: category 10.2, territory 271010000"]),
        (body("x", B, ["*"], ["271010000"]), ["rows first and x overlap: category 10, territory 271010000"]),
        (body("x", B, ["10.2"]), ["rows first and x overlap: category 10.2, territory 270000000"]),
        (body("x", B, ["20"], ["270000000"]), []),
        (body("x", B, ["10"], ["150000000"]), []),
        (body("x", B, ["10"], except_territory=["270000000"]), []),
        (
            body("x", B, ["10"], valid_until=date(2020, 1, 1)),
            ["rows first and x overlap: category 10, territory 270000000"],
        ),
    ],
)
def test_bodies_that_overlap_are_told(other: Any, expected: list[str]) -> None:
    """Whichever stands first, each pair once, with what they share."""
    for rows in ((FIRST, other), (other, FIRST)):
        assert overlaps(table(*rows).rows) == expected


def test_a_table_of_rows_all_alike_is_told_in_part() -> None:
    """Ten thousand of them are fifty million pairs."""
    rows = [body(str(at), bin_, ["10"]) for at, bin_ in enumerate(bins(10_000))]
    assert len(overlaps(table(*rows).rows)) == 21


def check(tmp_path: Path, *rows: Any) -> "subprocess.CompletedProcess[str]":
    """Run `appealbus check` over a table of rows."""
    write(tmp_path / "bodies.toml", *rows)
    (tmp_path / "appealbus.toml").write_text('[plugins.competence]\ntable = "bodies.toml"\n', encoding="utf-8")
    return commands.run(tmp_path, "check")


def test_check_tells_overlaps_and_mistakes(tmp_path: Path) -> None:
    """The first are warnings; by the others the plugin is broken, and `check` exits with 1."""
    overlapping = check(tmp_path, FIRST, body("x", C, ["10.2"]))
    assert "competence: rows first and x overlap: category 10.2" in " ".join(overlapping.stderr.split())
    wrong = check(tmp_path, FIRST, FIRST)
    assert overlapping.returncode == 0
    assert wrong.returncode == 1
    assert "plugin competence is broken" in wrong.stderr
    assert "bodies.toml:9:bodies[1].id" in "".join(wrong.stderr.split())


def test_what_questions_are_called_is_read_too(tmp_path: Path) -> None:
    """In one language or in both; a code has one name, and a name is said."""
    file = write(tmp_path / "bodies.toml", FIRST)
    rows = file.read_text(encoding="utf-8")
    both = '[[questions]]\ncode = "10"\nname_ru = "Земля"\nname_kk = "Жер"\n'
    file.write_text(rows + both + '[[questions]]\ncode = "10.09"\nname_kk = "Кадастр"\n', encoding="utf-8")
    called = load_table(file).questions
    assert {code: (each.name_ru, each.name_kk) for code, each in called.items()} == {
        "10": ("Земля", "Жер"),
        "10.09": (None, "Кадастр"),
    }
    file.write_text(rows + both * 2 + '[[questions]]\ncode = "20"\n', encoding="utf-8")
    with pytest.raises(ConfigError) as raised:
        load_table(file)
    twice, nameless = str(raised.value).replace(f"{file}:", "").splitlines()
    assert twice.endswith("questions[1].code: 10 has a name already; leave one of them out")
    assert nameless.endswith("questions[2].code: has no name; write name_ru, name_kk or both")
