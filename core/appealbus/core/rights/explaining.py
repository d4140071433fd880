"""Explaining where a field comes from, on a masked dossier only."""

from collections.abc import Iterator, Mapping
from typing import Any

from appealbus.core.enrichment.fields import FieldError, FieldValue, is_below, without_indexes
from appealbus.core.rights.mask import Mask
from appealbus.core.rights.paths import path_of
from appealbus.core.rights.questions import Json

_CAUSE = ("outcome", "code", "reason", "next_attempt_at")


class FieldHidden(FieldError):
    """The field is hidden from the viewer; its existence has not been checked."""

    def __init__(self) -> None:
        super().__init__("hidden")


def explain_masked(mask: Mask, document: Json, path: str) -> list[FieldValue]:
    """Explain a field of a masked dossier, like `explain_field`. Raises FieldHidden and FieldError."""
    if mask.hidden(path_of(path)):
        raise FieldHidden
    head, slash, rest = path.partition("/")
    if not slash and (path == "appeal" or path.startswith("appeal.")):
        return _of_appeal(document, path.removeprefix("appeal").removeprefix("."))
    lookup, _, key = head.removesuffix("]").partition("[")
    facts, gaps = (
        [row for row in document.get(name, ()) if row["lookup"] == lookup and key in ("", row["key"])]
        for name in ("facts", "gaps")
    )
    if not facts and not gaps:
        names = sorted({row["lookup"] for row in document.get("outcomes", ())})
        raise FieldError(f"{path!r}: what is shown has no {head!r}; there are: appeal, {', '.join(names)}")
    values = [
        FieldValue(f"{titled(fact, document)}/{name}", value, _trail(fact, document))
        for fact in facts
        for name, value in leaves_of(fact.get("record", {}))
        if is_below(name, rest)
    ]
    there = {fact["key"] for fact in facts}  # what is provisional says so in its trail
    values += [FieldValue(path, None, _texts(gap, _CAUSE)) for gap in gaps if gap["key"] not in there]
    if not values:
        names = sorted({without_indexes(name) for fact in facts for name, _ in leaves_of(fact.get("record", {}))})
        raise FieldError(f"{path!r}: {lookup} shows no such field; it shows: {', '.join(names)}")
    return values


def _of_appeal(document: Json, rest: str) -> list[FieldValue]:
    receipt = document.get("receipt", {})
    trail = {"source": "the appeal itself"}
    trail |= _texts(receipt, ("channel", "message_id", "accepted_at", "accepted_by"))
    leaves = list(leaves_of(document.get("appeal", {})))
    values = [FieldValue(f"appeal.{name}", value, trail) for name, value in leaves if is_below(name, rest)]
    if not values:
        names = sorted({without_indexes(name) for name, _ in leaves})
        raise FieldError(f"'appeal.{rest}': the appeal does not show it; it shows: {', '.join(names)}")
    return values


def leaves_of(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield path and value of all leaves, in document order."""
    match value:
        case dict():
            for name, item in value.items():
                yield from leaves_of(item, f"{path}.{name}" if path else name)
        case list():
            for at, item in enumerate(value):
                yield from leaves_of(item, f"{path}[{at}]")
        case None | "":
            return
        case _:
            yield path, value


def titled(fact: Json, document: Json) -> str:
    """Return the part of a fact's field paths before the `/`."""
    alone = sum(other["lookup"] == fact["lookup"] for other in document["facts"]) == 1
    return str(fact["lookup"]) if alone else f"{fact['lookup']}[{fact['key']}]"


def _trail(fact: Json, document: Json) -> dict[str, str]:
    trail = _texts(fact["provenance"], fact["provenance"])
    if fact.get("not_asked_now"):
        trail["not_asked_now"] = "an earlier version told it"
    for gap in document.get("gaps", ()):
        if (gap["lookup"], gap["key"]) == (fact["lookup"], fact["key"]):
            trail |= _texts(gap, _CAUSE)
    for outcome in document.get("outcomes", ()):
        if (outcome["lookup"], outcome["key"]) == (fact["lookup"], fact["key"]):
            for given in outcome.get("inputs", ()):
                trail[f"input {given['name']}"] = f"{given['value']} (from {given['path']})"
    return trail


def _texts(row: Mapping[str, Any], names: Any) -> dict[str, str]:
    return {name: str(row[name]) for name in names if row.get(name) not in (None, "")}
