"""Locates the problem in a message by its reason, code or fields."""

import codecs
import re

from appealbus.core.management.quarantine import QuarantineRow

LOOKED_AT = 64 * 1024
"""Characters searched for the position, and bytes of UTF-16, which is slow to read."""
UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_MARKED = 200
"""Maximum number of characters marked."""
_DEEP = 254
"""Nesting depth from which a message is rejected."""
_AT = re.compile(r"at character (\d{1,8})")
_LINE = re.compile(r"\(line (\d{1,8})(?:, column (\d{1,8}))?\)")
_FIELD = re.compile(r"(?:[a-z_0-9]+[.\[\]])*([a-z_]+)[\]0-9]*: ")
_NAMED = {
    "message.differs": ("message_id",),
    "change.foreign": ("number", "appeal_message_id"),
    "change.contradictory": ("number", "appeal_message_id"),
    "change.appeal_unknown": ("number", "appeal_message_id"),
}
"""Candidate fields by code; the first one present is marked."""
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"|[^\s{}\[\]:,"]+|.', re.DOTALL)
_NESTED = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)


def place_of(row: QuarantineRow, text: str) -> tuple[int, int] | None:
    return _told_by_reason(row, text) or _told_by_code(row, text) or _in_field(row, text)


def _told_by_reason(row: QuarantineRow, text: str) -> tuple[int, int] | None:
    if row.code == "json.malformed" and (at := _AT.search(row.reason)):
        begin = _within(text, int(at[1]) - 1, 1)[0]
        token = _TOKEN.match(text[begin : begin + _MARKED])
        return begin, begin + (token.end() if token else 0)
    if row.code.startswith("xml.") and (at := _LINE.search(row.reason)):
        return _in_line(text, int(at[1]), int(at[2] or 0))
    return _too_deep(text) if "nest" in row.reason else None


def _told_by_code(row: QuarantineRow, text: str) -> tuple[int, int] | None:
    if row.code in ("json.malformed", "message.unreadable") and not row.raw.startswith(UTF16):
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
    for each in _NESTED.finditer(text, 0, LOOKED_AT):
        depth += (each[0] in "[{") - (each[0] in "]}")
        if depth > _DEEP:
            return each.start(), each.end()
    return None


def _field(text: str, name: str) -> tuple[int, int] | None:
    """Return the position of the first occurrence of a field's value: senders write these fields first."""
    in_json = re.search(rf'"{name}"\s*+:\s*+("(?:[^"\\]|\\.)*+"|[^\s,}}\]]++)', text, re.DOTALL)
    return _found(in_json or re.search(rf"<(?:[\w.-]++:)?{name}(?:\s[^<>]*+)?>([^<]*+)", text), 1)
