"""Text from strangers, made harmless for whoever looks at it: on a terminal, in a log, in JSON and in XML."""

import json
import re

# Controls (C0, DEL, C1), the ends of lines and paragraphs, what has no glyph of its own (marks of direction, joiners,
# soft hyphens, tags), and lone surrogates, which no terminal can be sent. Newlines and tabs are apart.
_HIDDEN = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\u3164\ud800-\udfff\ufeff\uffa0\ufff0-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_STEERS = re.compile(f"[{_HIDDEN}]")
_STEERS_OR_BREAKS = re.compile(f"[{_HIDDEN}\n\t]")


def escaped(text: str) -> str:
    """Return the text with all that steers a terminal, or is not seen, written out: `\\x1b`. Newlines and tabs stay."""
    return _STEERS.sub(_written_out, text)


def one_line(text: str) -> str:
    """Return the text as `escaped` does, on one line: a newline in a name must not begin a line of our own."""
    return _STEERS_OR_BREAKS.sub(_written_out, text)


def blanked(text: str) -> str:
    """Return the text with a blank in the place of all that `one_line` writes out."""
    return _STEERS_OR_BREAKS.sub(" ", text)


def escaped_json(document: bytes) -> bytes:
    """Return the same JSON, in which all that steers a terminal is written as JSON writes it: `\\u001b`."""
    return _STEERS.sub(lambda match: json.dumps(match[0])[1:-1], document.decode()).encode()


def escaped_xml(document: bytes) -> bytes:
    """Return the same XML, which is UTF-8 and has plain names, with character references in the place of all that."""
    return _STEERS.sub(lambda match: f"&#{ord(match[0])};", document.decode()).encode()


def _written_out(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode()
