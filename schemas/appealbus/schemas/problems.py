"""What is wrong with a document, in words that never quote it."""

import re

from pydantic import ValidationError

from appealbus.schemas.suggestion import did_you_mean

_TOLD = 20
"""Mistakes in one line: a person mends the first ones and tries again."""
_LISTED = 1000
"""Pydantic takes a millisecond for a dozen mistakes of which it is asked the words."""
_HARMLESS = re.compile(r"(?!.*[0-9]{4})[A-Za-z_][A-Za-z0-9_]{0,39}")


def problems(error: ValidationError) -> list[tuple[tuple[str | int, ...], str]]:
    """Return path and reason of each thing that a model refused, safe for a log.

    Pydantic itself repeats a union's tag and an unknown field's name; both are the sender's words.
    """
    if error.error_count() > _LISTED:
        return [((), f"there are {error.error_count()} mistakes")]
    pairs: list[tuple[tuple[str | int, ...], str]] = []
    for item in error.errors(include_url=False):
        *above, last = item["loc"] or ("",)
        if item["type"] == "union_tag_invalid":
            reason = f"the type is none of {item['ctx']['expected_tags']}"
        elif item["type"] == "union_tag_not_found":
            reason = "`type` is missing, or this is no object"
        elif item["type"] == "extra_forbidden":
            last, reason = named(str(last)), "there is no such field"
        elif item["type"] in ("enum", "literal_error"):
            known = re.findall(r"'([^']*)'", item["ctx"]["expected"])
            reason = f"there is no such word; {did_you_mean(str(item['input']), known)}"
        else:
            reason = item["msg"].removeprefix("Value error, ")
        pairs.append(((*above, last) if last != "" else (), reason))
    return pairs


def explain(error: ValidationError) -> str:
    """Return what a model refused as one line; of many mistakes the first."""
    lines = [": ".join(filter(None, (".".join(map(str, path)), reason))) for path, reason in problems(error)]
    more = [f"and {len(lines) - _TOLD} more"] if len(lines) > _TOLD else []
    return "; ".join(lines[:_TOLD] + more)


def named(name: str) -> str:
    """Return a name that the sender made up, if it is like those of fields; else a word for it."""
    return name if _HARMLESS.fullmatch(name) else "(unnamed)"
