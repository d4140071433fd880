"""The document of the API, in OpenAPI 3.1: what FastAPI knows of the routes, with the schemas of the contract."""

import json
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from appealbus.core import __version__
from appealbus.plugins.api.documented import HEADERS, ref
from appealbus.plugins.api.models import MODELS, Trouble
from appealbus.plugins.api.models.appeals import ONE_OF
from appealbus.plugins.api.problems import all_types
from appealbus.schemas.contract import FOLDER
from appealbus.schemas.described import description_of

Json = dict[str, Any]

_ABOUT = """Appeals go in; dossiers, and the feed of their versions, come out.

Appeals are asked for by opaque ids: a number or the id of a message never stands in a path. What a client may do
follows from its role, what it sees from its scopes and its mask; `/v1/me` says both. Errors are problems (RFC 9457),
each with a page."""
_TAGS = {
    "in": "Appeals and changes of them.",
    "out": "What became of an appeal.",
    "feed": "All versions in one order, and who has read them.",
    "figures": "How many there were, and what became of them.",
    "about": "The server and the client itself.",
}
_REFERENCES = "#/$defs/"
_OURS = "#/components/schemas/"
_MESSAGES = {"appeal": ("message_id", "channel", "schema_version"), "change": ("type", "message_id", "schema_version")}
"""What a message has to get right; all else is taken as it is written."""


def document(app: FastAPI) -> Json:
    """Return the document, made once."""
    made = get_openapi(
        title="appealbus",
        version=__version__,
        summary="The registry's side of the appeal bus.",
        description=_ABOUT,
        routes=app.routes,
        servers=[{"url": "/", "description": "The server that this document comes from."}],
        tags=[{"name": name, "description": text} for name, text in _TAGS.items()],
    )
    for path in made["paths"].values():
        for operation in path.values():
            # FastAPI's own words for what is not well formed: here that is a problem.
            answer = operation["responses"].get("422", {})
            if "application/json" in answer.get("content", {}):
                del operation["responses"]["422"]
            for parameter in operation.get("parameters", ()):
                parameter["schema"] = _sendable(parameter["schema"])
    components = made.setdefault("components", {})
    words = {name: schema for name, schema in components.get("schemas", {}).items() if "enum" in schema}
    components["schemas"] = words | schemas()  # words that parameters take, and what we say ourselves
    components["headers"] = {name: _header(name, text) for name, text in HEADERS.items()}
    components["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer", "description": "`appealbus client add` gives a token, once."},
        "certificate": {"type": "mutualTLS", "description": "A certificate that an authority of ours has issued."},
    }
    return made


def _sendable(schema: Json) -> Json:
    """Return the schema of a parameter without null, which has no form in a query or a header."""
    kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    return {**kinds[0], **{name: about for name, about in schema.items() if name != "anyOf"}} if kinds else schema


def _header(name: str, text: str) -> Json:
    kind = {"type": "integer", "minimum": 1} if name == "Retry-After" else {"type": "string"}
    return {"description": text, "schema": kind}


class _Described(GenerateJsonSchema):
    """Tells of each field what its docstring says."""

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        made = super().model_schema(schema)
        for name, about in made.get("properties", {}).items():
            text = description_of(schema["cls"], name)
            if text is not None:
                about["description"] = text
        return made


def schemas() -> Json:
    """Return the schemas of the document by their names."""
    known: Json = {}
    for name in ("receipt", "change", "appeal", "dossier"):
        schema = json.loads((FOLDER / f"{name}.schema.json").read_text(encoding="utf-8"))
        known |= schema.pop("$defs")
        known[name.capitalize()] = {key: value for key, value in schema.items() if not key.startswith("$")}
    ours: tuple[type[BaseModel], ...] = (*MODELS, Trouble)
    for model in ours:
        schema = model.model_json_schema(ref_template=_OURS + "{model}", schema_generator=_Described)
        known |= schema.pop("$defs", {})
        known[model.__name__] = schema
    known["Problem"] = {**known.pop("Trouble"), "title": "Problem", "additionalProperties": True}
    known["Problem"]["properties"]["type"]["examples"] = [kind.uri for kind in all_types()]
    known["Search"] |= {"oneOf": [{"required": [name], "properties": {name: {"type": "string"}}} for name in ONE_OF]}
    for name, fields in _MESSAGES.items():
        known[f"{name.capitalize()}Message"] = _message(known, name.capitalize(), fields)
    known["AnyDossier"] = {"anyOf": [ref("Dossier"), ref("MaskedDossier")]}
    known["MaskedDossier"] = {
        "type": "object",
        "description": "A dossier without what the client's mask hides, and without whatever would tell of it.",
        "required": ["hidden"],
        "properties": {
            "hidden": {"type": "array", "items": {"type": "string"}, "description": "The rules of the mask."},
            "version": {"type": "integer"},
        },
    }
    return {name: _rewritten(schema) for name, schema in sorted(known.items())}


def _message(known: Json, name: str, fields: tuple[str, ...]) -> Json:
    """Return the schema of a message: what cannot be used of it is kept as it is written, with a warning."""
    properties = known[name]["properties"]
    loose: Json = {
        "type": "object",
        "description": "What the contract has no place for, or cannot be used, is kept as written, with a warning.",
        "properties": {field: properties[field] for field in fields},
    }
    if name == "Change":
        loose["required"] = ["type"]
    return {"anyOf": [ref(name), loose]}


def _rewritten(value: Any) -> Any:
    """Return a schema with its references to where the schemas lie here; those of discriminators have no `$ref`."""
    match value:
        case dict():
            return {key: _rewritten(part) for key, part in value.items()}
        case list():
            return [_rewritten(part) for part in value]
        case str() if value.startswith(_REFERENCES):
            return _OURS + value.removeprefix(_REFERENCES)
        case _:
            return value
