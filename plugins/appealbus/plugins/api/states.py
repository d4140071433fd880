"""How an appeal stands, as a client sees it."""

from typing import Any

from appealbus.core import AppealRow
from appealbus.plugins.api.callers import Caller


async def state_of(caller: Caller, row: AppealRow, *, alone: bool = False) -> dict[str, Any]:
    """Return how an appeal stands, without what the client's mask hides, or would tell of it."""
    told = await caller.views.row(row, alone=alone)
    state: dict[str, Any] = {
        "id": row.public_id,
        "number": told.number or None,
        "channel": told.channel or None,
        "message_id": told.message_id or None,
        "accepted_at": told.accepted_at,
        "state": told.state.value,
        "changed_at": told.changed_at,
        "asked_again_at": told.due_at,
        "version": told.version,
        "completeness": told.completeness,
        "kind": told.kind,
        "place": told.place,
        "body": told.body,
        "due_on": told.due_on,
        "closed": told.closed,
        "held_by": told.held_by,
        "held_reason": told.held_reason,
        "waits_for": list(told.waits_for),
        "lacks": list(told.lacks),
        "signal": told.signal,
    }
    return {name: value for name, value in state.items() if value is not None}
