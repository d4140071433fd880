"""Messages that cost far more than their bytes where nobody bounds it; none is kept as a file.

Each is made when it is asked for, of about as many bytes as are wanted.
"""

from collections.abc import Callable

from appealbus.schemas.xml import APPEAL_NS

JSON, XML = "application/json", "application/xml"

_HEAD = '{"message_id": "m", "kind": "complaint", "applicant": {"type": "person"}'


def many(piece: str, size: int, between: str = ",") -> str:
    """Return as many pieces as fit."""
    count = (size + len(between)) // (len(piece.encode()) + len(between))
    return between.join([piece] * count)


def field(size: int, name: str, opening: str, piece: str, closing: str) -> bytes:
    """Return an appeal with one field that fills it up."""
    head = f'{_HEAD}, "{name}": {opening}'
    return (head + many(piece, size - len(head) - len(closing) - 2) + f"{closing}}}").encode()


def keys(size: int) -> bytes:
    """Return an appeal with as many unknown fields as fit."""
    return (_HEAD + "".join(f', "k{at}": 1' for at in range(size // 22)) + "}").encode()


def text(size: int, piece: str) -> bytes:
    """Return an appeal with one text."""
    head = f'{_HEAD}, "text": "'
    return (head + many(piece, size - len(head) - 4, "") + '"}').encode()


def far(size: int) -> bytes:
    """Return an appeal in XML of unknown elements, all of a namespace with a long name."""
    head = f'<appeal xmlns="{APPEAL_NS}" xmlns:q="{"x" * (size // 2)}"><message_id>m</message_id>'
    return (head + many("<q:a/>    ", size - len(head) - 9, "") + "</appeal>").encode()


def xml(size: int, inside: str, piece: str = "", closing: str = "") -> bytes:
    """Return an appeal in XML that one piece fills up."""
    head = f'<appeal xmlns="{APPEAL_NS}"><message_id>m</message_id><kind>complaint</kind>{inside}'
    tail = f"{closing}</appeal>"
    return (head + (many(piece, size - len(head) - len(tail), "") if piece else "") + tail).encode()


# As many tags and values as are read at all.
_BLANK = " " * 40
_GAP = " " * 20
_ATTACHMENT = '{"reference": "r", "file_name": "%s", "size": 1}' % ("f" * 900)

BODIES: dict[str, tuple[str, Callable[[int], bytes]]] = {
    "too many warnings": (JSON, lambda size: field(size, "warnings", "[", "0", "]")),
    "warnings": (JSON, lambda size: field(size, "warnings", "[", f"0{_GAP}", "]")),
    "mentions": (JSON, lambda size: field(size, "mentions", '{"iins": [', f"{{}}{4 * _GAP}", "]}")),
    "parcels": (JSON, lambda size: field(size, "parcels", "[", f'{{"x": 1}}{4 * _GAP}', "]")),
    "parcels that are numbers": (JSON, lambda size: field(size, "parcels", "[", f"0{_GAP}", "]")),
    "attachments": (JSON, lambda size: field(size, "attachments", "[", _ATTACHMENT, "]")),
    "attachments of nothing": (JSON, lambda size: field(size, "attachments", "[", f"{{}}{4 * _GAP}", "]")),
    "repeats": (JSON, lambda size: field(size, "repeats", "[", f'"a"{_GAP}', "]")),
    "lists": (JSON, lambda size: field(size, "x", "[", f"[]{4 * _GAP}", "]")),
    "strings": (JSON, lambda size: field(size, "x", "[", f'"abcd"{_GAP}', "]")),
    "numbers": (JSON, lambda size: field(size, "x", "[", f"1.5{_GAP}", "]")),
    "keys": (JSON, keys),
    "too many keys": (JSON, lambda size: field(size, "x", "{", '"a":0', "}")),
    "nested lists": (
        JSON,
        lambda size: (_HEAD + ', "x": ' + "[" * (size // 2 - 100) + "]" * (size // 2 - 100) + "}").encode(),
    ),
    "nested 300 deep": (
        JSON,
        lambda size: (_HEAD + ', "x": ' + "[" * 300 + "]" * 300 + " " * (size - 900) + "}").encode(),
    ),
    "a number of four million digits": (
        JSON,
        lambda size: field(size, "applicants_count", "", "9" * 100, "").replace(b",9", b"9"),
    ),
    "a number past all bounds": (JSON, lambda size: (_HEAD + ', "x": 1e400' + " " * (size - 900) + "}").encode()),
    "blanks": (JSON, lambda size: _HEAD.encode() + b" " * (size - 900) + b"}"),
    "blanks in the text": (JSON, lambda size: text(size, " ")),
    "digits": (JSON, lambda size: text(size, "1 ")),
    "numbers of holders": (JSON, lambda size: text(size, "иин 750301100019 ")),
    "digits beside words": (JSON, lambda size: text(size, "кадастр 1-")),
    "brackets in the text": (JSON, lambda size: text(size, "[{:")),
    "escapes": (JSON, lambda size: text(size, "\\u0451")),
    "control characters": (JSON, lambda size: text(size, "\\u0001")),
    "quotes": (JSON, lambda size: text(size, '\\"')),
    "quotes that never end": (
        JSON,
        lambda size: text(size - size // 8 - 30, ",")[:-1] + b'", "y": "' + b'\\"' * (size // 16),
    ),
    "numbers without end": (JSON, lambda size: field(size, "x", "[", "9" * 22, "]")),
    "no numbers": (JSON, lambda size: field(size, "x", "[", f"NaN{_GAP}", "]")),
    "one smile": (JSON, lambda size: text(size, "a").replace(b"aaaa", "😀".encode(), 1)),
    "a long number": (
        JSON,
        lambda size: text(size, "a").replace(b'"text"', b'"representative": {"iin"', 1)[:-40] + b'"}}',
    ),
    "a message id": (JSON, lambda size: text(size, "a").replace(b'"text"', b'"message_id"', 1)[:-9] + b'"}'),
    "a lone surrogate": (JSON, lambda size: text(size, "a").replace(b"aaaaaa", rb"\ud800", 1)),
    "not closed": (JSON, lambda size: text(size, "a")[:-2]),
    "cp1251": (JSON, lambda size: text(size, "ы").decode().encode("cp1251")),
    "too many siblings": (XML, lambda size: xml(size, "", "<a/>")),
    "siblings": (XML, lambda size: xml(size, "", f"<a/>{_BLANK}")),
    "items": (XML, lambda size: xml(size, "<parcels>", f"<item/>{_BLANK}", "</parcels>")),
    "items of items": (
        XML,
        lambda size: xml(size, "<attachments>", f"<item><size>x</size></item>{4 * _BLANK}", "</attachments>"),
    ),
    "warnings in XML": (XML, lambda size: xml(size, "<warnings>", f"<item/>{_BLANK}", "</warnings>")),
    "texts": (XML, lambda size: xml(size, "", f"<text/>{_BLANK}")),
    "text between": (XML, lambda size: xml(size, "<parcels>", f"x<item/>{_BLANK}", "</parcels>")),
    "attributes": (XML, lambda size: xml(size, "<text " + " ".join(f'a{at}="1"' for at in range(size // 21)) + "/>")),
    "nested elements": (XML, lambda size: xml(size, "", "<a>       ")),
    "references": (XML, lambda size: xml(size, "<text>", "&lt;", "</text>")),
    "a long text in XML": (XML, lambda size: xml(size, "<text>", "ы", "</text>")),
    "comments": (XML, lambda size: xml(size, "<text>", f"<!---->{_BLANK}", "</text>")),
    "namespaces": (XML, lambda size: xml(size, "", f'<a xmlns="x"/>{_BLANK}')),
    "a long namespace": (XML, far),
    "many namespaces": (
        XML,
        lambda size: xml(size, "<a " + " ".join(f'xmlns:a{at}="u{at}"' for at in range(size // 32)) + "/>"),
    ),
    "characters that XML cannot carry": (XML, lambda size: xml(size, "<text>", "&#1;\1", "</text>")),
}
