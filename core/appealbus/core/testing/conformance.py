"""Requirements on every lookup and every assessor, each checked in one call."""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import orjson
from lxml import etree

from appealbus.core.interfaces.assessor import Assessor
from appealbus.core.interfaces.lookup import Lookup
from appealbus.core.interfaces.past import Past, PastAssessor
from appealbus.core.interfaces.wire import CallFailed, Payload
from appealbus.core.planning.plan import Node, PlanError
from appealbus.core.rights.fields import leads_in
from appealbus.core.rights.paths import path_of
from appealbus.core.testing.asking import Asked, ask_all
from appealbus.core.testing.contract import Contract
from appealbus.core.testing.making import Records
from appealbus.core.testing.mixup import mixed_up
from appealbus.core.testing.mutants import CANARY, damaged, silent
from appealbus.core.testing.scripted import Answer, ScriptedWire
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.dossier import Dossier
from appealbus.schemas.outcome import OutcomeKind
from appealbus.schemas.record import Record
from appealbus.schemas.signal import Signal
from appealbus.schemas.stored import DOSSIER


def check_assessor(assessor: Assessor, dossiers: Iterable[Dossier], *, past: Past | None = None) -> list[str]:
    """Return everything about an assessor's signals that is not as it should be; an empty list if all is well.

    Each signal names the fields that it rests on, by paths that lead somewhere: one with another path, or without any,
    is hidden from whoever does not see everything. And the same dossier gives the same signals.

    Args:
        assessor: the assessor.
        dossiers: some from which it concludes all that it can conclude; of others nothing is said.
        past: what one that compares appeals is given with each.
    """
    problems: list[str] = []
    concluded = False
    for dossier in dossiers:
        signals = list(_signals(assessor, dossier, past))
        concluded = concluded or bool(signals)
        if signals != list(_signals(assessor, dossier, past)):
            problems.append("the same dossier gives other signals the second time")
        document = orjson.loads(DOSSIER.write(dossier, exclude_none=True))
        for signal in signals:
            if signal.assessor != assessor.name:
                problems.append(f"the signal {signal.code} is of the assessor {signal.assessor!r}; write its own name")
            if not signal.fields:
                problems.append(f"the signal {signal.code} names no field that it rests on")
            problems += [
                f"the signal {signal.code} names {field}, which leads nowhere: a mask hides the signal for it"
                for field in signal.fields
                if not leads_in(document, path_of(field))
            ]
    if not concluded:
        problems.append("it concludes nothing from these dossiers: give some from which it does")
    return list(dict.fromkeys(problems))


def _signals(assessor: Assessor, dossier: Dossier, past: Past | None) -> Iterator[Signal]:
    if isinstance(assessor, PastAssessor):
        yield from assessor.recall(dossier.appeal, past or Past())
    yield from assessor.assess(dossier)


_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")


async def check_lookup(
    lookup: Lookup[Any, Record],
    about: Appeal,
    replies: Sequence[str | bytes | Payload],
    *,
    records: Records | None = None,
    not_in_reply: Collection[str] = (),
    contract: Contract | None = None,
) -> list[str]:
    """Return everything about a lookup that is not as it should be; an empty list if all is well.

    Looks at its name, purpose, docstring, paths and record type; asks it with good replies; then with each reply
    broken in many ways: whatever comes, it must neither raise anything but CallFailed nor repeat a text of the reply
    in a code or a reason. And with the good replies as the answer to another question: a record of somebody else must
    end in `invalid`, whichever input of the question it is that differs.

    Args:
        lookup: the lookup.
        about: an appeal about which it has a question.
        replies: good replies to that question, in turn: one, unless the lookup makes several calls.
        records: what the lookups found that this one takes inputs from.
        not_in_reply: inputs that the source's answer does not repeat, so that nobody can compare them.
        contract: what the question and the good replies must fit, as with `ask`; the broken ones need not. The replies
            may be whole messages then, as the connector of its table knows them.
    """
    problems = list(_looks(lookup))
    try:
        if contract is not None:
            carried = ScriptedWire(replies)
            wired = await ask_all(lookup, about, replies=carried, records=records, contract=contract)
            problems += (f"over the contract: {problem}" for first in wired[:1] for problem in _answered(lookup, first))
            # What else it is shown is what the wire takes out of the messages of its source.
            replies = [_apart(reply.body) for reply in carried.came] or replies
        wire = ScriptedWire(replies)
        asked = await ask_all(lookup, about, replies=wire, records=records)
    except PlanError as error:
        return [*problems, str(error)]
    if not wire.asked:
        return [*problems, "it has no question about the appeal: give one with the inputs that it declares"]
    problems += _answered(lookup, asked[0])
    again = partial(ask_all, lookup, about, records=records)
    problems += [problem async for problem in mixed_up(again, asked[0], replies, not_in_reply)]
    if asked[0].query is not None:
        problems += [problem async for problem in silent(lookup, asked[0].query, replies[0], contract)]
    away = CallFailed(OutcomeKind.UNAVAILABLE, "http.503", "the source cannot answer now")
    for number, reply in enumerate(replies):
        before: list[Answer] = list(replies[:number])
        kind = (await ask_all(lookup, about, replies=[*before, away], records=records))[0].outcome.kind
        if kind is not OutcomeKind.UNAVAILABLE:
            problems.append(f"a source that cannot be reached ends in {kind.value}; let CallFailed pass")
        for what, broken in damaged(reply):
            script: list[Answer] = [*before, broken, *replies[number + 1 :]]
            ended = (await ask_all(lookup, about, replies=script, records=records))[0].outcome
            if ended.code == "plugin.error":
                problems.append(f"with {what} in the reply, {ended.reason.removeprefix('the ')}")
            if any(word in f"{ended.code} {ended.reason}" for word in CANARY.split()):
                problems.append(f"with {what} in the reply, the outcome repeats a text of the reply")
    return list(dict.fromkeys(problems))


def _apart(body: Payload) -> bytes | Payload:
    """Return an element of a message as a document of its own."""
    return etree.tostring(body, encoding="utf-8", with_tail=False) if isinstance(body, etree._Element) else body


def _looks(lookup: Lookup[Any, Record]) -> Iterator[str]:
    if not _NAME.fullmatch(getattr(lookup, "name", "")):
        yield "its name is not like source.what, in small Latin letters"
    if not getattr(lookup, "purpose", "").strip():
        yield "it has no purpose: say why the state may look"
    if not (type(lookup).__doc__ or "").strip():
        yield "its class has no docstring: say what is asked"
    try:
        model = Node(lookup, "test", "0", "").record_model
    except PlanError as error:
        yield str(error)
        return
    default = model.model_fields["type"].default
    if not isinstance(default, str):
        yield f'{model.__name__}.type is not pinned: write type: Literal["yours.{model.__name__}"] = …'
    elif "." not in default and not Record.ships(default):
        yield f"the record type {default!r} has no name of yours in front: write 'yours.{default}'"


def _answered(lookup: Lookup[Any, Record], asked: Asked) -> Iterator[str]:
    outcome = asked.outcome
    if outcome.record is None:
        yield f"with good replies it ends in {outcome.kind.value} [{outcome.code}]: {outcome.reason}"
    else:
        model = Node(lookup, "test", "0", "").record_model
        if not isinstance(outcome.record, model):
            yield f"it found a {type(outcome.record).__name__}, but declares {model.__name__}"
        if type(outcome.record).model_validate_json(outcome.record.model_dump_json()) != outcome.record:
            yield "the record is another one after a round trip through JSON"
    if asked.access is None or not asked.access.subject.strip():
        yield "the access log would not say whose data it looks at: see Query.subject"
