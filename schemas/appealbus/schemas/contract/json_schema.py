"""JSON Schema of a document."""

import json
from typing import Any

from pydantic.json_schema import models_json_schema

from appealbus.schemas.base import Model
from appealbus.schemas.shapes import TYPED_RECORDS


def json_schema(model: type[Model], identifier: str) -> bytes:
    """Return the JSON Schema (2020-12) of a document and all that it holds."""
    models = [(each, "validation") for each in (model, *TYPED_RECORDS.values())]
    _, schema = models_json_schema(models, ref_template="#/$defs/{model}")  # type: ignore[arg-type]
    definitions: dict[str, Any] = schema["$defs"]
    if "Record" in definitions:
        definitions["Record"] = _any_record(definitions["Record"]["description"])
    root = definitions.pop(model.__name__)
    used = _reachable(root, definitions)
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": identifier,
        **root,
        "$defs": {name: definitions[name] for name in sorted(used)},
    }
    return (json.dumps(document, ensure_ascii=False, indent=2) + "\n").encode()


def _any_record(description: str) -> dict[str, Any]:
    """Return the schema of a record: one that ships, or a third party's, whose fields are its own."""
    other = {
        "type": "object",
        "required": ["type"],
        "properties": {"type": {"type": "string", "minLength": 1, "not": {"enum": sorted(TYPED_RECORDS)}}},
    }
    typed = [
        {"allOf": [{"$ref": f"#/$defs/{name}"}, {"required": ["type"], "properties": {"type": {"const": name}}}]}
        for name in sorted(TYPED_RECORDS)
    ]
    return {"description": description, "anyOf": [*typed, other]}


def _reachable(root: Any, definitions: dict[str, Any]) -> set[str]:
    found: set[str] = set()
    waiting = [root]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            name = str(part.get("$ref", "")).removeprefix("#/$defs/")
            if name in definitions and name not in found:
                found.add(name)
                waiting.append(definitions[name])
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)
    return found
