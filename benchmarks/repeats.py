"""Comparing an appeal with a million others, beside comparing it with few: what it costs, and what taking letters does.

    python benchmarks/repeats.py --journal sqlite --appeals 1000000

Some appeals come by themselves into two journals. In one of them they are cloned by SQL until it is full: with a
campaign of 200,000 copies of one text, a person with 20,000 appeals, and a parcel of which 5,000 others have written.
Both are asked by turns. Milliseconds of CPU are those of this process, so without the server of PostgreSQL.
"""

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Awaitable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Engine, create_engine, event, text

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from appealbus.core import Past
from appealbus.core.journal.appeals.accepting import NewAppeal
from appealbus.core.journal.journal import Journal
from appealbus.core.texts import normal
from appealbus.plugins.repeats import past as journal_past
from appealbus.plugins.repeats.part import Sketches
from appealbus.plugins.repeats.past import AT_INTAKE, FOR_READERS, Reach
from appealbus.plugins.repeats.sketch import PURPOSE, sketcher_of
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.identifiers import control_digit
from tests.plugins.repeats import making
from tests.services.postgres import Postgres

PARTS = [Sketches()]
ORIGINALS = 500
CAMPAIGN, PERSON, PARCEL = 200_000, 20_000, 5_000
_CHUNK = {"sqlite": 1_000_000, "postgresql": 100_000}
"""Appeals of one transaction. SQLite writes most pages of its indexes in each, so there is one."""
_SPREAD = 1 << 26
"""Hashes of clones lie about as near to each other as those of 1,600 characters: a million share some by chance."""
_RANDOM = {
    "sqlite": ("randomblob(16)", "randomblob(512)"),
    "postgresql": (
        "substr(sha256(o.mark || int8send(k)), 1, 16)",
        "decode(repeat(encode(sha256(o.hashes || int8send(k)), 'hex'), 16), 'hex')",
    ),
}
_TABLES = ("appeal", "document", "subject", "sketch", "sketch_hash")


def iin(number: int) -> str:
    """Return the ИИН of somebody made up."""
    while True:
        first = f"{number // 20000 % 90:02}0115{1 + number // 10000 % 2}{number % 10000:04}"
        digit = control_digit(first)
        if digit is not None:
            return f"{first}{digit}"
        number += 7919


def letter(number: int, **given: Any) -> Appeal:
    """Return one of them: 1,600 characters about something of its own."""
    whole = {
        "message_id": f"m{number}",
        "kind": "application",
        "applicant": {"type": "person", "iin": iin(number)},
        "addressee": making.BODY,
        "category": {"code": f"c{number % 20}"},
        "parcels": [{"cadastral_number": f"20-315-{number // 900:03}-{100 + number % 900}"}],
        "text": making.text(22, number),
    }
    return Appeal.model_validate({**whole, **given})


CASES = {
    "campaign": {"text": making.text(22, -1) + " Подпись: Ахметов", "parcels": [], "category": None},
    "person": {"applicant": {"type": "person", "iin": iin(999_999)}, "category": {"code": "c1"}, "parcels": []},
    "parcel": {"parcels": [{"cadastral_number": "20-315-900-111"}]},
}
"""By name what those have in common that are cloned by themselves."""


@dataclass
class Place:
    """A journal, and who has its rows."""

    name: str
    url: str

    @property
    def engine(self) -> Engine:
        engine = create_engine(self.url.replace("postgresql://", "postgresql+psycopg://"))
        if self.url.startswith("sqlite"):
            event.listen(engine, "connect", _hurry)
        return engine


def _hurry(connection: Any, _: object) -> None:
    for setting in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-6000000"):
        connection.execute(f"PRAGMA {setting}")


async def put(journal: Journal, *letters: Appeal) -> list[int]:
    """Accept letters, all at once."""
    now = datetime.now(UTC)
    taken = await asyncio.gather(*(journal.accept(NewAppeal(each, now, "bench")) for each in letters))
    return [each.appeal_id for each in taken]


def fill(
    place: Place, which: str, count: int, *, kinds: str = "'iin', 'cadastral_number'", hashes: bool = True
) -> None:
    """Clone the appeals of a condition until there are so many more; marks and sketches of their own, or the same."""
    engine = place.engine
    kind = engine.dialect.name
    own_mark, own_hashes = _RANDOM[kind]
    with engine.connect() as connection:
        ids = [row[0] for row in connection.execute(text(f"SELECT id FROM appeal WHERE {which} ORDER BY id"))]
        last = connection.scalar(text("SELECT max(id) FROM appeal"))
        columns = {table: list(connection.execute(text(f"SELECT * FROM {table} LIMIT 0")).keys()) for table in _TABLES}
    these = ", ".join(map(str, ids))
    stride, copies = ids[-1] - ids[0] + 1, -(-count // len(ids))
    shift = f"+ ({last - ids[0] + 1} + (k - 1) * {stride})"
    changed = {"number": "o.number || '-' || k", "message_id": "o.message_id || '-' || k"}
    changed |= {"mark": f"CASE WHEN o.kind IN ({kinds}) THEN {own_mark} ELSE o.mark END"}
    changed |= {"hashes": own_hashes, "hash": f"(o.hash + k * 15485863) % {_SPREAD}"} if hashes else {}
    for first in range(1, copies + 1, max(1, _CHUNK[kind] // len(ids))):
        until = min(copies, first + max(1, _CHUNK[kind] // len(ids)) - 1)
        if kind == "sqlite":
            numbers = f"(WITH RECURSIVE s(k) AS (VALUES ({first}) UNION ALL SELECT k + 1 FROM s WHERE k < {until})"
            numbers += " SELECT k FROM s)"
        else:
            numbers = f"generate_series({first}::bigint, {until}) AS s(k)"
        with engine.begin() as connection:
            for table in _TABLES:
                key = "id" if table == "appeal" else "appeal_id"
                values = ", ".join(
                    f"o.{name} {shift}" if name == key else changed.get(name, f'o."{name}"') for name in columns[table]
                )
                names = ", ".join(f'"{name}"' for name in columns[table])
                order = "1, 2" if table == "sketch_hash" else "k"  # as its index lies, of which all is random
                rows = f"SELECT {values} FROM {numbers}, (SELECT * FROM {table} WHERE {key} IN ({these})) o"
                rows += f" ORDER BY {order}"
                connection.execute(text(f"INSERT INTO {table} ({names}) {rows}"))
        print(f"\r{which[:40]}: {until * len(ids):,}", end="", file=sys.stderr)
    print(file=sys.stderr)
    with engine.begin() as connection:
        connection.execute(text("UPDATE counter SET value = (SELECT max(id) FROM appeal) WHERE name = 'appeal'"))
    if kind == "sqlite":
        with engine.connect() as connection:
            connection.execute(text("PRAGMA journal_mode=WAL"))
    engine.dispose()


async def timed(call: Awaitable[Any], count: int = 1) -> tuple[float, float, Any]:
    """Return the milliseconds of a call, those of CPU, and what it returned."""
    began, used = time.perf_counter(), time.process_time()
    found = await call
    return (time.perf_counter() - began) * 1000 / count, (time.process_time() - used) * 1000 / count, found


class Asked:
    """What is asked of both journals, by turns."""

    def __init__(self, journals: dict[str, Journal]) -> None:
        self.journals = journals
        self.times: dict[str, dict[str, list[tuple[float, float]]]] = {}

    def _note(self, what: str, name: str, told: tuple[float, float, Any]) -> Any:
        self.times.setdefault(what, {}).setdefault(name, []).append(told[:2])
        return told[2]

    async def ask(self, what: str, its: Appeal, reach: Reach = AT_INTAKE) -> str:
        """Ask about a letter that comes now, of every journal; say what was found in the last."""
        past = Past()
        for name, journal in self.journals.items():
            past = self._note(what, name, await timed(journal.ask(journal_past.past, 1 << 40, its, reach)))
        return f"read {len(past.others)}, copies {past.copies}, neighbours {past.neighbours}, more {past.more}"

    async def take(self, what: str, first: int, *, compares: bool) -> None:
        """Take 100 letters at once into every journal."""
        some = [letter(first + each, message_id=f"{what}{first + each}") for each in range(100)]
        for name, journal in self.journals.items():
            journal.keeper.parts = PARTS if compares else ()
            self._note(what, name, await timed(put(journal, *some), len(some)))

    def table(self) -> Iterator[str]:
        """Yield the rows: medians, and the ratio of the medians."""
        names = list(self.journals)
        yield f"| ms | {' | '.join(f'{name}, CPU | {name}, wall' for name in names)} | CPU, full to empty |"
        yield "|---|" + "---|" * (2 * len(names) + 1)
        for what, each in self.times.items():
            wall = [statistics.median(time[0] for time in each[name]) for name in names]
            cpu = [statistics.median(time[1] for time in each[name]) for name in names]
            cells = [f"{used:.2f} | {took:.2f}" for used, took in zip(cpu, wall, strict=True)]
            yield f"| {what} | {' | '.join(cells)} | {cpu[-1] / cpu[0]:.2f} |"


async def measured(places: list[Place], rounds: int, appeals: int) -> None:
    """Fill the last journal, and ask both."""
    for place in places:
        async with await Journal.open(place.url, parts=PARTS) as journal:
            journal.keeper.parts = PARTS
            await put(journal, *(letter(each) for each in range(ORIGINALS)))
            for at, (name, given) in enumerate(CASES.items()):
                await put(journal, letter(1000 + at, message_id=name, **given))
    full = places[-1]
    fill(full, f"id <= {ORIGINALS}", appeals - ORIGINALS - CAMPAIGN - PERSON - PARCEL)
    fill(full, "message_id = 'campaign'", CAMPAIGN, hashes=False)
    fill(full, "message_id = 'person'", PERSON, kinds="'cadastral_number'")
    fill(full, "message_id = 'parcel'", PARCEL, kinds="'iin'")
    if full.url.startswith("postgresql"):
        with full.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
    print("full", file=sys.stderr)
    async with (
        await Journal.open(places[0].url, parts=PARTS) as empty,
        await Journal.open(full.url, parts=PARTS) as large,
    ):
        asked = Asked({places[0].name: empty, full.name: large})
        found = {}
        for number in range(rounds):
            await asked.ask("any appeal", letter(50_000 + number))
            for name, given in CASES.items():
                its = letter(60_000 + number, **given)
                found[name] = await asked.ask(f"of the {name}", its)
                found[f"{name}, who asks"] = await asked.ask(f"of the {name}, who asks", its, FOR_READERS)
            if number % 5 == 0:
                await asked.ask("200,000 characters", letter(1, text=making.text(3000, number)[:200_000]))
                await asked.take("taken, not compared", 100_000 + 1000 * number, compares=False)
                await asked.take("taken and sketched", 500_000 + 1000 * number, compares=True)
        print(*asked.table(), "", *(f"{name}: {said}" for name, said in found.items()), sep="\n")
        sketcher, one = sketcher_of(empty.key.secret_of(PURPOSE)), letter(1).text
        began = time.process_time()
        for _ in range(500):
            sketcher._drawn(one)
        each = (time.process_time() - began) * 2
        print(f"a sketch of {len(normal(one))} characters: {each:.2f} ms of CPU")


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--journal", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--appeals", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=100)
    given = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        if given.journal == "sqlite":
            urls = [f"sqlite:///{folder / name}.db" for name in ("empty", "full")]
        else:
            server = stack.enter_context(Postgres(fsync=False))  # what is measured is read, or CPU
            urls = [server.url(server.database()) for _ in range(2)]
        places = [Place(name, url) for name, url in zip(("empty", "full"), urls, strict=True)]
        asyncio.run(measured(places, given.rounds, given.appeals))


if __name__ == "__main__":
    main()
