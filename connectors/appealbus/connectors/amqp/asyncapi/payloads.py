"""Message bodies: the contract's JSON Schemas, with their definitions side by side as AsyncAPI requires."""

import json
from functools import cache
from typing import Any

from appealbus.schemas.contract import FOLDER

_SUFFIX = ".schema.json"
_LEFT_OUT = {"$schema", "$id", "$defs", "discriminator"}
"""Keywords that AsyncAPI's dialect defines differently or not at all. A discriminator only helps validators."""


@cache  # whoever has no credentials may ask for the document, too
def payloads() -> dict[str, Any]:
    """Return the schemas by name: `appeal`, `change`, `receipt`, `refusal`, `dossier`, and their definitions."""
    parts: dict[str, Any] = {}
    for file in sorted(FOLDER.glob(f"*{_SUFFIX}")):
        schema = json.loads(file.read_bytes())
        named = {**schema.get("$defs", {}), file.name.removesuffix(_SUFFIX): schema}
        parts |= {name: _moved(part) for name, part in named.items()}
    return dict(sorted(parts.items()))


def _moved(part: Any, *, named: bool = False) -> Any:
    """Return a part of a schema with references into `components`; `named`: its keys are field names."""
    if isinstance(part, list):
        return [_moved(item) for item in part]
    if not isinstance(part, dict):
        return part
    if isinstance(part.get("$ref"), str) and not named:
        part = {**part, "$ref": part["$ref"].replace("#/$defs/", "#/components/schemas/")}
    return {
        key: _moved(value, named=key == "properties" and not named)
        for key, value in part.items()
        if named or key not in _LEFT_OUT
    }
