"""The feed's promise: whoever keeps its cursor misses nothing and sees nothing twice, whatever dies meanwhile."""

import asyncio
import copy
import random
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from psycopg import sql
from sqlalchemy import make_url

from appealbus.core.config.loading import from_document
from appealbus.core.domain.client import Role
from appealbus.core.domain.event import Cursor
from appealbus.core.journal import feed, renewing, retention
from appealbus.core.journal.appeals import lists
from appealbus.core.journal.appeals.accepting import NewAppeal
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.retention import Ages
from appealbus.schemas import Appeal
from tests.plugins.api import feed_readers as readers
from tests.plugins.api.feed_readers import Reader
from tests.plugins.api.feed_writers import HIDDEN, Key, Written, write
from tests.plugins.api.serving import Served, served
from tests.services.forms import form
from tests.services.postgres import Postgres

VERSIONS = form(40, 1000)
"""Of each part: before the copy is made, after it, and after it was restored."""
APPEALS = form(8, 100)
_LIFE = form(0.3, 1.5)
"""Seconds that a reader lives at most."""
_POLICY = f'[masks.desk]\nhides = ["{HIDDEN}"]\n[clients.masked]\nmask = "desk"\n'


@pytest.fixture
def copied(url: str, request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Make a copy of the journal, which nobody works; return its URL."""

    def of_file() -> str:
        for end in ("", ".key"):
            shutil.copy(f"{tmp_path}/journal.db{end}", f"{tmp_path}/copy.db{end}")
        return f"sqlite:///{tmp_path}/copy.db"

    def of_database() -> str:
        server: Postgres = request.getfixturevalue("postgres")
        name = make_url(url).database or ""
        server.cut_off(name)
        server.drop(f"{name}_copy")
        request.addfinalizer(lambda: server.drop(f"{name}_copy"))
        names = sql.Identifier(f"{name}_copy"), sql.Identifier(name)
        server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*names))
        return server.url(f"{name}_copy")

    return of_file if url.startswith("sqlite") else of_database


@asynccontextmanager
async def two_servers(url: str, folder: Path) -> AsyncIterator[list[Served]]:
    (folder / "policy.toml").write_text(_POLICY)
    given = {"bus": {"policy": "policy.toml"}, "requests_per_minute": 1_000_000}
    async with served(url, folder, **given) as first, served(url, folder, **given) as second:
        yield [first, second]


def key_of(url: str, folder: Path) -> Path:
    """Return where the key is of a journal that is served from a folder."""
    return from_document({"bus": {"journal": url}}, folder).settings.bus.key_file()


async def accepted(journal: Journal) -> list[Written]:
    """Put appeals in that have no version yet."""
    found = []
    for number in range(APPEALS):
        taken = await journal.accept(NewAppeal(Appeal(message_id=f"m-{number}"), journal.now(), "bus"))
        row = await journal.ask(lists.appeal_row, taken.receipt.number)
        assert row is not None
        found.append(Written(taken.appeal_id, row.public_id))
    return found


async def go_on(url: str, folder: Path, all_: Sequence[Reader], appeals: Sequence[Written], epoch: int) -> None:
    """Write, while the readers die and go on at one server or the other; return once all have read all."""
    async with two_servers(url, folder) as servers:

        async def one() -> str:
            return random.choice(servers).url

        lives = [asyncio.create_task(readers.die_at_random(each, one, _LIFE)) for each in all_]
        try:
            async with asyncio.timeout(form(60, 600)):
                await asyncio.to_thread(write, url, key_of(url, folder), appeals, epoch, VERSIONS)
                head = (await servers[0].journal.ask(feed.page, None, 1)).head
                while any(_place(each.cursor) < _place(head) for each in all_):
                    ended = [each.result() for each in lives if each.done()]
                    assert not ended
                    await asyncio.sleep(0.01)
        finally:
            for each in lives:
                each.cancel()
            await asyncio.wait(lives)


def _place(cursor: Cursor | str | None) -> tuple[int, int]:
    parsed = cursor if isinstance(cursor, Cursor) else Cursor.parse(cursor or "1.0")
    return parsed.epoch, parsed.position


def keys(appeals: Sequence[Written], *, masked: bool = False) -> set[Key]:
    """Return the versions that there are."""
    return {key for each in appeals for key in each.keys(masked=masked)}


@pytest.mark.proof
async def test_nothing_is_missed_whatever_dies(url: str, copied: Callable[[], str], tmp_path: Path) -> None:
    """Readers die in each way of reading, writers commit out of order, a copy is restored: each version comes once.

    Who sees through a mask gets those alone that look different. What a restore undid can be told from what is.
    """
    async with two_servers(url, tmp_path) as (server, _):
        appeals = await accepted(server.journal)
        all_ = [Reader(way.__name__, way, await server.token(Role.REGISTRY, way.__name__)) for way in readers.WAYS]
        masked = Reader("masked", random.choice(list(readers.WAYS)), await server.token(Role.REGISTRY, "masked"))
        late = Reader("late", readers.polls, await server.token(Role.REGISTRY, "late"))
    all_.append(masked)
    await go_on(url, tmp_path, all_, appeals, 1)
    for reader in all_:
        check(reader, keys(appeals, masked=reader is masked))
    late.cursor = all_[0].seen[len(all_[0].seen) // 2][0]

    copy_url, undone = copied(), copy.deepcopy(appeals)
    await go_on(url, tmp_path, all_, undone, 1)
    for reader in all_:
        check(reader, keys(undone, masked=reader is masked))

    async with await Journal.open(copy_url, key=key_of(copy_url, tmp_path)) as journal:
        before = (await journal.ask(feed.page, None, 1)).head
        await renewing.begin_epoch(journal, 1, 0)
    await go_on(copy_url, tmp_path, all_, appeals, 2)
    for reader in all_:
        assert reader.restarts == [f"2.{before.position}"]
        check(reader, keys(appeals, masked=reader is masked), keys(undone) - keys(appeals))
    assert not {key for key in keys(undone) - keys(appeals) if key[2] == 2}

    async with two_servers(copy_url, tmp_path) as (server, _):
        gone = await retention.prune(
            server.journal, Ages(server.journal.now() - timedelta(days=1), log=server.journal.now() + timedelta(days=1))
        )
        assert gone["log"]
        await late.live(server.url)
        assert len(late.restarts) == 1, "it was told that it has missed what is pruned"


def check(reader: Reader, there: set[Key], undone: set[Key] = frozenset()) -> None:  # type: ignore[assignment]
    """Hold a reader to what there is: each version came once, in order, and nothing else but what was undone."""
    seen = [key for _, key in reader.seen]
    assert len(set(seen)) == len(seen), reader.name
    assert there <= set(seen), (reader.name, sorted(there - set(seen)))
    assert set(seen) <= there | undone, reader.name
    places = [_place(cursor) for cursor, _ in reader.seen]
    assert places == sorted(places), reader.name
