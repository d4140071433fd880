"""Translates validation errors of models, as written by `schemas.problems`."""

import re
from typing import NamedTuple

from appealbus.core.language.reader import Reader
from appealbus.core.language.reasons import Known
from appealbus.core.lazy_text import told

_MOST = 3000
"""Most characters; only the first twenty errors are ever written."""
_FIELD = re.compile(
    r"((?:[A-Za-z_][A-Za-z0-9_]*|\(unnamed\)|[0-9]+)(?:\.(?:[A-Za-z_][A-Za-z0-9_]*|\(unnamed\)|[0-9]+))*): (.+)"
)

PROBLEMS = (
    told("Field required"),
    told("there is no such field"),
    told("there is no such word; did you mean {word}?"),
    told("there is no such word; write one of {words}"),
    told("the type is none of {words}"),
    told("`type` is missing, or this is no object"),
    told("Input should be a valid string"),
    told("Input should be a valid string, unable to parse raw data as a unicode string"),
    told("String should have at least {n} character"),
    told("String should have at least {n} characters"),
    told("String should have at most {n} characters"),
    told("String should match pattern '{pattern}'"),
    told("Input should be a valid boolean"),
    told("Input should be a valid boolean, unable to interpret input"),
    told("Input should be a valid integer"),
    told("Input should be a valid integer, unable to parse string as an integer"),
    told("Input should be a valid integer, got a number with a fractional part"),
    told("Unable to parse input string as an integer, exceeded maximum size"),
    told("Input should be a finite number"),
    told("Input should be greater than or equal to {n}"),
    told("Input should be a valid date"),
    told("Input should be a valid date or datetime, {error}"),
    told("Datetimes provided to dates should have zero time - e.g. be exact dates"),
    told("Input should be a valid datetime"),
    told("Input should be a valid datetime or date, {error}"),
    told("Input should be a valid datetime, {error}"),
    told("Input should have timezone info"),
    told("input is too short"),
    told("month value is outside expected range of 1-12"),
    told("day value is outside expected range"),
    told("hour value is outside expected range of 0-23"),
    told("minute value is outside expected range of 0-59"),
    told("second value is outside expected range of 0-59"),
    told("timezone offset must be less than 24 hours"),
    told("unexpected extra characters at the end of the input"),
    told("a date or a time is written out as in ISO 8601"),
    told("it is no moment on every clock"),
    told("it has a character that XML cannot carry"),
    told("Input should be a valid list"),
    told("Input should be a valid array"),
    told("List should have at most {most} items after validation, not {n}"),
    told("List should have at most {most} items after validation, not more"),
    told("Value should have at most {most} items after validation, not {n}"),
    told("Value should have at least {least} item after validation, not {n}"),
    told("Input should be an object"),
    told("Input should be a valid dictionary or instance of {model}"),
    told("Input should be a valid dictionary or object to extract fields from"),
    told("there are {n} mistakes"),
    told("and {n} more"),
)
"""One per kind of error of appeals and changes; others stay untranslated."""
_known = Known(problem.text for problem in PROBLEMS)


class Problem(NamedTuple):
    """An error; `known` says whether it is translated."""

    text: str
    known: bool


def problems_told(written: str, to: Reader) -> list[Problem]:
    """Translate the errors field by field; unknown ones stay as written."""
    if len(written) > _MOST:
        return [Problem(written, known=False)]
    parts, problems = written.split("; "), []
    while parts:
        # A reason may have semicolons of its own.
        for size in range(1, min(len(parts), 3) + 1):
            piece = "; ".join(parts[:size])
            if (text := _told(piece, to)) is not None:
                problems.append(Problem(text, known=True))
                break
        else:
            size = 1
            problems.append(Problem(parts[0], known=False))
        parts = parts[size:]
    return problems


def _told(piece: str, to: Reader) -> str | None:
    field = _FIELD.fullmatch(piece)
    if field is not None and (text := _known.tell(field[2], to)) is not None:
        return f"{to.path(_path(field[1]))} ({field[1]}): {text}"
    return _known.tell(piece, to)


def _path(written: str) -> str:
    """Normalize a path: `parcels.0.note` becomes `parcels[0].note`."""
    return re.sub(r"\.([0-9]+)(?=\.|$)", r"[\1]", written)
