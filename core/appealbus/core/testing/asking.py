"""Asking a lookup as the bus does: the plan fills in the question, the guard asks it; only the source is scripted."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from appealbus.core.clocks import monotonic
from appealbus.core.domain.access import AccessRow
from appealbus.core.guards.context import Bound, GuardServices
from appealbus.core.guards.guard import Guard
from appealbus.core.guards.question import Question
from appealbus.core.guards.settings import GuardSettings
from appealbus.core.interfaces.lookup import Lookup, Query
from appealbus.core.interfaces.wire import Wire
from appealbus.core.planning.inputs import Draft, InputState, Known
from appealbus.core.planning.plan import Node
from appealbus.core.readings.lookup import Declared
from appealbus.core.testing.contract import Contract, contract_wire
from appealbus.core.testing.making import NUMBER, Records, listed
from appealbus.core.testing.scripted import Script, ScriptedWire
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.dossier import Input
from appealbus.schemas.outcome import Outcome, OutcomeKind
from appealbus.schemas.provenance import Provenance
from appealbus.schemas.record import Record

_BUDGET = 10.0
"""Seconds: a scripted wire answers at once, so a blocked test fails soon."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One question: its inputs, how it ended, what the access log says of it, and the trail of its record.

    `access` and `query` are None where nothing left for the source.
    """

    inputs: tuple[Input, ...]
    outcome: Outcome[Record]
    access: AccessRow | None = None
    provenance: Provenance | None = None
    query: Query | None = None


async def ask(
    lookup: Lookup[Any, Record],
    about: Appeal,
    *,
    replies: Script | ScriptedWire = (),
    records: Records | None = None,
    contract: Contract | None = None,
) -> Outcome[Record]:
    """Ask a lookup the one question that it has about an appeal, and return the outcome.

    Args:
        lookup: the lookup.
        about: the appeal; see `testing.appeal`.
        replies: what the source answers, in turn; a function of the request; or a wire that you look at later. A
            recorded reply may have its SOAP envelope.
        records: what the lookups found that this one takes inputs from.
        contract: a WSDL file, against which the question leaves by the real wire `soap` and the replies come back,
            over HTTP to a stand-in in this process; or the source's whole table of the configuration (`{"connector":
            "shep", …}`), to which the `url` is added. Replies are XML then, as bytes, text or elements: an envelope
            goes as it is, with status 500 where it is a fault; what has none gets a plain one.

    Raises:
        ValueError: it has several questions, or none; use `ask_all`.
        ConfigError: the contract cannot be used.
        PlanError: its declared paths lead nowhere.
    """
    asked = await ask_all(lookup, about, replies=replies, records=records, contract=contract)
    if len(asked) != 1:
        raise ValueError(f"{lookup.name} has {len(asked)} questions about this appeal, not one; use ask_all")
    return asked[0].outcome


async def ask_all(
    lookup: Lookup[Any, Record],
    about: Appeal,
    *,
    replies: Script | ScriptedWire = (),
    records: Records | None = None,
    contract: Contract | None = None,
    query: Query | None = None,
) -> list[Asked]:
    """Ask a lookup all the questions that it has about an appeal, one after the other. Arguments as those of `ask`.

    With `query`, that is asked in place of each of them.
    """
    script = replies if isinstance(replies, ScriptedWire) else ScriptedWire(replies)
    script.echo = lookup.take.echo if isinstance(lookup, Declared) and hasattr(lookup, "take") else None
    async with AsyncExitStack() as stack:
        wire: Wire = script
        if contract is not None:
            wire = await stack.enter_async_context(contract_wire(contract, script, lookup.source))
        return await _ask(lookup, about, wire, records, query)


async def _ask(
    lookup: Lookup[Any, Record], about: Appeal, wire: Wire, records: Records | None, query: Query | None
) -> list[Asked]:
    lists = listed(records or {})
    node = Node(lookup, "test", "0", lookup.legal_basis or "a test")
    standings = {
        name: InputState(OutcomeKind.FOUND if lists.get(name) else OutcomeKind.NOT_FOUND, bool(lists.get(name)), False)
        for name in node.upstream
    }
    typed = all(standing.found for standing in standings.values())
    node.check({name: type(lists[name][0]) for name in node.upstream} if typed else None)
    rows: list[AccessRow] = []

    async def access(new: Sequence[AccessRow]) -> None:
        rows.extend(new)

    bound = Bound(lookup.source, "scripted", wire, GuardSettings(attempts=1))
    guard = Guard(bound, GuardServices(access, lambda source, state: None))
    asked = []
    known = {name: [Known(record) for record in values] for name, values in lists.items()}
    for draft in node.drafts(about, known, standings, limit=100):
        if draft.outcome is not None:
            asked.append(Asked(draft.inputs, draft.outcome))
        else:
            rows.clear()
            answer = await guard.ask(_question(node, draft, query))
            row = rows[0] if rows else None
            asked.append(Asked(draft.inputs, answer.outcome, row, answer.provenance, query or draft.query))
    return asked


def _question(node: Node, draft: Draft, query: Query | None) -> Question:
    query = query or draft.query
    if query is None:
        raise ValueError("a draft without an outcome has a query")
    return Question(
        lookup=node.lookup,
        query=query,
        key=draft.key,
        inputs=draft.inputs,
        number=NUMBER,
        actor="test",
        deadline=monotonic() + _BUDGET,
        plugin=node.plugin,
        plugin_version=node.plugin_version,
        legal_basis=node.legal_basis,
    )
