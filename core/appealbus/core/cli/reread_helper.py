"""The process that rereads kept replies for `appealbus reread`, isolated from crashes.

Its input is `{"id", "source", "values", "gaps", "readings"}` and its output the result of that appeal. Both are JSON
after a line with the size. With `gaps` only appeals with gaps are read; with `readings` all of them if those differ
from its own. The process ends with its input; it reports `away` if the journal is unavailable.
"""

import asyncio
import os
import resource
import signal
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import IO, Any

import orjson

from appealbus.core.bus.work.readings import readings
from appealbus.core.cli.context import Cli
from appealbus.core.clocks import wall
from appealbus.core.enrichment.rereading import Reread, Rereader, RereadResult, has_gap
from appealbus.core.errors import JournalError
from appealbus.core.guards.context import Bound, GuardServices
from appealbus.core.guards.guard import Guard
from appealbus.core.journal import replies, workers
from appealbus.core.journal.appeals import cases as journal_cases
from appealbus.core.journal.journal import Journal
from appealbus.core.loading.parts import build
from appealbus.core.logs import configure
from appealbus.core.planning.contract import CompletenessContract, present_names
from appealbus.core.plugin_calls.boundary import is_defect, within
from appealbus.core.process.runtime import spare_memory
from appealbus.schemas.appeal import AppealKind

_START = 60.0
"""Seconds for a wire to start, which reads contracts."""
_ALONE = 330
"""Seconds per request, longer than the caller waits. After that the system kills the process."""
_MEMORY = 4 * 1024 * 1024 * 1024
"""Bytes of address space: several times the need of contracts and the largest reply."""


def main() -> None:
    for ending in (signal.SIGINT, signal.SIGTERM):  # whoever started it closes its input
        signal.signal(ending, signal.SIG_IGN)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
    spare_memory()
    signal.alarm(_ALONE)
    # What plugins print must not come between what is told.
    sink = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    cli = Cli(Path(sys.argv[1]) if sys.argv[1] else None)
    configure(cli.loaded.settings.log.level, cli.loaded.settings.log.format)
    try:
        asyncio.run(_serve(cli, sys.argv[2], sys.stdin.buffer, sink))
    except JournalError as error:
        if not error.passes:
            raise
        _answer(sink, {"away": error.code})


async def _serve(cli: Cli, source: str, requests: IO[bytes], results: IO[bytes]) -> None:
    parts = build(cli.loaded, cli.host)
    reads_with = readings(cli.loaded, parts).get(source)  # before contracts are read, as in the bus
    async with AsyncExitStack() as stack:
        journal = await stack.enter_async_context(cli.journal())
        guards = {}
        for bound in parts.sources.values():
            if source in ("", bound.name) and await _started(bound):
                stack.push_async_callback(_closed, bound)
                guards[bound.name] = Guard(bound, GuardServices(_nothing_leaves, lambda source, state: None))
        lookups = {node.lookup.name: node for node in parts.nodes}
        for state in await journal.ask(workers.source_states_at_last):
            if state.source in guards:  # what is new in a reply without a schema is new when it is read again, too
                guards[state.source].recall(state, lookups, present_names(lookups))
        rereader = Rereader(guards, cli.loaded.settings.bus.max_fan_out, wall, (await journal.keyed()).question)
        contracts = parts.contracts.known_to(await journal.ask(workers.known))
        while True:
            signal.alarm(0)
            if (request := await asyncio.to_thread(_taken, requests)) is None:
                break
            signal.alarm(_ALONE)
            is_other = request["readings"] not in (None, reads_with)
            _answer(results, await _reread(rereader, contracts, journal, request) if not is_other else {"other": True})


def _answer(results: IO[bytes], answer: dict[str, Any]) -> None:
    raw = orjson.dumps(answer)
    results.writelines((f"{len(raw)}\n".encode(), raw))
    results.flush()


def _taken(requests: IO[bytes]) -> dict[str, Any] | None:
    size = requests.readline()
    return orjson.loads(requests.read(int(size))) if size else None


async def _reread(
    rereader: Rereader,
    contracts: Mapping[AppealKind | None, CompletenessContract],
    journal: Journal,
    request: dict[str, Any],
) -> dict[str, Any]:
    appeal_id: int = request["id"]
    cases = await journal.ask(journal_cases.cases, [appeal_id])
    if not cases:
        return {"number": None, "results": []}
    [case] = cases
    if request["gaps"] and not any(map(has_gap, case.states)):
        return {"number": case.receipt.number, "results": []}
    rows = await journal.ask(replies.replies, appeal_id)
    contract = contracts.get(case.appeal.kind) or contracts[None]
    results = await rereader.read(case, contract, rows, request["source"] or None)
    return {"number": case.receipt.number, "results": [_told(result, values=request["values"]) for result in results]}


def _told(result: Reread, *, values: bool) -> dict[str, Any]:
    """Return the result of a question, with values only if requested."""
    fields = [[field.path, field.how.value, *([field.old, field.new] if values else [])] for field in result.fields]
    document: dict[str, Any] = {
        "lookup": result.lookup,
        "key": result.key,
        "verdict": result.verdict.value,
        "was": result.was,
        "now": result.now,
        "fields": fields,
        "gap": result.gap,
        "otherwise": result.otherwise,
    }
    if result.verdict is RereadResult.DIFFERS and result.after is not None and result.before is not None:
        after = result.after
        document["after"] = {
            "lookup": result.before.lookup,
            "was_ended_at": result.before.ended_at,
            "ended_at": after.ended_at,
            "kind": after.kind.value,
            "code": after.code,
            "reason": after.reason,
            "record": None if after.record is None else after.record.model_dump_json(),
            "provenance": None if after.provenance is None else after.provenance.model_dump_json(),
        }
    return document


async def _started(bound: Bound) -> bool:
    try:
        await within(_START, bound.wire.start, bound.plugin, lambda task: None)
    except BaseException as error:
        if not is_defect(error):
            raise
        return False
    return True


async def _closed(bound: Bound) -> None:
    with suppress(Exception):
        await within(1.0, bound.wire.close, bound.plugin, lambda task: None)


async def _nothing_leaves(rows: object) -> None:
    raise RuntimeError("what was kept is read again, and nothing is asked")


if __name__ == "__main__":
    main()
