"""Appeals as JSON, one a line."""

import hashlib
from typing import Any

import orjson

from appealbus.connectors.files.lines import Line


def with_id(appeal: dict[str, Any], content: bytes) -> bytes:
    """Return the appeal as JSON, with an id made of its content: the same row again is the same appeal."""
    return orjson.dumps({"message_id": f"sha256-{hashlib.sha256(content).hexdigest()}", **appeal})


def read_object(line: Line) -> tuple[bytes, str | None]:
    """Return the canonical appeal that a line holds, or its bytes as they are and what is wrong with them."""
    if line.problem:
        return line.raw, line.problem
    try:
        value = orjson.loads(line.text)
    except orjson.JSONDecodeError as error:
        # Only the place: the text of the line is a citizen's.
        return line.raw, f"not JSON, at character {error.pos + 1}"
    if not isinstance(value, dict):
        return line.raw, "not a JSON object; write one appeal a line"
    if value.get("message_id") is not None:
        return line.text.encode(), None
    value.pop("message_id", None)
    return with_id(value, line.text.strip().encode()), None
