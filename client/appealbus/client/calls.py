"""Every call of the API, described once: both clients have a method of the same name, arguments and docstring."""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

from appealbus.client import reading
from appealbus.client.conversation import Call, T
from appealbus.client.models import (
    Explained,
    Me,
    Operation,
    Reader,
    Repeats,
    State,
    SurgeAlarm,
    Surges,
    Term,
    Version,
    Why,
)
from appealbus.client.results import Alarms, Dossier, FeedPage, Found, History, Submitted
from appealbus.client.wire import Answer

JSON = "application/json"
XML = "application/xml"
_KEY = re.compile(r"[\x20-\x7e]{1,200}")
"""What a string of a structured header can carry (RFC 9651)."""

Message = Mapping[str, Any] | bytes
"""An appeal or a change: JSON as Python has it, or its bytes in JSON or XML."""


def submit(appeal: Message, *, message_id: str | None = None) -> Call[Submitted]:
    """Put an appeal in; the same id again gets the same receipt.

    Without an id the message gets a random one, for this call and all its tries.

    Raises:
        ValueError: the id of the message has characters that no header carries, and the message does not have it.

    """
    return _put_in("appeals", appeal, message_id)


def change(change: Message, *, message_id: str | None = None) -> Call[Submitted]:
    """Say what happened to an appeal; ids as those of `submit`."""
    return _put_in("changes", change, message_id)


def _put_in(kind: str, message: Message, message_id: str | None) -> Call[Submitted]:
    if isinstance(message, bytes):
        body, media_type = message, XML if message.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") else JSON
    else:
        body, media_type = json.dumps(message, ensure_ascii=False).encode(), JSON
        own = message.get("message_id")
        if message_id is None and isinstance(own, str) and own.strip():
            message_id = own
    headers = {"Content-Type": media_type, "Accept": JSON, **_key(message_id, message)}
    return Call("POST", f"/v1/{kind}", reading.reader(reading.submitted), headers=headers, body=body, message=True)


def _key(message_id: str | None, message: Message) -> Mapping[str, str]:
    if message_id is None:
        # Bytes may hold an id that we did not read: then that one counts, and no other may stand beside it.
        return {} if isinstance(message, bytes) else {"Idempotency-Key": f'"{uuid4()}"'}
    if _KEY.fullmatch(message_id):
        escaped = message_id.replace("\\", "\\\\").replace('"', '\\"')
        return {"Idempotency-Key": f'"{escaped}"'}
    if not isinstance(message, bytes) and message.get("message_id") == message_id:
        return {}
    raise ValueError("an id with such characters can stand in the message alone, as its message_id")


def _get(
    path: str,
    read: Callable[[Answer], T],
    purpose: str | None = None,
    query: Iterable[tuple[str, object]] = (),
    *,
    accept: str = JSON,
    **more: Any,
) -> Call[T]:
    """Return the call that reads something; parts of the query that are None are left out."""
    known = tuple((name, str(value)) for name, value in query if value is not None)
    return Call("GET", path, reading.reader(read), known, {"Accept": accept, **_purpose(purpose)}, **more)


def find(
    what: Mapping[str, str], *, after: str | None = None, limit: int = 100, purpose: str | None = None
) -> Call[Found]:
    """Find appeals: `{"number": …}`, `{"message_id": …, "channel": …}`, `{"iin": …}`, `{"bin": …}` and the like.

    It goes in the body, so that no number stands in an address.
    """
    page = {"limit": int(limit), **({} if after is None else {"after": after})}
    body = json.dumps({**what, **page}, ensure_ascii=False).encode()
    headers = {"Content-Type": JSON, "Accept": JSON, **_purpose(purpose)}
    return Call("POST", "/v1/appeals/find", reading.reader(reading.found), headers=headers, body=body)


def state(appeal: str) -> Call[State]:
    """Say how an appeal stands."""
    return _get(_of(appeal), reading.state)


def dossier(appeal: str, version: int | None = None, *, purpose: str | None = None) -> Call[Dossier]:
    """Read a version of a dossier, the newest where none is named; what has not changed does not travel again."""
    return _get(_version(appeal, version), reading.dossier, purpose, cached=True)


def dossier_xml(appeal: str, version: int | None = None, *, purpose: str | None = None) -> Call[bytes]:
    """Read the same as XML."""
    return _get(_version(appeal, version), reading.content, purpose, accept=XML, cached=True)


def versions(appeal: str, *, purpose: str | None = None) -> Call[list[Version]]:
    """List the versions that this client sees, in their order."""
    return _get(_of(appeal, "versions"), reading.rows, purpose)


def difference(appeal: str, version: int, since: int, *, purpose: str | None = None) -> Call[list[Operation]]:
    """Say in what a version differs from the version `since`, as a JSON Patch."""
    path = _of(appeal, "versions", str(int(version)), "difference")
    return _get(path, reading.rows, purpose, [("from", int(since))], accept="application/json-patch+json")


def term(appeal: str, *, purpose: str | None = None) -> Call[Term]:
    """Say until when an appeal has to be answered, and why: `due_on`, and under `terms` each proof."""
    return _get(_of(appeal, "term"), reading.table, purpose)


def repeats(appeal: str, *, purpose: str | None = None) -> Call[Repeats]:
    """Say which others are about the same, how they ended, and what is new here: `compared`, by who compares."""
    return _get(_of(appeal, "repeats"), reading.table, purpose)


def terms(
    which: Mapping[str, str] | None = None, *, after: str | None = None, limit: int = 100, purpose: str | None = None
) -> Call[Found]:
    """List open appeals by the day on which they are due: `{"until": …, "body": …}`, `{"moved": "true"}`.

    A page may be short, or empty, while there is a `next`.
    """
    query = [*(which or {}).items(), ("limit", int(limit)), ("after", after)]
    return _get("/v1/terms", reading.found, purpose, query)


def report(which: Mapping[str, str] | None = None, *, purpose: str | None = None) -> Call[dict[str, Any]]:
    """Read the figures of a period: `{"since": "2026-01-01", "until": …, "by": "district"}`.

    The first one over a full journal takes long: `Unavailable` says so, and it is there later.
    """
    return _get("/v1/report", reading.table, purpose, (which or {}).items())


def surges(*, purpose: str | None = None) -> Call[Surges]:
    """Say of what more is written than its past explains: `week` that is over, `day` of the one under way."""
    return _get("/v1/surges", reading.table, purpose)


def alarms(
    *, closed: bool = False, before: int | None = None, limit: int = 100, purpose: str | None = None
) -> Call[Alarms]:
    """List alarms of surges, the newest first; those that are open, or closed ones, too."""
    query = [("limit", int(limit)), ("closed", "true" if closed else None), ("before", _number(before))]
    return _get("/v1/surges/alarms", reading.alarms, purpose, query)


def alarm(alarm: int, *, purpose: str | None = None) -> Call[SurgeAlarm]:
    """Read one alarm: all that it rests on, and under `appeals` the ids of those behind it."""
    return _get(f"/v1/surges/alarms/{int(alarm)}", reading.table, purpose)


def why(appeal: str, *, purpose: str | None = None) -> Call[Why]:
    """Say what is missing, and when it is asked again."""
    return _get(_of(appeal, "why"), reading.why, purpose)


def explain(
    appeal: str, field: str, version: int | None = None, *, purpose: str | None = None
) -> Call[list[Explained]]:
    """Say where a field comes from: `gbdfl.person/surname`."""
    return _get(_of(appeal, "explain"), reading.rows, purpose, [("field", field), ("version", _number(version))])


def history(appeal: str, *, after: int | None = None, limit: int = 100, purpose: str | None = None) -> Call[History]:
    """Read a page of what happened to an appeal."""
    query = [("limit", int(limit)), ("after", _number(after))]
    return _get(_of(appeal, "history"), reading.history, purpose, query)


def feed(
    after: str | None = None,
    *,
    wait: int = 0,
    limit: int = 100,
    places: Sequence[str] = (),
    kinds: Sequence[str] = (),
    completeness: str | Sequence[str] | None = None,
) -> Call[FeedPage]:
    """Read a page of the feed: what follows the cursor, waiting for it so many seconds.

    Raises:
        FeedRestart: nobody can go on from this cursor; it has the one to start again from.

    """
    words = (completeness,) if isinstance(completeness, str) else completeness or ()
    query: list[tuple[str, object]] = [("wait", int(wait)), ("limit", int(limit))]
    query += [("place", place) for place in places] + [("kind", kind) for kind in kinds]
    query += [("after", after)] + [("completeness", word) for word in words]
    return _get("/v1/feed", reading.feed_page, query=query, wait=wait)


def readers() -> Call[list[Reader]]:
    """Say up to where clients have read the feed; a registry is told of itself."""
    return _get("/v1/feed/readers", reading.rows)


def me() -> Call[Me]:
    """Say who this client is to the server: its role, scopes, mask and limits."""
    return _get("/v1/me", reading.table)


def _number(value: int | None) -> int | None:
    return None if value is None else int(value)


def _of(appeal: str, *rest: str) -> str:
    try:
        name = str(UUID(appeal))
    except ValueError:
        # Without the value: it may be the number of a person.
        raise ValueError("an appeal is named by its id, a UUID, as `submit` and `find` return it") from None
    return "/".join(("/v1/appeals", name, *rest))


def _version(appeal: str, version: int | None) -> str:
    return _of(appeal, "dossier") if version is None else _of(appeal, "versions", str(int(version)))


def _purpose(purpose: str | None) -> Mapping[str, str]:
    return {"Appealbus-Purpose": quote(purpose, safe="")} if purpose else {}
