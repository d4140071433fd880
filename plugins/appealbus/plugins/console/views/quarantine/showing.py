"""A message as a page shows it: the part around its problem, which is marked; without its values where they are hidden.

Whoever sees no values sees punctuation and the contract's own names, and nothing else, whatever the message is.
"""

import codecs
import re
from dataclasses import dataclass
from functools import cache

from appealbus.core.escaping import escaped
from appealbus.core.journal.rows import QuarantineRow
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.base import Model
from appealbus.schemas.change import Change
from appealbus.schemas.shapes import ListOf, ModelOf, OneOf, Shape, fields_of

_AROUND = 3000
"""Characters that are shown before a problem and behind it: what a person reads, and 80 KB of the page at the worst."""
_MARKED = 200
"""The most characters that are marked."""
_DEEP = 254
"""Levels from which a message is nested too deeply."""
_LOOKED_AT = 64 * 1024
"""Characters in which the place is looked for at which one is, and bytes of UTF-16, which is read slowly."""
_BEHIND = 100
"""Characters behind a name in which its colon is looked for."""
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_AT = re.compile(r"at character (\d{1,8})")
_LINE = re.compile(r"\(line (\d{1,8})(?:, column (\d{1,8}))?\)")
_FIELD = re.compile(r"(?:[a-z_0-9]+[.\[\]])*([a-z_]+)[\]0-9]*: ")
_NAMED = {
    "message.differs": ("message_id",),
    "change.foreign": ("number", "appeal_message_id"),
    "change.contradictory": ("number", "appeal_message_id"),
    "change.appeal_unknown": ("number", "appeal_message_id"),
}
"""By the code the fields of which the first is marked that the message has."""
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"|[^\s{}\[\]:,"]+|.', re.DOTALL)
_NO_TEXT = re.compile(r"\\udc([89a-f][0-9a-f])")
"""A byte that is no UTF-8, as `escaped` writes it."""
_NESTED = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)
_REST_OF_TEXT = re.compile(r'((?:[^"\\]|\\.)*+)("?)', re.DOTALL)
_JSON = re.compile(r'"((?:[^"\\]|\\.)*+)("?)|([ \t\r\n{}\[\]:,]+)|[^ \t\r\n{}\[\]:,"]+', re.DOTALL)
_KEY = re.compile(r"[ \t\r\n]*:")
_REST_OF_TAG = re.compile(r"[^<>]*(>?)")
_XML = re.compile(
    r"(<!--).*?(?:-->|\Z)|(<!\[CDATA\[).*?(?:\]\]>|\Z)|(<\?).*?(?:\?>|\Z)|(<!DOCTYPE)"
    r"|(</?)([^\s<>/]*)([^<>]*?)(/?)(>|(?=<)|\Z)|([^<]+)|<",
    re.DOTALL,
)
_WRITTEN = re.compile(r"[^ \t\r\n]+(?:[ \t]+[^ \t\r\n]+)*")


@dataclass(frozen=True, slots=True)
class Shown:
    """A part of a message.

    Attributes:
        before: of the mark.
        marked: the problem; empty at the end of the message, or without a place.
        after: behind the mark.
        line: of the mark, and `column`, from 1; 0: the problem has no place.
        left_out: characters before this part and behind it.
        size: characters of the message.

    """

    before: str
    marked: str
    after: str
    line: int
    column: int
    left_out: tuple[int, int]
    size: int


def shown(row: QuarantineRow, *, values: bool) -> Shown:
    """Return the part of a message to be shown, with its values or without."""
    text = _text(row.raw)
    place = _place(row, text)
    begin, end = place or (0, 0)
    first, last = max(0, begin - _AROUND), min(len(text), (end if place else _AROUND) + _AROUND)
    parts = [text[first:begin], text[begin:end], text[end:last]]
    if values:
        parts = [_NO_TEXT.sub(r"\\x\1", escaped(part)) for part in parts]
    else:
        parts = _hidden(parts, text[:first], is_xml=row.media_type == "application/xml")
    line = text.count("\n", 0, begin) + 1 if place else 0
    column = begin - text.rfind("\n", 0, begin) if place else 0
    unread = max(0, len(row.raw) - _LOOKED_AT) // 2 if row.raw.startswith(_UTF16) else 0
    left_out = first, len(text) - last + unread
    return Shown(parts[0], parts[1], parts[2], line, column, left_out, len(text) + unread)


def _text(raw: bytes) -> str:
    if raw.startswith(_UTF16):
        return raw[:_LOOKED_AT].decode("utf-16", "replace")
    return raw.decode("utf-8", "surrogateescape")  # by far the fastest for megabytes that are no text


def _place(row: QuarantineRow, text: str) -> tuple[int, int] | None:
    """Return from where to where the problem stands, as far as its reason or its code says it."""
    return _told_by_reason(row, text) or _told_by_code(row, text) or _in_field(row, text)


def _told_by_reason(row: QuarantineRow, text: str) -> tuple[int, int] | None:
    """Return the place that whoever read it named."""
    if row.code == "json.malformed" and (at := _AT.search(row.reason)):
        begin = _within(text, int(at[1]) - 1, 1)[0]
        token = _TOKEN.match(text[begin : begin + _MARKED])
        return begin, begin + (token.end() if token else 0)
    if row.code.startswith("xml.") and (at := _LINE.search(row.reason)):
        return _in_line(text, int(at[1]), int(at[2] or 0))
    return _too_deep(text) if "nest" in row.reason else None


def _told_by_code(row: QuarantineRow, text: str) -> tuple[int, int] | None:
    """Return the place that can only be one."""
    if row.code in ("json.malformed", "message.unreadable") and not row.raw.startswith(_UTF16):
        try:
            row.raw.decode()
        except UnicodeDecodeError as error:
            return _within(text, len(row.raw[: error.start].decode()), 1)
    if row.code == "xml.doctype":
        return _found(re.search("<!DOCTYPE", text))
    if row.code != "appeal.invalid" or _FIELD.match(row.reason):
        return None
    return _found(re.search(r"<[^\s<>/!?]+" if row.media_type == "application/xml" else r"\S", text))


def _in_field(row: QuarantineRow, text: str) -> tuple[int, int] | None:
    """Return where the first of the fields stands that it is about."""
    field = _FIELD.match(row.reason)
    names = _NAMED.get(row.code, (field[1],) if field else ())
    return next(filter(None, (_field(text, name) for name in names)), None)


def _within(text: str, begin: int, size: int) -> tuple[int, int]:
    begin = min(max(begin, 0), len(text))
    return begin, min(begin + size, len(text))


def _found(match: re.Match[str] | None, group: int = 0) -> tuple[int, int] | None:
    return None if match is None else (match.start(group), min(match.end(group), match.start(group) + _MARKED))


def _in_line(text: str, line: int, column: int) -> tuple[int, int]:
    before = text.split("\n", line)
    begin = sum(len(each) + 1 for each in before[: line - 1])
    if line > len(before):
        return _within(text, len(text), 0)
    if column:  # the parser tells where it stopped: mostly at the end of a tag
        end = _within(text, begin + column, 0)[1]
        tag = text.rfind("<", max(begin, end - _MARKED), end)
        return max(begin, end - 1) if tag < 0 else tag, end
    return _within(text, begin, min(len(before[line - 1]), _MARKED))


def _too_deep(text: str) -> tuple[int, int] | None:
    depth = 0
    for each in _NESTED.finditer(text, 0, _LOOKED_AT):
        depth += (each[0] in "[{") - (each[0] in "]}")
        if depth > _DEEP:
            return each.start(), each.end()
    return None


def _field(text: str, name: str) -> tuple[int, int] | None:
    """Return where the value of a field stands that is named first: senders write such fields first."""
    in_json = re.search(rf'"{name}"\s*+:\s*+("(?:[^"\\]|\\.)*+"|[^\s,}}\]]++)', text, re.DOTALL)
    return _found(in_json or re.search(rf"<(?:[\w.-]++:)?{name}(?:\s[^<>]*+)?>([^<]*+)", text), 1)


def _hidden(parts: list[str], before: str, *, is_xml: bool) -> list[str]:
    """Return parts that follow each other without their values."""
    if is_xml:
        inside = before.rfind("<") > before.rfind(">")
    else:  # between two quotes; one that follows a backslash is none
        inside = before.replace("\\\\", "").replace('\\"', "").count('"') % 2 == 1
    found = []
    for part, behind in zip(parts, [*parts[1:], ""], strict=True):
        text, inside = _hidden_xml(part, inside) if is_xml else _hidden_json(part, inside, behind[:_BEHIND])
        found.append(text)
    return found


def _hidden_json(text: str, inside: bool, behind: str) -> tuple[str, bool]:
    found, at = [], 0
    if inside and text:
        rest = _REST_OF_TEXT.match(text)
        if rest is not None:
            at, inside = rest.end(), not rest[2]
            found.append(f"{'…' if rest[1] else ''}{rest[2]}")
    for each in _JSON.finditer(text, at):
        name, quote, between = each.groups()
        if name is not None:
            inside = not quote
            is_key = quote and name in _names() and _KEY.match(text[each.end() :][:_BEHIND] + behind)
            found.append(f'"{name}"' if is_key else f'"…{quote}')
        else:
            found.append("…" if between is None else between)
    return "".join(found), inside


def _hidden_xml(text: str, inside: bool) -> tuple[str, bool]:
    found, at = [], 0
    if inside and text:
        rest = _REST_OF_TAG.match(text)
        if rest is not None:
            at, inside = rest.end(), not rest[1]
            found.append(f"{'…' if rest[0].strip('>') else ''}{rest[1]}")
    for each in _XML.finditer(text, at):
        comment, data, instruction, doctype, lead, name, more, empty, end, written = each.groups()
        if lead is not None:
            local = name.rpartition(":")[2]
            shown_name = local if local in _names() else "…" if name else ""
            found.append(f"{lead}{shown_name}{' …' if more.strip() else ''}{empty}{end}")
            inside = not end
        elif written is not None:
            found.append(_WRITTEN.sub("…", written))
        else:
            ends = {"<!--": "-->", "<![CDATA[": "]]>", "<?": "?>"}
            begun = comment or data or instruction or doctype or "<"
            found.append(f"{begun}…{ends[begun]}" if begun in ends else begun)
    return "".join(found), inside


@cache
def _names() -> frozenset[str]:
    """Return the names that the contract gives: they tell nothing of who writes."""
    found = {"appeal", "change", "item", "type"}

    def add(model: type[Model]) -> None:
        for field in fields_of(model):
            if field.name not in found:
                found.add(field.name)
                add_shape(field.shape)

    def add_shape(shape: Shape) -> None:
        match shape:
            case ListOf():
                add_shape(shape.item)
            case ModelOf():
                add(shape.model)
            case OneOf():
                for tag, model in shape.models:
                    found.add(tag)
                    add(model)
            case _:
                pass

    add(Appeal)
    add(Change)
    return frozenset(found)
