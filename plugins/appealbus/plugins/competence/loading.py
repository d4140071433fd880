"""Loads and checks the file with the table of bodies."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from appealbus.core.config.files import ConfigPlace, InvalidConfig, Problem, SettingsFile, dotted, load_written
from appealbus.plugins.competence.overlaps import shared
from appealbus.plugins.competence.rows import Row, together
from appealbus.plugins.competence.scope import category_chain, territory_chain
from appealbus.plugins.competence.settings import BodySettings, QuestionSettings, TableSettings
from appealbus.plugins.competence.table import Table
from appealbus.schemas.territory import KATO_OBLASTS

LARGEST = 32 * 1024 * 1024
"""Bytes. About 100,000 rows, twice the number of organisations in «е-Өтініш» (50,000); a larger file is the wrong one.
"""
ROWS_OF_ONE = 200
"""Maximum number of rows of one body: each appeal is compared with all of them, and they with each other."""
_TOLD = 20
"""Maximum number of problems reported at once: an export program repeats one mistake in every row."""


def load_table(file: Path) -> Table:
    """Load the table from a TOML file; raise ConfigError with file, line, key and what to write."""
    if (size := file.stat().st_size) > LARGEST:
        text = f"{size} bytes, and at most {LARGEST} are read; leave out rows that do not count any more"
        raise InvalidConfig([Problem(ConfigPlace(str(file)), "", text)])
    written = load_written(file)
    try:
        table = written.check(TableSettings)
    except InvalidConfig as error:
        raise _first(error.problems) from None
    problems = [*_of_rows(written, table.bodies), *_of_questions(written, table.questions)]
    rows = [Row.of(body) for body in table.bodies]
    problems += _of_bodies(written, rows)
    if problems:
        raise _first(problems)
    return Table.of(rows, table.questions)


def _first(problems: Sequence[Problem]) -> InvalidConfig:
    ordered = sorted(problems, key=lambda problem: problem.where)
    if len(ordered) > _TOLD:
        more = Problem(
            ConfigPlace(ordered[_TOLD].where.source, ordered[_TOLD].where.line), "", f"and {len(ordered) - _TOLD} more"
        )
        ordered = [*ordered[:_TOLD], more]
    return InvalidConfig(ordered)


def _problem(written: SettingsFile, row: int, key: str, text: str) -> Problem:
    path = ("bodies", row, key)
    return Problem(written.where(path), dotted(path), text)


def _of_rows(written: SettingsFile, bodies: Sequence[BodySettings]) -> Iterator[Problem]:
    seen: set[str] = set()
    for at, row in enumerate(bodies):
        if row.id in seen:
            yield _problem(written, at, "id", f"another row is called {row.id}; write another name")
        seen.add(row.id)
        if row.valid_from and row.valid_until and row.valid_until < row.valid_from:
            yield _problem(written, at, "valid_until", "lies before valid_from; write a later day")
        for key in ("territory", "except_territory"):
            for code in getattr(row, key):
                if code[:2] not in KATO_OBLASTS:
                    text = f"КАТО has no oblast {code[:2]}; write a code of one, or none for the whole country"
                    yield _problem(written, at, key, text)
        outside = set(row.except_categories)
        for code in row.categories:
            if "*" in outside or outside & category_chain(code):
                text = f"{code} is in categories, and except_categories takes all of it away; leave one of them out"
                yield _problem(written, at, "except_categories", text)
        places = Row.of(row).places
        if any(places.outside & territory_chain(node) for node in places.inside):
            text = "takes away all of a code in territory; leave one of them out"
            yield _problem(written, at, "except_territory", text)


def _of_questions(written: SettingsFile, questions: Sequence[QuestionSettings]) -> Iterator[Problem]:
    seen: set[str] = set()
    for at, row in enumerate(questions):
        path = ("questions", at, "code")
        if row.code in seen:
            yield Problem(written.where(path), dotted(path), f"{row.code} has a name already; leave one of them out")
        seen.add(row.code)
        if row.name_ru is None and row.name_kk is None:
            yield Problem(written.where(path), dotted(path), "has no name; write name_ru, name_kk or both")


def _of_bodies(written: SettingsFile, rows: Iterable[Row]) -> Iterator[Problem]:
    by_bin: dict[str, list[tuple[int, Row]]] = defaultdict(list)
    for at, row in enumerate(rows):
        by_bin[row.said.bin].append((at, row))
    for those in by_bin.values():
        if len(those) > ROWS_OF_ONE:
            text = f"a body has at most {ROWS_OF_ONE} rows, and this one {len(those)}; put its codes into fewer rows"
            yield _problem(written, those[0][0], "bin", text)
            continue
        for number, (at, row) in enumerate(those):
            for _, other in those[:number]:
                if together(row, other):
                    yield from _of_two(written, at, row, other)


def _of_two(written: SettingsFile, at: int, row: Row, other: Row) -> Iterator[Problem]:
    if shared(row, other) is not None:
        text = f"the row {other.said.id} gives this body the same questions in the same place; make one row of both"
        yield _problem(written, at, "categories", text)
    for one, another in ((row, other), (other, row)):
        denied = next((code for code in one.questions.inside if another.questions.outside & category_chain(code)), None)
        if denied is not None and shared(row, other, places_alone=True) is not None:
            text = f"{one.said.id} gives this body {denied or '*'}, {another.said.id} says that it is not its matter"
            yield _problem(written, at, "categories", text)
