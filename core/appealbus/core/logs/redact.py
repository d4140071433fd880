"""The last step before a log line is written: an allow-list of keys, each with the allowed form of its value."""

import math
import re
from collections.abc import Mapping
from enum import Enum
from functools import lru_cache
from typing import Any
from uuid import UUID

from appealbus.core.escaping import blanked
from appealbus.core.masking import masked

REDACTED = "[redacted]"
_DEPTH = 4
"""Our own values are hardly nested; a plugin's deeper ones are cut off."""
_ITEMS = 50
"""Items of a list: people read the lines, and Docker cuts them at 16 kB."""
_TEXT_LIMIT = 500
"""Characters: our own sentences are far shorter; longer ones may contain personal data."""
_WORD_LIMIT = 64
"""Longest word whose result is cached, in characters."""
_SAFE_NUMBER = 10**8  # every ИИН and БИН is greater, read as a number: 000101000000 is the least one

_KEY = re.compile(r"[a-z][a-z0-9_]{0,40}")
_EVENT = re.compile(r"[a-z0-9_]+(?:\.[a-z0-9_]+)+")
_TOKEN = re.compile(r"[a-z0-9_][a-z0-9_.:/@+-]{0,99}")
_PROGRAM = re.compile(r"[A-Za-z0-9_<][A-Za-z0-9_.:<>/-]{0,199}")
_NUMBER = re.compile(r"(?:[^\W\d_]{1,5}[-/.]?){0,3}\*?\d[\d/.-]{0,40}")
_UUID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}")
_DIGITS = re.compile(r"\d{12,}")
_IDENTIFIER = re.compile(r"\d(?:[ :./_-]?\d){9,}")
# What a sentence of ours never needs: addresses of people, dates, numbers of documents and telephones.
_PERSONAL = re.compile(r"\S*@\S*|\d{4}-\d\d-\d\d|\d{1,2}\.\d{1,2}\.\d{4}|\d{6,}")
_OUR_WORDS = frozenset(["ИИН", "БИН", "КАТО", "РКА", "ГБД", "ФЛ", "ЮЛ", "ЕГКН", "ШЭП", "АППК", "РК"])
_FOREIGN_WORD = re.compile(r"[^\W\d_a-zA-Z][\w'’-]*")

# What each key may hold: a sentence of ours, a number of an appeal, a word of a program with capitals in it,
# and for all others a number or a word in small letters.
TEXTS = frozenset(["reason", "detail", "part"])
NUMBERS = frozenset(["number", "message_id"])
PROGRAMS = frozenset(["at", "cause", "client", "code", "error", "frames", "operation", "place", "signal", "wsdl"])
OTHERS = frozenset(
    """
    accepted actor appeal_id appeals assessor attempt attempts breaker bytes calls channel completeness connector
    count delay delivered delivery duration_ms facts failed found gaps hook host in_flight intake kind layer lease
    level line link lookup lookups method mode module new outcome outcomes parked pause pid plugin plugins port
    purpose quarantine_id quarantined question_id questions queue rate receiver retry_after route rows seconds seed
    service signals size source sources state status taken terms timeout total type unassessed version versions
    waiting warnings wire worker writes written
    """.split()  # noqa: SIM905 - as a list it would take eighty lines
)
KEYS = TEXTS | NUMBERS | PROGRAMS | OTHERS


def text(value: str) -> str:
    """Remove possible identifiers and names from a sentence, and all line breaks."""
    value = _IDENTIFIER.sub(REDACTED, blanked(value[: 20 * _TEXT_LIMIT]))
    value = _PERSONAL.sub(REDACTED, value)
    value = _FOREIGN_WORD.sub(lambda match: match[0] if match[0] in _OUR_WORDS else REDACTED, value)
    return value[:_TEXT_LIMIT]  # last, or a cut could leave half of an identifier that no longer looks like one


def token(key: str, given: str) -> str:
    """Pass a word that matches the form for this key and contains no identifier."""
    if key in TEXTS:
        return text(given)
    return _known_token(key, given) if len(given) <= _WORD_LIMIT else _token(key, given)


def _token(key: str, given: str) -> str:
    if key in NUMBERS:
        given = masked(given)
        form, identifier = _NUMBER, _DIGITS
    else:
        form, identifier = _PROGRAM if key in PROGRAMS else _TOKEN, _IDENTIFIER
    harmless = form.fullmatch(given) and not identifier.search(given)
    return given if harmless or _UUID.fullmatch(given) else REDACTED


_known_token = lru_cache(maxsize=2000)(_token)
"""Most words of a log repeat those of earlier lines."""


@lru_cache(maxsize=1000)
def _is_event(name: str) -> bool:
    return _EVENT.fullmatch(name) is not None and _DIGITS.search(name) is None


def value(key: str, given: Any, depth: int = 0) -> Any:
    """Return the redacted value of an allowed key."""
    if isinstance(given, Enum):
        given = given.value
    match given:
        case str() | UUID():
            return token(key, str(given))
        case None | bool():
            return given
        case int() | float():
            return round(given, 6) if math.isfinite(given) and abs(given) < _SAFE_NUMBER else REDACTED
        case Mapping() if depth < _DEPTH:
            return _mapping(key, given, depth + 1)
        case list() | tuple() | set() | frozenset() if depth < _DEPTH:
            return [value(key, item, depth + 1) for item in list(given)[:_ITEMS]]
        case _:
            return REDACTED


def _mapping(key: str, given: Mapping[Any, Any], depth: int) -> dict[str, Any]:
    """Keys of a mapping are data, as in `outcomes={"found": 3}`: one that is no word is dropped and counted."""
    out: dict[str, Any] = {}
    for name, item in list(given.items())[:_ITEMS]:
        word = str(name) if isinstance(name, str) else ""
        if word in KEYS:
            out[word] = value(word, item, depth)
        elif word and token("", word) == word:
            out[word] = value(key, item, depth) if key not in TEXTS else REDACTED
        else:
            out["redacted"] = out.get("redacted", 0) + 1
    return out


def line(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return the redacted event.

    A key that is not allowed keeps its name, so that its author sees why the value is missing. A key of the wrong form
    is counted in `redacted`.
    """
    name = event.get("event")
    out: dict[str, Any] = {
        "timestamp": event.get("timestamp"),
        "level": event.get("level"),
        "event": name if isinstance(name, str) and _is_event(name) else REDACTED,
    }
    dropped = 0
    for key, given in event.items():
        if key in out:
            continue
        if key in KEYS:
            out[key] = value(key, given)
        elif not isinstance(key, str) or not _KEY.fullmatch(key) or _DIGITS.search(key):
            dropped += 1
        else:
            out[key] = REDACTED
    return {**out, "redacted": dropped} if dropped else out
