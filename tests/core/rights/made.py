"""Dossiers made of the values of their fields as the bus makes them: all that follows from a value follows from it."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import pairwise
from typing import Any, TypeAlias

import orjson

from appealbus.core.preparation.extraction import prepare
from appealbus.schemas import Appeal, Dossier
from appealbus.schemas.identifiers import control_digit

Values: TypeAlias = Mapping[str, str]
"""By the path of a field its value: `appeal.applicant.phone`, `gbdfl.person/surname`."""

APPEAL = {
    "applicant.iin": "iin",
    "applicant.surname": "text",
    "applicant.name": "text",
    "applicant.phone": "text",
    "applicant.birth_date": "day",
    "representative.iin": "iin",
    "representative.basis": "text",
    "addressee.name": "text",
    "category.code": "text",
    "place.address": "text",
    "parcels.cadastral_number": "parcel",
    "parcels.note": "text",
    "text": "text",
    "due_on": "day",
    "attachments.file_name": "text",
}
RECORDS = {
    "gbdfl.person": {"iin": "iin", "surname": "text", "birth_date": "day", "address.street": "text"},
    "egkn.parcel": {
        "cadastral_number": "parcel",
        "purpose_ru": "text",
        "rights.holder.iin": "iin",
        "rights.holder.name_ru": "text",
        "geometry.wkt": "text",
    },
    "vendor.list": {"members.title": "text", "members.leader_iin": "iin", "note": "text"},
}
FIELDS = {
    **{f"appeal.{name}": kind for name, kind in APPEAL.items()},
    **{f"{lookup}/{name}": kind for lookup, fields in RECORDS.items() for name, kind in fields.items()},
}
"""By the path of a field what it holds."""
_INPUTS = {"gbdfl.person": "applicant.iin", "egkn.parcel": "parcels.cadastral_number", "vendor.list": "addressee.name"}
_NOW = datetime(2026, 2, 16, 10, 0, tzinfo=UTC)
_CODED = {"code": "1", "name_ru": "один"}


def value(kind: str, number: int) -> str:
    """Return the value of this number for a field of the kind: no two numbers have the same."""
    match kind:
        case "iin":
            tries = (
                f"{number % 100:02}0115{century}{number % 10000:04}" for century in (1 + number % 2, 3 + number % 2)
            )
            return next(each + str(digit) for each in tries if (digit := control_digit(each)) is not None)
        case "parcel":
            return f"{1 + number % 20:02}-{number % 1000:03}-{number // 1000 % 1000:03}-{number % 10000:04}"
        case "day":
            return f"{1900 + number % 150}-{1 + number // 150 % 12:02}-{1 + number // 1800 % 28:02}"
        case _:
            return f"слово{number:05}конец"


def dossier(values: Values) -> dict[str, Any]:
    """Return the JSON of the dossier in which the fields have these values; one without a value is absent."""
    appeal = _appeal(values)
    questions = sorted(_questions(values), key=lambda each: (each["lookup"], each["key"]))
    document = {
        "number": "AB-1",
        "version": 1,
        "completeness": "complete",
        "created_at": _NOW,
        "receipt": dict.fromkeys(("accepted_by", "message_id", "channel"), "m")
        | {"number": "AB-1", "accepted_at": _NOW},
        "appeal": appeal,
        "facts": [{name: each[name] for name in ("lookup", "key", "record", "provenance")} for each in questions],
        "outcomes": [each["outcome"] for each in questions],
        "signals": list(_signals(values)),
        "plan": [{"lookup": name, "plugin": name} for name in RECORDS],
        "not_carried": list(_not_carried(values)),
        "changes": list(_changes(values)),
    }
    whole = Dossier.model_validate(document)
    made: dict[str, Any] = orjson.loads(whole.model_dump_json(exclude_none=True))
    return made


def _number(*parts: Any) -> int:
    return int.from_bytes(sha256(repr(parts).encode()).digest()[:6], "big")


def _put(into: dict[str, Any], path: str, what: str | None) -> None:
    *above, last = path.split(".")
    for name in above:
        listed = name in ("parcels", "attachments", "rights", "members")
        into = into.setdefault(name, [{}] if listed else {})
        into = into[0] if isinstance(into, list) else into
    if what is not None:
        into[last] = what


def _appeal(values: Values) -> dict[str, Any]:
    appeal: dict[str, Any] = {"message_id": "m", "kind": "application", "applicant": {"type": "person"}}
    for name in APPEAL:
        _put(appeal, name, values.get(f"appeal.{name}"))
    given = [(name, values[f"appeal.{name}"]) for name in APPEAL if f"appeal.{name}" in values]
    appeal["as_written"] = [
        {"field": field, "text": f"{name} {what}"}
        for name, what in given
        if (choice := _number(name, what) % 4) < 3
        for field in [(name, name.partition(".")[0], "appeal")[choice]]
    ]
    prepared = prepare(Appeal.model_validate(appeal))
    told: dict[str, Any] = orjson.loads(prepared.model_dump_json(exclude_none=True))
    told["warnings"] += [
        {"field": field, "code": "field.odd", "message": f"{name} is odd: {_number(what)}"}
        for name, what in given
        if (choice := _number(what, name) % 3) < 2
        for field in [(name, name.partition(".")[0])[choice]]
    ]
    return told


def _questions(values: Values) -> Iterator[dict[str, Any]]:
    for lookup, fields in RECORDS.items():
        record: dict[str, Any] = {"type": {"gbdfl": "Person", "egkn": "Parcel"}.get(lookup[:-7], "vendor.List")}
        if lookup == "gbdfl.person":
            record |= {"gender": _CODED, "citizenship": _CODED, "life_status": _CODED}
        if lookup == "egkn.parcel":
            record["rights"] = [{"kind": _CODED, "holder": {}}]
        for name in fields:
            _put(record, name, values.get(f"{lookup}/{name}"))
        path = _INPUTS[lookup]
        given = values[f"appeal.{path}"]
        told = _number(record, given)
        at = _NOW + timedelta(seconds=told % 10**6)
        origin = dict.fromkeys(("source", "plugin", "purpose", "legal_basis"), lookup)
        yield {
            "lookup": lookup,
            "key": f"{_number(given):012x}",
            "record": record,
            "provenance": {
                **origin,
                "connector": ("shep", "cache:shep")[told % 2],
                "plugin_version": f"1.{told % 5}",
                "question_id": f"q{told}",
                "message_id": f"m{told}",
                "asked_at": at,
                "observed_at": at,
                "raw_sha256": sha256(repr(record).encode()).hexdigest(),
                "unreadable": [name for name in fields if f"{lookup}/{name}" not in values],
                "unknown": [name for name in fields if f"{lookup}/{name}" not in values],
                "unchecked": [name for name in fields if f"{lookup}/{name}" in values],
            },
            "outcome": {
                "lookup": lookup,
                "key": f"{_number(given):012x}",
                "outcome": "found",
                "code": ("", "stale")[told % 2],
                "reason": f"after {told % 7} tries",
                "attempts": told % 7,
                "inputs": [{"name": path.rpartition(".")[2], "value": given, "path": path}],
                "asked_at": at,
                "ended_at": at,
            },
        }


def _signals(values: Values) -> Iterator[dict[str, Any]]:
    for one, other in pairwise(FIELDS):
        told = _number(values.get(one), values.get(other))
        if told % 3:
            message = f"{values.get(one)} {values.get(other)}"
            named = other if told % 3 == 1 else _above(other)
            signal = {"assessor": "a", "code": f"c{told % 100}", "severity": ("info", "critical")[told % 2]}
            yield signal | {"message_ru": message, "message_kk": message, "fields": [one, named]}


def _above(path: str) -> str:
    """Return the path of what a field stands in."""
    head, _, rest = path.rpartition("/")
    return f"{head}/{rest}".rpartition(".")[0].lstrip("/") if "." in rest else head


def _of_appeal(values: Values, choose: Callable[[int], bool]) -> Iterator[tuple[str, str]]:
    for path, what in values.items():
        if path.startswith("appeal.") and choose(_number("chosen", path, what)):
            yield path.removeprefix("appeal."), what


def _changes(values: Values) -> Iterator[dict[str, Any]]:
    for name, what in _of_appeal(values, lambda number: number % 2 == 0):
        at = _NOW + timedelta(seconds=_number(what) % 1000)
        told = {"message_id": f"change {what}", "channel": "files", "dated_at": at}
        if name == "due_on":
            yield told | {"kind": "extended", "due_on": what, "reason": "long"}
        elif name == "addressee.name":
            yield told | {"kind": "redirected", "to": {"name": what}}
        else:
            yield told | {"kind": "corrected", "fields": [name], "reason": what, "note": what, "by": what}


def _not_carried(values: Values) -> Iterator[dict[str, Any]]:
    for name, what in _of_appeal(values, lambda number: number % 5 == 0):
        yield {"lookup": "gbdfl.person", "key": f"{_number(what):x}", "reason": f"{name} is another"}
    for path, what in values.items():  # what a record says by now has another one go
        if not path.startswith("appeal.") and _number("gone", path, what) % 5 == 0:
            yield {"lookup": "gbdfl.person", "key": f"{_number(what):x}", "reason": "no record leads to it"}
