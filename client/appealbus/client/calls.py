"""Every call of the API, described once for both clients."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

from appealbus.client import reading
from appealbus.client.conversation import Call
from appealbus.client.models import (
    Alarms,
    Dossier,
    Explained,
    FeedPage,
    Found,
    History,
    Operation,
    Reader,
    Repeats,
    State,
    Submitted,
    Term,
    Version,
    Why,
)

JSON = "application/json"
XML = "application/xml"
_KEY = re.compile(r"[\x20-\x7e]{1,200}")
"""What a string of a structured header can carry (RFC 9651)."""

Message = Mapping[str, Any] | bytes
"""An appeal or a change: JSON as Python has it, or its bytes in JSON or XML."""


def submit(kind: str, message: Message, message_id: str | None) -> Call[Submitted]:
    """Put an appeal (`appeals`) or a change (`changes`) in.

    Without an id the message gets a random one, for this call and all its tries.

    Raises:
        ValueError: the id of the message has characters that no header carries, and the message does not have it.

    """
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


def find(what: Mapping[str, str], after: str | None, limit: int, purpose: str | None) -> Call[Found]:
    """Find appeals by their number, a message id with its channel, or a number of a person, organisation or parcel.

    It goes in the body, so that no number stands in an address.
    """
    page = {"limit": int(limit), **({} if after is None else {"after": after})}
    body = json.dumps({**what, **page}, ensure_ascii=False).encode()
    headers = {"Content-Type": JSON, "Accept": JSON, **_purpose(purpose)}
    return Call("POST", "/v1/appeals/find", reading.reader(reading.found), headers=headers, body=body)


def state(appeal: str) -> Call[State]:
    """Say how an appeal stands."""
    return Call("GET", _of(appeal), reading.reader(reading.state), headers={"Accept": JSON})


def dossier(appeal: str, version: int | None, purpose: str | None) -> Call[Dossier]:
    """Read a version of a dossier, the newest where none is named."""
    headers = {"Accept": JSON, **_purpose(purpose)}
    return Call("GET", _version(appeal, version), reading.reader(reading.dossier), headers=headers, cached=True)


def dossier_xml(appeal: str, version: int | None, purpose: str | None) -> Call[bytes]:
    """Read the same as XML."""
    headers = {"Accept": XML, **_purpose(purpose)}
    return Call("GET", _version(appeal, version), reading.content, headers=headers, cached=True)


def versions(appeal: str, purpose: str | None) -> Call[list[Version]]:
    """List the versions that the client sees."""
    headers = {"Accept": JSON, **_purpose(purpose)}
    return Call("GET", _of(appeal, "versions"), reading.reader(reading.rows), headers=headers)


def difference(appeal: str, version: int, since: int, purpose: str | None) -> Call[list[Operation]]:
    """Say in what a version differs from an earlier one."""
    path, query = _of(appeal, "versions", str(int(version)), "difference"), (("from", str(int(since))),)
    headers = {"Accept": "application/json-patch+json", **_purpose(purpose)}
    return Call("GET", path, reading.reader(reading.rows), query, headers)


def term(appeal: str, purpose: str | None) -> Call[Term]:
    """Return the call that asks until when an appeal has to be answered."""
    return Call("GET", _of(appeal, "term"), reading.reader(reading.term), headers={"Accept": JSON, **_purpose(purpose)})


def repeats(appeal: str, purpose: str | None) -> Call[Repeats]:
    """Return the call that asks which others are about the same."""
    read = reading.reader(reading.repeats)
    return Call("GET", _of(appeal, "repeats"), read, headers={"Accept": JSON, **_purpose(purpose)})


def terms(which: Mapping[str, str], after: str | None, limit: int, purpose: str | None) -> Call[Found]:
    """Read a page of what falls due, the most urgent first."""
    query = [*which.items(), ("limit", str(int(limit)))] + ([] if after is None else [("after", after)])
    headers = {"Accept": JSON, **_purpose(purpose)}
    return Call("GET", "/v1/terms", reading.reader(reading.found), tuple(query), headers)


def report(which: Mapping[str, str], purpose: str | None) -> Call[dict[str, Any]]:
    """Read the figures of a period."""
    headers = {"Accept": JSON, **_purpose(purpose)}
    return Call("GET", "/v1/report", reading.reader(reading.table), tuple(which.items()), headers)


def surges(purpose: str | None) -> Call[dict[str, Any]]:
    """Read of what more is written now than its past explains."""
    headers = {"Accept": JSON, **_purpose(purpose)}
    return Call("GET", "/v1/surges", reading.reader(reading.table), headers=headers)


def alarms(before: int | None, limit: int, purpose: str | None, *, closed: bool) -> Call[Alarms]:
    """Read a page of alarms, the newest first."""
    query = [("limit", str(int(limit)))] + ([("closed", "true")] if closed else [])
    query += [] if before is None else [("before", str(int(before)))]
    headers = {"Accept": JSON, **_purpose(purpose)}
    return Call("GET", "/v1/surges/alarms", reading.reader(reading.alarms), tuple(query), headers)


def alarm(alarm: int, purpose: str | None) -> Call[dict[str, Any]]:
    """Read one alarm with the ids of the appeals behind it."""
    headers = {"Accept": JSON, **_purpose(purpose)}
    return Call("GET", f"/v1/surges/alarms/{int(alarm)}", reading.reader(reading.table), headers=headers)


def why(appeal: str, purpose: str | None) -> Call[Why]:
    """Say what is missing, and when it is asked again."""
    return Call("GET", _of(appeal, "why"), reading.reader(reading.why), headers={"Accept": JSON, **_purpose(purpose)})


def explain(appeal: str, field: str, version: int | None, purpose: str | None) -> Call[list[Explained]]:
    """Say where a field comes from: `gbdfl.person/surname`."""
    query = (("field", field), *(() if version is None else (("version", str(int(version))),)))
    headers = {"Accept": JSON, **_purpose(purpose)}
    return Call("GET", _of(appeal, "explain"), reading.reader(reading.rows), query, headers)


def history(appeal: str, after: int | None, limit: int, purpose: str | None) -> Call[History]:
    """Read a page of what happened to an appeal."""
    query = (("limit", str(int(limit))), *(() if after is None else (("after", str(int(after))),)))
    headers = {"Accept": JSON, **_purpose(purpose)}
    return Call("GET", _of(appeal, "history"), reading.reader(reading.history), query, headers)


def feed(
    after: str | None,
    wait: int,
    limit: int,
    *,
    places: Sequence[str],
    kinds: Sequence[str],
    completeness: str | Sequence[str] | None,
) -> Call[FeedPage]:
    """Read a page of the feed: what follows a cursor, or begins it."""
    query = [("wait", str(int(wait))), ("limit", str(int(limit)))]
    query += [("place", place) for place in places] + [("kind", kind) for kind in kinds]
    query += [("after", after)] if after is not None else []
    words = (completeness,) if isinstance(completeness, str) else completeness or ()
    query += [("completeness", word) for word in words]
    read = reading.reader(reading.feed_page)
    return Call("GET", "/v1/feed", read, tuple(query), {"Accept": JSON}, wait=wait)


def readers() -> Call[list[Reader]]:
    """Say up to where clients have read the feed."""
    return Call("GET", "/v1/feed/readers", reading.reader(reading.rows), headers={"Accept": JSON})


def me() -> Call[dict[str, Any]]:
    """Say who this client is to the server: its role, scopes, mask and limits."""
    return Call("GET", "/v1/me", reading.reader(reading.table), headers={"Accept": JSON})


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
