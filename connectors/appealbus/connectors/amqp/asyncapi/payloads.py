"""The bodies of messages: the JSON Schemas of the contract, with their parts side by side as AsyncAPI has them."""

import json
from functools import cache
from typing import Any

from appealbus.schemas.contract import FOLDER

_SUFFIX = ".schema.json"
_LEFT_OUT = {"$schema", "$id", "$defs", "discriminator"}
"""What AsyncAPI's own dialect has another meaning for, or none; a discriminator only helps whoever validates."""


@cache  # whoever has no credentials may ask for the document, too
def payloads() -> dict[str, Any]:
    """Return the schemas by name: `appeal`, `change`, `receipt`, `refusal`, `dossier`, and what they are made of."""
    found: dict[str, Any] = {}
    for file in sorted(FOLDER.glob(f"*{_SUFFIX}")):
        schema = json.loads(file.read_bytes())
        named = {**schema.get("$defs", {}), file.name.removesuffix(_SUFFIX): schema}
        found |= {name: _moved(part) for name, part in named.items()}
    return dict(sorted(found.items()))


def _moved(part: Any, *, named: bool = False) -> Any:
    """Return a part of a schema that finds its definitions in `components`; `named`: its keys are names of fields."""
    if isinstance(part, list):
        return [_moved(each) for each in part]
    if not isinstance(part, dict):
        return part
    if isinstance(part.get("$ref"), str) and not named:
        part = {**part, "$ref": part["$ref"].replace("#/$defs/", "#/components/schemas/")}
    return {
        key: _moved(value, named=key == "properties" and not named)
        for key, value in part.items()
        if named or key not in _LEFT_OUT
    }
