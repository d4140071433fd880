"""JSON Schema of a document."""

import json
from collections.abc import Iterator
from typing import Any

from pydantic.json_schema import models_json_schema

from appealbus.schemas.base import Model
from appealbus.schemas.described import description_of
from appealbus.schemas.shapes import TYPED_RECORDS, ListOf, ModelOf, OneOf, Shape, fields_of

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema(model: type[Model], identifier: str) -> bytes:
    """Return the JSON Schema (2020-12) of a document and all that it holds."""
    models = [(kind, "validation") for kind in (model, *TYPED_RECORDS.values())]
    _, schema = models_json_schema(models, ref_template="#/$defs/{model}")  # type: ignore[arg-type]
    definitions: dict[str, Any] = schema["$defs"]
    for kind in _models_in(model, *TYPED_RECORDS.values()):
        _describe(kind, definitions.get(kind.__name__, {}).get("properties", {}))
    if "Record" in definitions:
        definitions["Record"] = _any_record(definitions["Record"]["description"])
    root = definitions.pop(model.__name__)
    used = _reachable(root, definitions)
    document = {
        "$schema": _DIALECT,
        "$id": identifier,
        **root,
        "$defs": {name: definitions[name] for name in sorted(used)},
    }
    return (json.dumps(document, ensure_ascii=False, indent=2) + "\n").encode()


def json_only(model: type[Model], identifier: str, *parts: type[Model]) -> bytes:
    """Return the JSON Schema of a document that has no form in XML, and of the models that it is made of."""
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})
    for kind, about in ((model, schema), *((part, definitions[part.__name__]) for part in parts)):
        _describe(kind, about["properties"])
    document = {"$schema": _DIALECT, "$id": identifier, **schema, "$defs": dict(sorted(definitions.items()))}
    return (json.dumps(document, ensure_ascii=False, indent=2) + "\n").encode()


def _models_in(*models: type[Model]) -> Iterator[type[Model]]:
    """Yield models with all that their fields hold, each once."""
    seen: dict[type[Model], None] = dict.fromkeys(models)
    waiting = list(models)
    while waiting:
        held = {inner for field in fields_of(waiting.pop()) for inner in _held(field.shape)} - seen.keys()
        seen |= dict.fromkeys(held)
        waiting += held
    yield from seen


def _held(shape: Shape) -> Iterator[type[Model]]:
    match shape:
        case ListOf():
            yield from _held(shape.item)
        case ModelOf():
            yield shape.model
        case OneOf():
            yield from (model for _, model in shape.models)


def _describe(model: type[Model], properties: dict[str, Any]) -> None:
    """Write into a model's schema what is said of its fields."""
    for name, about in properties.items():
        said = description_of(model, name)
        if said is not None:
            properties[name] = dict(sorted({**about, "description": said}.items()))


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
    reachable: set[str] = set()
    waiting = [root]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            name = str(part.get("$ref", "")).removeprefix("#/$defs/")
            if name in definitions and name not in reachable:
                reachable.add(name)
                waiting.append(definitions[name])
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)
    return reachable
