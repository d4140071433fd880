"""How far the bus is with reading kept replies again, as counters: a few numbers for each source."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

from sqlalchemy import Connection, delete, select

from appealbus.core.domain.event import Event
from appealbus.core.domain.reread_pass import RereadPass, Stage
from appealbus.core.journal import bulk, events
from appealbus.core.journal.tables import counter
from appealbus.core.journal.writes.one_by_one import one_by_one

_BEGINNING = "reread/"
_READING = "="
"""Before what a source's replies are read with: no field of a pass begins so."""
_NUMBERS = tuple(field.name for field in fields(RereadPass) if field.name not in ("source", "readings"))


@dataclass(frozen=True, slots=True)
class Stands:
    """How a pass stands now, and what is said of that in the log."""

    now: RereadPass
    said: Sequence[Event] = ()


@one_by_one
def write(connection: Connection, item: Stands) -> None:
    """Write it over what was there."""
    now = item.now
    numbers = {name: int(getattr(now, name)) for name in _NUMBERS}
    numbers |= {_READING + name: value for name, value in now.readings.items()}
    mine = f"{_BEGINNING}{now.source}/"
    rows = [{"name": mine + name, "value": value} for name, value in sorted(numbers.items())]
    gone = counter.c.name.startswith(mine, autoescape=True) & counter.c.name.not_in([row["name"] for row in rows])
    connection.execute(delete(counter).where(gone))
    bulk.upsert(connection, counter, rows)
    events.note(connection, item.said)


@one_by_one
def looked_at(connection: Connection, source: str) -> None:
    """Note that a person has looked at what was left of one, so that nobody is told of it any more."""
    for found in passes(connection):
        if found.source == source and found.is_undone:
            write(connection, [Stands(replace(found, stage=Stage.OVER, left=0))])


def passes(connection: Connection) -> list[RereadPass]:
    """Return the newest pass of each source."""
    rows = select(counter.c.name, counter.c.value).where(counter.c.name.startswith(_BEGINNING, autoescape=True))
    told: dict[str, dict[str, int]] = defaultdict(dict)
    for row in connection.execute(rows):
        source, _, name = row.name.removeprefix(_BEGINNING).rpartition("/")
        told[source][name] = row.value
    return [_pass(source, numbers) for source, numbers in sorted(told.items())]


def _pass(source: str, numbers: dict[str, int]) -> RereadPass:
    readings = {name.removeprefix(_READING): value for name, value in numbers.items() if name.startswith(_READING)}
    known = {name: numbers[name] for name in _NUMBERS if name in numbers}
    stage = known.pop("stage", 0)
    return RereadPass(source, readings, Stage(stage) if stage in set(Stage) else Stage.FAILED, **known)
