"""The client's types, made of the API's schemas.

`python -m appealbus.plugins.api.client_models client/appealbus/client/models.py` writes them; a test fails when they
drift.
"""

import sys
from collections.abc import Iterator
from keyword import iskeyword
from pathlib import Path
from typing import Any

from appealbus.plugins.api.openapi import schemas

_REFERENCE = "#/components/schemas/"
_TYPES = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
_SCHEMAS = (
    "State",
    "OneVersion",
    "Missing",
    "Held",
    "Why",
    "ExplainedField",
    "CountedTerm",
    "Term",
    "Compared",
    "Repeats",
    "Happened",
    "Reader",
    "Operation",
    "SurgePart",
    "SharedBy",
    "Surge",
    "SurgeAlarm",
    "SurgeWeek",
    "SurgeDay",
    "SurgeRecord",
    "Surges",
    "Limit",
    "Me",
)
"""Those that the client tells, in an order in which each knows those before it."""
_NAMES = {name: name for name in _SCHEMAS} | {"OneVersion": "Version", "Missing": "Gap", "ExplainedField": "Explained"}
_BASES = {"SurgeAlarm": "Surge"}
_MORE = {"State": "Due"}
"""By schema another one whose fields are told with its own."""
_NULL = frozenset({"counted_on", "held"})
"""Fields that are null or absent, each for another reason; all others that are not required are never null."""


def source() -> str:
    """Return the module of the client's types."""
    components = schemas()
    return "\n\n".join([_HEAD, *(_typed(name, components) for name in _SCHEMAS)])


_HEAD = '''"""What the API's JSON has; it is generated. What is hidden from the client, or unknown, is absent."""

from typing import Any, NotRequired, TypedDict
'''


def _typed(name: str, components: dict[str, Any]) -> str:
    fields = dict(_fields(components[name])) | dict(_fields(components.get(_MORE.get(name, ""), {})))
    base = _BASES.get(name, "")
    inherited = dict(_fields(components.get(base, {})))
    lines = [
        f"    {field}: {text}\n" for field, text in fields.items() if field not in inherited and not iskeyword(field)
    ]
    about = components[name]["description"]
    return f'class {_NAMES[name]}({base or "TypedDict"}):\n    """{about}"""\n\n{"".join(lines)}'


def _fields(schema: dict[str, Any]) -> Iterator[tuple[str, str]]:
    required = schema.get("required", ())
    for name, about in schema.get("properties", {}).items():
        text = _type(about)
        if name not in required:
            text = f"NotRequired[{text if name in _NULL else text.removesuffix(' | None')}]"
        yield name, text


def _type(schema: dict[str, Any]) -> str:
    match schema:
        case {"anyOf": kinds}:
            text = " | ".join(dict.fromkeys(map(_type, kinds)))
        case {"$ref": reference}:
            text = _NAMES[reference.removeprefix(_REFERENCE)]
        case {"type": "array"}:
            text = f"list[{_type(schema.get('items', {}))}]"
        case {"type": "object"}:
            values = schema.get("additionalProperties")
            text = f"dict[str, {_type(values) if isinstance(values, dict) else 'Any'}]"
        case _:
            text = _TYPES.get(schema.get("type", ""), "Any")
    return text


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(source(), encoding="utf-8")
