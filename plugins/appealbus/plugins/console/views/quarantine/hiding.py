"""Hides the values of a message: only punctuation and the contract's own names remain."""

import re
from functools import cache

from appealbus.schemas.appeal import Appeal
from appealbus.schemas.base import Model
from appealbus.schemas.change import Change
from appealbus.schemas.shapes import ListOf, ModelOf, OneOf, Shape, fields_of

_BEHIND = 100
"""Characters after a name within which its colon must be."""
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


def without_values(parts: list[str], before: str, *, is_xml: bool) -> list[str]:
    """Hide the values of consecutive parts of a message; `before` is the text in front of them."""
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
    """Return the names in the contract, which reveal nothing about the sender."""
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
