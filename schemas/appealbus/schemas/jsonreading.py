"""Reading an appeal or a change in JSON, also where it is not quite JSON: what it says is kept and told."""

import json
import math
import re
from codecs import BOM_UTF8
from collections.abc import Sequence
from contextlib import suppress
from itertools import islice
from typing import Any

import orjson

from appealbus.schemas.appeal import Appeal
from appealbus.schemas.base import printable
from appealbus.schemas.change import Change
from appealbus.schemas.dates import NO_DAY
from appealbus.schemas.notes import Notes, Unreadable
from appealbus.schemas.reading import SMALL, check_channel, check_contract, message_of
from appealbus.schemas.renames import Rename, rename

_PARTS = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[{,]', re.DOTALL)
"""A text, ended or not: one that never ends would else be looked for again behind each quote in it."""
_LONG_NUMBER = re.compile(rb"[:\[,\s]-?[0-9][0-9.]{17}")
"""The beginning of what may be a number of more digits than a float keeps."""
_NAMED = b'":'
_UNCOUNTED = re.compile(rb'"\s+:|\\u00(?:22|3[Aa])')
"""Where counting `_NAMED` misses a name, or finds one in a text."""
_DIGITS = 17
"""So many digits a float keeps; a longer number is kept as it was written."""
_MOST_PARTS = 200_000
"""Values of a message: thirty times what the largest appeal has, and 20 MB in memory."""


def message_from_json(
    raw: bytes,
    fallback: str | None = None,
    instead: str | None = None,
    channel: str | None = None,
    *,
    renames: Sequence[Rename] = (),
) -> Appeal | Change:
    """Return the appeal in a JSON document, or the change that its `type` says it is.

    What could not be used is in `as_written`, with its warning.

    Args:
        raw: the document.
        fallback: id of a message that has none.
        instead: id that somebody has given the message in place of its own.
        channel: that of its sender, where the message must not name another one; None: whatever it names is dropped.
        renames: names of the sender's own for fields of an appeal.

    Raises:
        Unreadable: `json.malformed`, `message.too_complex`, `message.foreign_channel`, or one of `message_of`.
    """
    if _is_too_complex(raw):
        reason = f"the message has more than {_MOST_PARTS} values"
        raise Unreadable("message.too_complex", reason)
    given = _loaded(raw)
    if not isinstance(given, dict):
        raise Unreadable("appeal.invalid", "not a JSON object")
    check_channel(given.get("channel"), channel)
    if instead is not None:
        given["message_id"] = instead
    model = Change if given.get("type") == "change" else Appeal
    if given.get("type") in ("appeal", "change"):
        del given["type"]
    notes = Notes(model.__name__.lower())
    rename(given, renames if model is Appeal else (), notes)
    return message_of(model, given, notes, fallback, small=len(raw) <= SMALL and NO_DAY.encode() not in raw)


def _loaded(raw: bytes) -> Any:
    raw = raw.removeprefix(BOM_UTF8)
    if not _LONG_NUMBER.search(raw):
        with suppress(orjson.JSONDecodeError, orjson.JSONEncodeError):
            given = orjson.loads(raw)
            # Else a name may stand there twice.
            if not _UNCOUNTED.search(raw) and raw.count(_NAMED) == orjson.dumps(given).count(_NAMED):
                return given
    try:
        return _loaded_slowly(raw.decode())
    except UnicodeDecodeError:
        where = "as it is not in UTF-8"
    except json.JSONDecodeError as error:
        where = f"at character {error.pos + 1}"  # only the place: the text is a citizen's
    except RecursionError:
        where = "or nested too deeply"
    raise Unreadable("json.malformed", f"not JSON, {where}")


def _loaded_slowly(text: str) -> Any:
    """Read what strict readers refuse or round, and a citizen cannot help.

    Half of an emoji, where somebody cut a text in the middle of it; control characters pasted from elsewhere; numbers
    past all bounds, which are kept by their digits.
    """
    given = json.loads(
        text,
        strict=False,
        parse_int=_as_number,
        parse_float=_as_number,
        parse_constant=str,
        object_pairs_hook=_with_doubles,
    )
    if isinstance(given, dict):
        # As it came: what is replaced below could make two ids one.
        check_contract(given, Change if given.get("type") == "change" else Appeal)
    return orjson.loads(printable(json.dumps(given, ensure_ascii=False)))


def _with_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return fields by name; what else stood under a name under `NAME-twice`, which the contract does not know."""
    fields = dict(pairs)
    if len(fields) < len(pairs):
        lost: dict[str, list[Any]] = {}
        for name, value in pairs:
            last = fields[name]
            if value is not last and (value != last or type(value) is not type(last)):
                twice = f"{name}-twice"
                lost.setdefault(twice, [fields[twice]] if twice in fields else []).append(value)
        fields |= lost
    return fields


def _as_number(digits: str) -> float | str:
    if len(digits) > _DIGITS:
        return digits
    number = float(digits)
    return digits if math.isinf(number) else int(digits) if digits.lstrip("-").isdigit() else number


def _is_too_complex(raw: bytes) -> bool:
    """Say whether a parsed message would take far more memory than its bytes."""
    if sum(map(raw.count, (b"[", b"{", b","))) <= _MOST_PARTS:
        return False
    marks = (match for match in _PARTS.finditer(raw) if match.end() - match.start() == 1)  # not those in a text
    return next(islice(marks, _MOST_PARTS, None), None) is not None
