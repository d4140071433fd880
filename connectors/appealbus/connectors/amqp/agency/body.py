"""Bodies of questions and answers, in XML or JSON."""

from collections.abc import Mapping
from email.message import Message as Header
from pathlib import Path

import orjson
from lxml import etree

from appealbus.connectors.amqp.agency.settings import Format
from appealbus.core import CallFailed, ConfigError, Notes, Payload
from appealbus.core.replies.xmlschema import Checker, MessageSchema
from appealbus.schemas.outcome import OutcomeKind
from appealbus.schemas.safexml import TOO_MUCH, UnsafeXml, parse

MEDIA_TYPES = {Format.XML: "application/xml", Format.JSON: "application/json"}
_XML_TYPES = frozenset({"application/xml", "text/xml"})


def load_schema(path: Path, key: str) -> Checker:
    """Read the schema of an agency's answers, with includes. Raises ConfigError, naming the setting `key`."""
    try:
        return MessageSchema(path, "").checker
    except (etree.XMLSyntaxError, etree.XMLSchemaParseError, OSError) as error:
        raise ConfigError(f"{key}: {path} is no usable XML schema: {error}") from None


def written(body: Payload, form: Format) -> bytes:
    """Serialize the body of a question. Raises CallFailed `amqp.question` for a request of another format."""
    if isinstance(body, etree._Element):
        if form is Format.XML:
            return etree.tostring(body, encoding="utf-8", xml_declaration=True)
    elif form is Format.JSON:
        try:
            return orjson.dumps(body)
        except orjson.JSONEncodeError:
            raise _question("the request holds what JSON cannot") from None
    wanted = "an XML element" if form is Format.XML else "a mapping"
    raise _question(f"a question to this source must be {wanted}")


def read(body: bytes, content_type: str, form: Format, limit: int, *, schema: Checker | None, notes: Notes) -> Payload:
    """Parse an answer, as strictly as the notes say; deviations are counted there. Raises CallFailed."""
    if len(body) > limit:
        raise too_large(limit)
    if not body.strip():
        raise broken("amqp.empty", "the answer is empty")
    charset = _charset(content_type, form)
    if form is Format.JSON:
        return _from_json(body)
    try:
        element = parse(body, limit=limit, charset=charset)
    except UnsafeXml as error:
        raise CallFailed(OutcomeKind.INVALID, error.code, error.reason, at_scale=error.code in TOO_MUCH) from None
    if schema is not None:
        schema.take(element, notes)
    return element


def _from_json(body: bytes) -> Mapping[str, object]:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise broken("amqp.json", "the answer is not JSON in UTF-8") from None
    if not isinstance(value, dict):
        raise broken("amqp.json", "the answer is not a JSON object")
    return value


def _charset(content_type: str, form: Format) -> str | None:
    """Return the declared encoding. A missing content type is accepted, one of another format is not."""
    if not content_type:
        return None
    header = Header()
    header["Content-Type"] = content_type
    media = header.get_content_type()
    fits = media in _XML_TYPES or media.endswith("+xml")
    if form is Format.JSON:
        fits = media == MEDIA_TYPES[form] or media.endswith("+json")
    if not fits:
        raise broken("amqp.content_type", f"the answer says that it is something else than {form.value}")
    charset = header.get_param("charset")
    return charset if isinstance(charset, str) else None


def too_large(limit: int) -> CallFailed:
    reason = f"the answer has more than {limit} bytes"
    return CallFailed(OutcomeKind.INVALID, "amqp.too_large", reason, at_scale=True)


def broken(code: str, reason: str) -> CallFailed:
    return CallFailed(OutcomeKind.INVALID, code, reason)


def _question(reason: str) -> CallFailed:
    return CallFailed(OutcomeKind.INVALID, "amqp.question", reason)
