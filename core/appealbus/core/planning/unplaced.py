"""Searches unread parts of an appeal for a missing input."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Annotated, Any

from pydantic import TypeAdapter, ValidationError

from appealbus.core.interfaces.lookup import Query
from appealbus.core.planning.paths import Path, of_each, touch, values
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.notes import Notes

UNKNOWN = "inputs.unknown"
"""Code of a question whose input may be in an unread part of the appeal."""
_TOKEN = re.compile(r"[^\s<>\"'={}\[\],]+")
_MOST = 5000
"""Words searched; a longer part is assumed to hold the input."""


def may_have(appeal: Appeal, path: Path, model: type[Query], field: str) -> bool:
    """Whether unread parts of the appeal may hold an input.

    Data set aside at the path counts. Unknown fields there or above also count, if they have the field's name or a
    distinctive text that it accepts.
    """
    given = {str(value.value) for value in values(path, appeal)}
    if path.lookup is not None or (given and not path.fans_out):
        return False
    known = {warning.field for warning in appeal.warnings if warning.code != "field.unknown"}
    takes = _taker(model, field)
    for entry in appeal.as_written:
        root = entry.field == Notes().root
        if not root and not touch(of_each(entry.field), path.text):
            continue
        if not root and entry.field in known:
            return True
        words = [word.strip(":") for word in _TOKEN.findall(entry.text)]
        if len(words) > _MOST or any(
            word.rpartition(":")[2] == path.steps[-1].name or (word not in given and takes(word)) for word in words
        ):
            return True
    return False


@lru_cache(maxsize=1000)
def _taker(model: type[Query], field: str) -> Callable[[str], bool]:
    declared = model.model_fields[field]
    taken: Any = Annotated[(declared.annotation, *declared.metadata)]
    adapter: TypeAdapter[Any] = TypeAdapter(taken)

    def takes(text: str) -> bool:
        try:
            value = adapter.validate_python(text)
        except ValidationError:
            return False
        return isinstance(value, str) and (value == text or not text.isdigit())  # a telephone is no parcel

    return (lambda _: False) if takes("?") else takes
