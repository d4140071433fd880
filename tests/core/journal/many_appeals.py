"""Appeals of every kind, written straight into the tables, and which of them a selection means, told by hand."""

import random
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, insert

from appealbus.core.domain.listing import AppealState
from appealbus.core.domain.selection import Selection
from appealbus.core.journal.codec import names_to
from appealbus.core.journal.drivers.encoding import to_moment
from appealbus.core.journal.tables import appeal, dossier, lookup, outbox, subject

_STATES = ["ready", "in_work", "parked", "parked", "parked", "idle", "idle", "suspect", "held"]
_WAITS = [None, ["egkn"], ["egkn", "gbdfl"], ["egkn.old"], ["gbdul"]]
_CODES = ["guard.timeout", "http.502", ""]
_DAY = 740_000
_PAST = to_moment(0)


@dataclass
class Many:
    """What was written, as it is to be found again."""

    rows: list[dict[str, Any]]
    codes: dict[int, set[str]] = field(default_factory=dict)
    lacked: dict[int, set[str]] = field(default_factory=dict)
    """By appeal the receivers that have not confirmed a version."""
    oldest: dict[tuple[int, str], int] = field(default_factory=dict)
    marks: dict[int, set[bytes]] = field(default_factory=dict)

    def means(self, selection: Selection, marks: tuple[bytes, ...] = ()) -> set[int]:
        """Return the ids of what is selected."""
        return {row["id"] for row in self.rows if self._fits(row, selection, marks)}

    def _fits(self, row: dict[str, Any], wanted: Selection, marks: tuple[bytes, ...]) -> bool:
        number = row["id"]
        waiting = "held" if wanted.state is AppealState.HELD else "parked"
        waits_for = (row["waits_for"] or "").split() if row["state"] == waiting else []
        return all(
            (
                wanted.state is None or row["state"] == wanted.state.value,
                *(getattr(wanted, name) in (None, row[name]) for name in ("kind", "place", "signal", "completeness")),
                wanted.accepted_before is None or row["accepted_at"] < wanted.accepted_before,
                wanted.source is None or wanted.source in waits_for,
                wanted.code is None or wanted.code in self.codes[number],
                wanted.receiver is None or wanted.receiver in self.lacked[number],
                not wanted.lacking or "a.b" in (row["lacks"] or ""),
                not wanted.unassessed or "!assessor." in (row["lacks"] or ""),
                not wanted.misdated or "!misdated" in (row["lacks"] or ""),
                wanted.due_from is None or row["urgency"] >= wanted.due_from.toordinal(),
                wanted.due_before is None or row["urgency"] < wanted.due_before.toordinal(),
                wanted.due is None or row["closed"] is None,
                set(marks) <= self.marks[number],
            )
        )


def fill(connection: Connection, count: int, chance: random.Random) -> Many:
    """Write so many appeals with questions, deliveries and marks."""
    many = Many([_row(number, chance) for number in range(1, count + 1)])
    connection.execute(insert(appeal), many.rows)
    for row in many.rows:
        number = row["id"]
        code = chance.choice(_CODES)
        kind = "timed_out" if code else "found"
        many.codes[number] = {code} - {""}
        questions = [{"lookup": name, "key": "k", "kind": kind, "code": code} for name in ("a", "b")]
        rest = {"appeal_id": number, "reason": "", "attempts": 1, "runs": 1, "ended_at": _PAST}
        connection.execute(insert(lookup), [{**each, **rest} for each in questions])
        many.marks[number] = {bytes([chance.randrange(4)]) * 16 for _ in range(2)}
        marked = [{"appeal_id": number, "mark": each, "role": "r", "kind": "iin"} for each in many.marks[number]]
        connection.execute(insert(subject), marked)
        many.lacked[number] = set()
        for version in (1, 2):
            made = {"appeal_id": number, "version": version, "completeness": "complete", "created_at": _PAST}
            connection.execute(insert(dossier), {**made, "document": b"{}"})
            for receiver in ("copy", "registry"):
                stands = chance.choice(["sent", "waits", "alone", "skipped"])
                given = {
                    "appeal_id": number,
                    "receiver": receiver,
                    "version": version,
                    "attempts": 0,
                    "next_attempt_at": _PAST,
                    "sent_at": _PAST if stands == "sent" else None,
                    "alone_since": _PAST if stands in ("alone", "skipped") else None,
                    "skipped_at": _PAST if stands == "skipped" else None,
                }
                (delivery,) = connection.execute(insert(outbox).returning(outbox.c.id), given).one()
                if stands in ("waits", "alone"):
                    many.lacked[number].add(receiver)
                    many.oldest.setdefault((number, receiver), delivery)
    return many


def _row(number: int, chance: random.Random) -> dict[str, Any]:
    state = chance.choice(_STATES)
    waits = chance.choice(_WAITS) if state in ("parked", "held") else None
    return {
        "id": number,
        "channel": "files",
        "message_id": f"m{number}",
        "number": f"AB-2026-{number:08}",
        "accepted_at": to_moment(number // 10),
        "accepted_by": "appealbus",
        "urgency": _DAY + chance.randrange(20),
        "state": state,
        "due_at": to_moment(chance.randrange(20)) if state == "parked" else None,
        "lease_owner": "other" if state == "in_work" else None,
        "lease_until": to_moment(4 * 10**15) if state == "in_work" else None,
        "deaths": 0 if state == "suspect" else None,
        "held_by": "olga" if state == "held" else None,
        "held_reason": "why not" if state == "held" else None,
        "version": 2,
        "completeness": chance.choice(["partial", "complete"]),
        "changed_at": _PAST,
        "content": b"",
        "kind": chance.choice(["complaint", "report"]),
        "place": chance.choice(["750000000", "710000000", None]),
        "signal": chance.choice(["critical", "warning", None]),
        "lacks": names_to(each for each in ("a.b", "!assessor.minor", "!misdated") if chance.random() < 0.1),
        "waits_for": names_to(waits) if waits else None,
        "closed": "answered" if chance.random() < 0.1 else None,
    }
