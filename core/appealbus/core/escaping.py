"""Escaping untrusted text for terminals, logs, JSON and XML."""

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
    r"""Return the text with terminal control and invisible characters escaped: `\x1b`. Newlines and tabs stay."""
    return _STEERS.sub(_written_out, text)


def one_line(text: str) -> str:
    """Like `escaped`, on one line: a newline in a name must not start a line of ours."""
    return _STEERS_OR_BREAKS.sub(_written_out, text)


def blanked(text: str) -> str:
    """Return the text with a blank for each character that `one_line` escapes."""
    return _STEERS_OR_BREAKS.sub(" ", text)


def escaped_json(document: bytes) -> bytes:
    r"""Return the same JSON with terminal control characters escaped: `\u001b`."""
    return _STEERS.sub(lambda match: json.dumps(match[0])[1:-1], document.decode()).encode()


def escaped_xml(document: bytes) -> bytes:
    """Return the same XML (UTF-8, plain names) with those characters as character references."""
    return _STEERS.sub(lambda match: f"&#{ord(match[0])};", document.decode()).encode()


def _written_out(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode()
