"""All fields of a dossier by path, with their provenance, and what follows where one could not be read."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import BaseModel

from appealbus.core.domain.pauses import PARTLY_READ
from appealbus.core.errors import AppealBusError
from appealbus.core.guards.question import Ended
from appealbus.core.interfaces.assessor import Assessor
from appealbus.core.planning.paths import of_each, touch, within
from appealbus.core.planning.plan import Node
from appealbus.schemas.dossier import Dossier, Fact, Gap
from appealbus.schemas.outcome import Outcome, OutcomeKind
from appealbus.schemas.record import Record
from appealbus.schemas.signal import Severity, Signal
from appealbus.schemas.tolerant import whole

_INDEX = re.compile(r"\[\d+\]")


class FieldError(AppealBusError, LookupError):
    """The dossier has no such field. The text lists existing ones."""


@dataclass(frozen=True, slots=True)
class FieldValue:
    path: str
    value: Any
    trail: dict[str, str] = field(default_factory=dict)

    @property
    def shown(self) -> str:
        if isinstance(self.value, bool):
            return "true" if self.value else "false"
        return "—" if self.value is None else str(self.value)

    def as_json(self) -> dict[str, Any]:
        value = self.value if isinstance(self.value, int | float | bool | None) else str(self.value)
        return {"path": self.path, "value": value, "trail": self.trail}


def leaves(model: BaseModel, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield path and value of every set field, in the order of the model."""
    pairs = [(name, getattr(model, name)) for name in type(model).model_fields]
    pairs += list((model.__pydantic_extra__ or {}).items())
    for name, value in pairs:
        yield from _leaves(value, f"{prefix}{name}")


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, BaseModel):
        yield from leaves(value, f"{path}.")
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from _leaves(item, f"{path}[{i}]")
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}")
    elif value is not None and value != "":
        yield path, value


def titled(fact: Fact, dossier: Dossier) -> str:
    """Return the name of a fact: its lookup, with the key if there are several records."""
    alone = sum(other.lookup == fact.lookup for other in dossier.facts) == 1
    return fact.lookup if alone else f"{fact.lookup}[{fact.key}]"


def trail_of(fact: Fact, dossier: Dossier) -> dict[str, str]:
    """Return a fact's provenance, for people."""
    trail = {
        name: str(value)
        for name, value in whole(fact.provenance, fact.provenance.model_dump(mode="json")).items()
        if value is not None and value != ""
    }
    if fact.not_asked_now:
        trail["not_asked_now"] = "an earlier version told it"
    for gap in dossier.gaps:
        if (gap.lookup, gap.key) == (fact.lookup, fact.key):
            trail |= _cause(gap)
    outcome = next((o for o in dossier.outcomes if (o.lookup, o.key) == (fact.lookup, fact.key)), None)
    for given in outcome.inputs if outcome else ():
        place = f", found in the text at {given.span.start}–{given.span.end}" if given.span else ""
        trail[f"input {given.name}"] = f"{given.value} (from {given.path}{place})"
    return trail


def explain_field(dossier: Dossier, path: str) -> list[FieldValue]:
    """Return the fields at a path with their provenance, one per record of a lookup that fanned out.

    A path without indexes (`egkn.parcel/rights.holder.iin`) matches every element, one with a key
    (`egkn.parcel[1f2e…]/area`) that question's record. A path of a group matches all fields below. A gap matches,
    too: its provenance is the cause. FieldError without a match.
    """
    head, slash, rest = path.partition("/")
    lookup, _, key = head.removesuffix("]").partition("[")
    if not slash and (path == "appeal" or path.startswith("appeal.")):
        return _of_appeal(dossier, path.removeprefix("appeal").removeprefix("."))
    facts = [fact for fact in dossier.facts if fact.lookup == lookup and key in ("", fact.key)]
    there = {fact.key for fact in facts}  # what is provisional says so in its trail
    gaps = [gap for gap in dossier.gaps if gap.lookup == lookup and key in ("", gap.key) and gap.key not in there]
    if not facts and not gaps:
        names = sorted({outcome.lookup for outcome in dossier.outcomes})
        raise FieldError(f"{path!r}: this dossier has no {head!r}; there are: appeal, {', '.join(names)}")
    values = [
        FieldValue(f"{titled(fact, dossier)}/{name}", value, trail_of(fact, dossier))
        for fact in facts
        for name, value in leaves(fact.record)
        if is_below(name, rest)
    ]
    values += [FieldValue(path, None, _cause(gap)) for gap in gaps]
    if not values:
        names = sorted({_INDEX.sub("", name) for fact in facts for name, _ in leaves(fact.record)})
        raise FieldError(f"{path!r}: {lookup} answered without it; it gave: {', '.join(names)}")
    return values


def _of_appeal(dossier: Dossier, rest: str) -> list[FieldValue]:
    receipt = dossier.receipt
    trail = {
        "source": "the appeal itself",
        "channel": receipt.channel,
        "message_id": receipt.message_id,
        "accepted_at": receipt.accepted_at.isoformat(),
        "accepted_by": receipt.accepted_by,
    }
    values = [
        FieldValue(f"appeal.{name}", value, trail) for name, value in leaves(dossier.appeal) if is_below(name, rest)
    ]
    if not values:
        names = sorted({_INDEX.sub("", name) for name, _ in leaves(dossier.appeal)})
        raise FieldError(f"'appeal.{rest}': the appeal does not give it; it gives: {', '.join(names)}")
    return values


def without_indexes(path: str) -> str:
    return _INDEX.sub("", path)


def is_below(name: str, wanted: str) -> bool:
    """Whether a field equals the wanted path or lies below it; list indexes of the wanted path are optional."""
    for candidate in (name, without_indexes(name)):
        if not wanted or candidate == wanted or candidate.startswith((f"{wanted}.", f"{wanted}[")):
            return True
    return False


def _cause(gap: Gap) -> dict[str, str]:
    trail = {"outcome": gap.outcome.value, "code": gap.code, "reason": gap.reason}
    trail["next_attempt_at"] = gap.next_attempt_at.isoformat() if gap.next_attempt_at else "never by itself"
    return {name: value for name, value in trail.items() if value}


def provisional(node: Node, ended: Ended) -> Outcome[Record]:
    """Return the outcome, as provisional if a decisive field is unknown."""
    unknown = None if ended.provenance is None or ended.stale else ended.provenance.unknown
    if ended.outcome.kind is not OutcomeKind.FOUND or not unknown or not node.decides(unknown):
        return ended.outcome
    return replace(ended.outcome, code=PARTLY_READ, reason="the reply may tell more that could not be read")


def judged(assessor: Assessor, signals: Iterable[Signal], dossier: Dossier) -> list[Signal]:
    """Return the signals that depend on no unknown field, plus a signal if the assessor reads one."""
    unknown = [
        f"{titled(fact, dossier)}/{field}"
        for fact in dossier.facts
        for field in fact.provenance.unknown or ()
        if assessor.reads is None or any(touch(f"{fact.lookup}/{field}", read) for read in assessor.reads)
    ]
    if not unknown:
        return list(signals)
    places = [of_each(path) for path in unknown]
    certain = [
        signal
        for signal in signals
        if not any(within(place, of_each(field)) for field in signal.fields for place in places)
    ]
    return [*certain, _partly_read(assessor.name, unknown)]


def _partly_read(assessor: str, fields: list[str]) -> Signal:
    return Signal(
        assessor=assessor,
        code=PARTLY_READ,
        severity=Severity.WARNING,
        message_ru="Оценка неполна: в ответе реестра может быть то, что не удалось прочитать.",
        message_kk="Бағалау толық емес: тізілім жауабында оқылмаған мәліметтер болуы мүмкін.",
        message_en="This assessment is incomplete: the register's reply may tell something that could not be read.",
        fields=fields,
    )
