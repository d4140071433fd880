"""Messages of the AsyncAPI document: names, bodies and headers."""

import json
from functools import cache
from typing import Any

from appealbus.connectors.amqp.messages import JSON, PREFIX, XML, type_of
from appealbus.schemas.contract import FOLDER
from appealbus.schemas.xml import APPEAL_NS, CHANGE_NS, DOSSIER_NS, POSSIBLE_SURGE_NS, RECEIPT_NS, REFUSAL_NS, SURGE_NS

_SUFFIX = ".schema.json"
_LEFT_OUT = {"$schema", "$id", "$defs", "discriminator"}
"""Keywords that AsyncAPI's dialect defines differently or not at all. A discriminator only helps validators."""

_SCHEMAS = {
    "appeal": APPEAL_NS,
    "change": CHANGE_NS,
    "receipt": RECEIPT_NS,
    "refusal": REFUSAL_NS,
    "dossier": DOSSIER_NS,
    "surge": SURGE_NS,
    "possible-surge": POSSIBLE_SURGE_NS,
}
_ABOUT = {
    "appeal": "An appeal. What cannot be used in it is kept and warned of, never refused.",
    "change": "What happened to an appeal later.",
    "receipt": "The message is on disk; the same message sent again gets the same receipt.",
    "refusal": "The message is in quarantine, and why; sending it again unchanged helps nobody.",
    "dossier": (
        "One version of a dossier. Of one appeal the greatest epoch counts, then the greatest version. To a receiver "
        "with a mask it comes without what that hides, and says so in `hidden`."
    ),
    "surge": "An alarm: in a week that is over more was written than its past explains. A signal that decides nothing.",
    "possible-surge": "What may become an alarm in the week that is under way. It is none.",
}
IN = ("appeal", "appealXml", "change", "changeXml")
RECEIPTS = ("receipt", "receiptXml", "refusal", "refusalXml")
OUT = ("dossier",)
ALARMS = ("surge", "possible-surge")
_TEXT = {"type": "string"}
_REGION = {"type": "string", "pattern": "^[0-9]{2}$"}
_DOSSIER = {
    "number": {"type": "string", "description": "Of the appeal; a number of a person or a parcel is masked."},
    "version": {"type": "integer", "minimum": 1},
    "epoch": {"type": "integer", "minimum": 1, "description": "One more after each restore of the bus."},
    "completeness": {"type": "string", "enum": ["partial", "complete", "settled", "hidden"]},
    "region": _REGION,
    "schema_version": {"type": "string", "const": "1"},
}


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


def messages() -> dict[str, Any]:
    return {
        name: _message(name.removesuffix("Xml"), in_xml=name.endswith("Xml"))
        for name in (*IN, *RECEIPTS, *OUT, *ALARMS)
    }


def _message(document: str, *, in_xml: bool) -> dict[str, Any]:
    schema = _SCHEMAS[document]
    said: dict[str, Any] = {
        "name": document,
        "title": document.capitalize() + " in XML" * in_xml,
        "summary": _ABOUT[document],
        "contentType": XML if in_xml else JSON,
        "bindings": {"amqp": {"messageType": document.rpartition("-")[2], "bindingVersion": "0.3.0"}},
    }
    if in_xml:
        said["description"] = f"By {document}.xsd, in the namespace {schema}."
    else:
        said["payload"] = {"$ref": f"#/components/schemas/{document}"}
    if document not in {"appeal", "change"}:
        said["headers"] = _headers(document, schema)
    if document in {"receipt", "refusal"}:
        said["correlationId"] = {
            "location": "$message.header#/correlation_id",
            "description": "The property correlation_id: that of the message which it answers, or its message_id.",
        }
    return said


def _headers(document: str, schema: str) -> dict[str, Any]:
    """Return the schema of the headers: those of a CloudEvent in binary mode, and a dossier's own."""
    event: dict[str, Any] = {
        "specversion": {"type": "string", "const": "1.0"},
        "id": _TEXT,
        "source": {"type": "string", "format": "uri-reference"},
        "type": {"type": "string", "const": type_of(schema)},
        "dataschema": {"type": "string", "const": schema},
        "time": {"type": "string", "format": "date-time"},
    }
    own: dict[str, Any] = {}
    if document == "dossier":
        event["subject"] = {"type": "string", "description": "The appeal, by its number, masked as that is."}
        own = _DOSSIER
    elif document in ALARMS:
        own = {"possible": {"type": "boolean", "const": document != "surge"}, "region": _REGION}
    properties = {**{f"{PREFIX}{name}": about for name, about in event.items()}, **own}
    return {"type": "object", "properties": properties, "required": list(properties)}
