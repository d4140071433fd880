"""Replies with attachments: MTOM puts binary parts back into the root part, SOAP with Attachments keeps them apart."""

import base64
import binascii
import quopri
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from lxml import etree

from appealbus.core import CallFailed
from appealbus.schemas.outcome import OutcomeKind

_INCLUDE = "{http://www.w3.org/2004/08/xop/include}Include"
_PARAMETER = re.compile(r";\s*(boundary|start)\s*=\s*(?:\"([^\"]{1,1000})\"|([^\s;\"]{1,1000}))", re.IGNORECASE)
_MOST_PARTS = 1000
"""The bytes of a reply are limited, but an empty part costs an object, too."""


@dataclass(frozen=True, slots=True)
class MultipartMessage:
    """A parsed multipart message: the root part with its Content-Type, and all others by content id."""

    root: bytes
    root_type: str
    by_id: Mapping[str, bytes]


def is_multipart(content_type: str) -> bool:
    return content_type.lstrip()[:10].lower() == "multipart/"


def split_parts(body: bytes, content_type: str) -> MultipartMessage:
    """Parse a multipart message. Raises CallFailed `soap.multipart`."""
    parameters = {match[1].lower(): match[2] or match[3] for match in _PARAMETER.finditer(content_type)}
    boundary = parameters.get("boundary")
    if boundary is None or not boundary.isascii():
        raise _invalid("the multipart reply names no boundary")
    by_id: dict[str, bytes] = {}
    types: dict[str, str] = {}
    start = parameters.get("start", "").strip("<> ")
    root = start
    for number, (content, headers) in enumerate(_parts(body, b"--" + boundary.encode()), 1):
        # Nothing can name a part without an id, but whoever reads the reply is to know that it is there.
        name = headers.get("content-id", "").strip("<> ") or f"part {number}"
        if name in by_id:
            raise _invalid("the multipart reply has two parts of the same id")
        by_id[name], types[name] = content, headers.get("content-type", "")
        root = root or name
    if root not in by_id:
        raise _invalid("the multipart reply lacks its root part")
    return MultipartMessage(by_id.pop(root), types[root], by_id)


def put_back(root: etree._Element, parts: MultipartMessage, limit: int) -> Mapping[str, bytes]:
    """Replace each xop:Include by its part in base64, as the contract declares it; return the other parts.

    `limit` is for all inserted bytes, as a part may be referenced many times. Raises CallFailed `soap.multipart`.
    """
    left, beside = limit, dict(parts.by_id)
    for include in list(root.iter(_INCLUDE)):
        holder = include.getparent()
        name = unquote(include.get("href", "").removeprefix("cid:"))
        content = parts.by_id.get(name)
        beside_it = "" if holder is None else f"{holder.text or ''}{include.tail or ''}".strip()
        if holder is None or content is None or len(holder) != 1 or beside_it:
            raise _invalid("an attachment that the reply names is not there, or not where it may be")
        left -= len(content)
        if left < 0:
            raise _invalid(f"the attachments in the reply have more than {limit} bytes")
        holder.remove(include)
        holder.text = base64.b64encode(content).decode()
        beside.pop(name, None)
    return beside


def _parts(body: bytes, delimiter: bytes) -> Iterator[tuple[bytes, dict[str, str]]]:
    # Some write bare line feeds, against the standard; what ends the first boundary ends every line.
    line_end = b"\n" if body.partition(delimiter)[2].startswith(b"\n") else b"\r\n"
    # A line that only begins like a boundary is content: parts within a part have boundaries of their own.
    line = re.compile(line_end + re.escape(delimiter) + rb"(?:(--)|[ \t]*(?=" + line_end + b"))")
    # The first boundary may stand at the very beginning, where no line break precedes it.
    body, begin = line_end + body, None
    for number, boundary in enumerate(line.finditer(body)):
        if begin is not None:
            yield _part(body[begin : boundary.start()], line_end)
        begin = boundary.end()
        if boundary[1]:
            if number:
                return
            break
        if number >= _MOST_PARTS:
            raise _invalid(f"the multipart reply has more than {_MOST_PARTS} parts")
    raise _invalid("the multipart reply is not complete")


def _part(chunk: bytes, line_end: bytes) -> tuple[bytes, dict[str, str]]:
    # The line of the boundary ends first; a part without headers goes on with an empty line at once.
    head, separator, content = chunk.partition(line_end + line_end)
    if not separator:
        raise _invalid("a part of the multipart reply has no end of its headers")
    headers = {}
    for line in re.sub(rb"\r?\n[ \t]+", b" ", head).decode("latin-1").splitlines():
        name, colon, value = line.partition(":")
        if colon:
            headers[name.strip().lower()] = value.strip()
    return _decoded(content, headers.get("content-transfer-encoding", "binary").lower()), headers


def _decoded(content: bytes, coding: str) -> bytes:
    """Undo the transfer encoding of a part."""
    if coding in ("binary", "8bit", "7bit"):
        return content
    if coding == "quoted-printable":
        return quopri.decodestring(content)
    if coding != "base64":
        raise _invalid("a part of the multipart reply has a transfer encoding that we do not take")
    try:
        return base64.b64decode(b"".join(content.split()), validate=True)
    except binascii.Error:
        raise _invalid("a part of the multipart reply is not the base64 that it says") from None


def _invalid(reason: str) -> CallFailed:
    return CallFailed(OutcomeKind.INVALID, "soap.multipart", reason)
