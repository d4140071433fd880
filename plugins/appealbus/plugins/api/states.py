"""How an appeal stands, as a client sees it."""

from typing import Any

from appealbus.core import AppealRow
from appealbus.plugins.api.callers import Caller
from appealbus.plugins.api.models.appeals import State

_EMPTY = (None, "")
"""What is hidden or unknown, and is not told."""


async def state_of(caller: Caller, row: AppealRow, *, alone: bool = False) -> dict[str, Any]:
    """Return how an appeal stands, without what the client's mask hides, or would tell of it."""
    shown = await caller.views.row(row, alone=alone)
    named = {"id": row.public_id, "asked_again_at": shown.due_at}
    state = {name: named[name] if name in named else getattr(shown, name) for name in State.model_fields}
    return {name: value for name, value in state.items() if name == "id" or value not in _EMPTY}
