"""Makes the dictionaries by which the journal packs documents and replies (core/appealbus/core/packing).

    python benchmarks/dictionary.py FOLDER

They are trained on what the simulator's agencies answer about its own population, and on nothing else: a dictionary is
made of pieces of what it was trained on, so one that had seen real appeals would hold people in clear.
"""

import asyncio
import re
import sys
import tempfile
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path

import zstandard
from lxml import etree

from appealbus.core.config.loading import from_document
from appealbus.core.domain.case import Case, LookupState
from appealbus.core.domain.document import appeal_document
from appealbus.core.enrichment.assembly import assemble, to_keep
from appealbus.core.enrichment.carrying import Whole
from appealbus.core.interfaces.wire import Request
from appealbus.core.loading.parts import Parts, build, load_plugins
from appealbus.core.packing import DOCUMENTS, REPLIES
from appealbus.core.planning.plan import Node, Plan
from appealbus.core.preparation.extraction import prepare
from appealbus.core.testing import ask_all
from appealbus.core.testing.asking import Asked
from appealbus.demo.setting import document
from appealbus.schemas.appeal import Appeal, Receipt
from appealbus.schemas.provenance import Provenance
from appealbus.schemas.record import Record
from appealbus.simulator import address, egkn, gbdfl, gbdul
from appealbus.simulator.agency import Agency
from appealbus.simulator.appeals import write
from appealbus.simulator.content import Shape
from appealbus.simulator.messages import build_response
from appealbus.simulator.population import Population
from appealbus.simulator.settings import SimulatorSettings

APPEALS = 120
"""With more of them what is packed is hardly smaller."""
SIZE = 32 * 1024
"""Bytes. Of 16 KB what is packed is an eighth larger, of 64 KB a twelfth smaller."""
_UUID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_VERSION = re.compile(rb'(?<="plugin_version":")[^"]*')
_NOW = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+(?:Z|[+-]\d\d:\d\d)?")
_AGENCIES: dict[str, Agency] = {
    each.name: each for each in (address.agency("address"), egkn.agency("e"), gbdfl.agency("f"), gbdul.agency("u"))
}


class Samples:
    """What a journal keeps of the simulator's appeals."""

    def __init__(self, parts: Parts) -> None:
        self._population = Population()
        self._assessors = parts.host.assessors
        self._contracts = parts.contracts.known_to()
        self.documents: list[bytes] = []
        self.replies: list[bytes] = []

    async def add(self, number: int) -> None:
        """Add an appeal, what is found for it, and its dossier."""
        about = prepare(write(self._population, number).appeal)
        at = about.received_at + timedelta(seconds=number, microseconds=number * 7919)
        receipt = Receipt(
            number=about.number or f"AB-2026-{number:08d}",
            accepted_at=at,
            accepted_by="appealbus",
            message_id=about.message_id,
            channel=about.channel,
        )
        about = about.model_copy(update={"number": receipt.number})
        contract = self._contracts[None]
        states = [state async for state in self._states(about, at, contract.plan)]
        appeal = appeal_document(about)
        case = Case(1, about, receipt, 0, content=appeal.digest, size=len(appeal.body))
        told_at = at + timedelta(seconds=1)
        dossier = assemble(case, Whole(states), contract, self._assessors, told_at, defects=Counter())
        self.documents += [appeal.body, to_keep(dossier, case, states).skeleton]

    async def _states(self, about: Appeal, at: datetime, plan: Plan) -> AsyncIterator[LookupState]:
        """Ask all that there is to ask, as the bus does but for the wire."""
        records: dict[str, list[Record]] = {}
        for node in plan:
            asked = await ask_all(
                node.lookup, about, replies=partial(self._answer, node.lookup.source, at), records=records
            )
            records[node.lookup.name] = [each.outcome.record for each in asked if each.outcome.record is not None]
            for each in asked:
                state = _state(node, each, at)
                if state.fact is not None:
                    self.documents.append(state.fact.body)
                yield state

    def _answer(self, source: str, at: datetime, request: Request) -> etree._Element:
        agency = _AGENCIES[source]
        answer = agency.read(request.body, self._population).answer(0)
        reply = build_response(
            answer,
            shape=Shape.CHILD,
            type_name=agency.answer_type,
            correlation_id=_id(source, at),
            message_id=_number(source, at),
            session_id=f"{{{_id('session', source, at)}}}",
            moment=at,
        )
        # It tells the time, and has ids that are drawn.
        reply = _UUID.sub(_id("inner", source, at).encode(), reply)
        self.replies.append(_NOW.sub(at.isoformat().encode(), reply))
        return answer


def _state(node: Node, asked: Asked, at: datetime) -> LookupState:
    outcome, source = asked.outcome, node.lookup.source
    left = asked.access is not None
    provenance = Provenance(
        source=source,
        connector="amqp" if source == "address" else "shep",
        plugin=node.plugin,
        plugin_version=node.plugin_version,
        purpose=node.lookup.purpose,
        legal_basis=node.legal_basis,
        question_id=_id(source, asked.inputs, at),
        message_id=_number(source, at),
        session_id=f"{{{_id('session', source, at)}}}",
        asked_at=at,
        observed_at=at + timedelta(milliseconds=317),
        raw_sha256=sha256(_id("raw", source, at).encode()).hexdigest(),
    )
    return LookupState(
        lookup=node.lookup.name,
        key=_id(asked.inputs)[:8] + _id(at)[:8] if asked.inputs else "",
        kind=outcome.kind,
        code=outcome.code,
        reason=outcome.reason,
        inputs=asked.inputs,
        attempts=int(left),
        runs=int(left),
        asked_at=at if left else None,
        ended_at=at + timedelta(milliseconds=402),
        record=outcome.record,
        provenance=provenance if left else None,
    )


def _id(*of: object) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, repr(of)))


def _number(*of: object) -> str:
    return str(uuid.UUID(_id(*of)).int % 10**19)


async def _samples() -> Samples:
    with tempfile.TemporaryDirectory() as folder:
        configured = document(Path(folder), "http://127.0.0.1:1/", SimulatorSettings())
        loaded = from_document(configured, Path(folder))
        samples = Samples(build(loaded, load_plugins(loaded)))
    for number in range(APPEALS):
        await samples.add(number)
    return samples


def main(folder: Path) -> None:
    """Write the dictionaries."""
    samples = asyncio.run(_samples())
    # As the release had it for which they were trained: a later one, of the same simulator, yields the same.
    documents = [_VERSION.sub(b"0.2.0", each) for each in samples.documents]
    for number, texts in ((DOCUMENTS, documents), (REPLIES, samples.replies)):
        # Numbers from 32768 on are free for anybody's use.
        made = zstandard.train_dictionary(SIZE, texts, dict_id=number, level=3)
        (folder / f"{number}.zdict").write_bytes(made.as_bytes())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
