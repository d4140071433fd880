"""Recognizes questions by their inputs after a change of the journal's key."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

from appealbus.core.domain.case import Case, LookupState
from appealbus.core.enrichment.carrying import Asked, asked_with
from appealbus.core.planning.inputs import Draft, InputState, Known
from appealbus.core.planning.plan import Node
from appealbus.core.plugin_calls.boundary import is_defect


def keys_anew(
    nodes: Iterable[Node], case: Case, fan_out: int, key_of: Callable[[str], str]
) -> dict[tuple[str, str], str]:
    """Return the new keys of a case's questions, by lookup and old key, without asking anything.

    Questions outside the plan get no new key. `key_of` makes a question's key from its query's hash.
    """
    states: defaultdict[str, dict[Asked, LookupState]] = defaultdict(dict)
    for kept in case.states:
        if kept.inputs:
            states[kept.lookup][asked_with(kept.inputs)] = kept
    records: dict[str, list[Known]] = {}
    standings: dict[str, InputState] = {}
    keys: dict[tuple[str, str], str] = {}
    for node in nodes:
        name = node.lookup.name
        known = [
            (draft, states[name].get(asked_with(draft.inputs)))
            for draft in _drafts(node, case, records, standings, fan_out)
        ]
        records[name] = []
        for draft, state in known:
            if state is None:
                continue
            key = keys[name, state.key] = key_of(draft.key)
            if state.record is not None:
                records[name].append(Known(state.record, {**draft.lineage, name: frozenset((key,))}))
        pending = any(draft.query is not None if state is None else state.pending for draft, state in known)
        standings[name] = InputState("", bool(records[name]), pending)
    return keys


def _drafts(
    node: Node, case: Case, records: Mapping[str, list[Known]], standings: Mapping[str, InputState], fan_out: int
) -> list[Draft]:
    try:
        return node.drafts(
            case.appeal,
            {name: records[name] for name in node.upstream},
            {name: standings[name] for name in node.upstream},
            fan_out,
        )
    except BaseException as error:  # validators of a query are the plugin's own
        if not is_defect(error):
            raise
        return []
