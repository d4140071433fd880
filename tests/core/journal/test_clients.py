"""Clients, what they show of themselves, how much they ask for and how far they read; on both databases."""

import asyncio
import sys
from datetime import timedelta

import pytest
from sqlalchemy import create_engine, delete, select, text, update

from appealbus.core.domain.client import Client, Credential, Role
from appealbus.core.domain.event import Cursor, EventType, by_api
from appealbus.core.errors import JournalError
from appealbus.core.journal import access, clients, events, feed, log, renewing, store
from appealbus.core.journal.journal import Journal
from tests.core.journal.conftest import NOW
from tests.services.processes import PATIENCE
from tests.services.recomputed import check_the_past

DIGEST, OTHER = b"d" * 32, b"e" * 32


def client(name="desk", role=Role.REGISTRY, **more):
    given = {"channel": "", "places": ("710000000",), "kinds": ("complaint", "a kind"), "per_minute": None} | more
    return Client(name=name, role=role, created_at=NOW, created_by="person:aigul", **given)


def credential(id_="00ff", days=30, **more):
    return Credential(id_, more.pop("kind", "token"), NOW, NOW + timedelta(days=days), **more)


async def test_a_client_is_found_by_what_it_shows(journal):
    """All that was said of it comes back, with the digest; an id of another kind, or of nobody, is nobody's."""
    await journal.do(clients.NewClient(client(), credential(), DIGEST))
    assert await journal.ask(clients.credential, "token", "00ff") == (client(), credential(), DIGEST)
    for kind, id_ in (("certificate", "00ff"), ("token", "00fe"), ("token", ""), ("token", "00FF")):
        assert await journal.ask(clients.credential, kind, id_) is None
    assert await journal.ask(clients.all_clients) == [(client(), [credential()])]


async def test_the_old_credential_ends_when_it_was_said(journal):
    """Rotation shortens what others have left, never lengthens it, and leaves what has ended as it was."""
    await journal.do(clients.NewClient(client(), credential(), DIGEST))
    until = NOW + timedelta(hours=24)
    await journal.do(clients.NewCredential("desk", credential("01"), OTHER, until))
    await journal.do(clients.NewCredential("desk", credential("02"), OTHER, NOW + timedelta(days=20)))
    await journal.do(clients.NewCredential("desk", credential("03", kind="certificate"), OTHER, None))
    ((_, its),) = await journal.ask(clients.all_clients)
    assert {each.id: each.expires_at - NOW for each in its} == {
        "00ff": timedelta(hours=24),
        "01": timedelta(days=20),
        "02": timedelta(days=30),
        "03": timedelta(days=30),
    }


async def test_who_is_revoked_stays_so(journal):
    """All it has is revoked, it gets no new credential, its reading is forgotten, and its name is nobody else's."""
    await journal.do(clients.NewClient(client(), credential(), DIGEST))
    await journal.do(clients.NewClient(client("other"), credential("10"), DIGEST))
    await journal.do(clients.NewCredential("desk", credential("01"), OTHER, None))
    for name in ("desk", "other"):
        await journal.do(clients.Read(name, Cursor(1, 1)))
    assert await journal.do(clients.Revoking("desk", "01"))
    assert not await journal.do(clients.Revoking("desk", "01"))
    assert not await journal.do(clients.Revoking("other", "00ff"))  # another's
    assert (await journal.ask(clients.credential, "token", "00ff"))[1].revoked_at is None
    assert await journal.do(clients.Revoking("desk"))
    assert not await journal.do(clients.Revoking("desk"))
    assert not await journal.do(clients.Revoking("nobody"))
    found, one, _ = await journal.ask(clients.credential, "token", "00ff")
    assert None not in (found.revoked_at, one.revoked_at)
    await journal.do(clients.Read("desk", Cursor(1, 2)))
    assert [reader.client for reader in await journal.ask(feed.readers)] == ["other"]
    for attempt, code in (
        (journal.do(clients.NewCredential("desk", credential("04"), OTHER, None)), "client.revoked"),
        (journal.do(clients.NewClient(client(), credential("05"), OTHER)), "client.known"),
        (journal.do(clients.NewClient(client("DESK"), credential("05"), OTHER)), "client.known"),
        (journal.do(clients.NewClient(client("third"), credential("01"), OTHER)), "client.credential_known"),
        (journal.do(clients.NewCredential("other", credential("00ff"), OTHER, None)), "client.credential_known"),
        (journal.do(clients.NewCredential("nobody", credential("06"), OTHER, None)), "client.unknown"),
    ):
        with pytest.raises(JournalError) as failed:
            await attempt
        assert failed.value.code == code
    assert [each.name for each, _ in await journal.ask(clients.all_clients)] == ["desk", "other"]


async def test_what_becomes_of_clients_is_in_the_log_without_secrets(journal, url):
    """Each step has an entry with its actor; no digest is in any, and the log still tells the whole past."""
    journal.actor = "person:aigul"
    await journal.do(clients.NewClient(client(), credential(), DIGEST))
    await journal.do(clients.NewCredential("desk", credential("01"), OTHER, NOW))
    await journal.do(clients.Revoking("desk", "01"))
    await journal.do(clients.Revoking("desk"))
    await journal.do(access.Look("dossier", purpose="review", by=by_api("desk")))
    while await journal.do(events.Placing()):
        pass
    entries = (await journal.ask(log.page)).entries
    assert [(entry.what, entry.actor, entry.about) for entry in entries] == [
        (EventType.CLIENT_ADDED, "person:aigul", "desk"),
        (EventType.CLIENT_ROTATED, "person:aigul", "desk"),
        (EventType.CLIENT_REVOKED, "person:aigul", "desk"),
        (EventType.CLIENT_REVOKED, "person:aigul", "desk"),
        (EventType.READ, "api:desk", ""),
    ]
    assert entries[0].detail["places"] == ["710000000"]
    assert [entry.detail.get("credential") for entry in entries] == ["00ff", "01", "01", None, None]
    told = " ".join(str(entry.detail) for entry in entries)
    assert not [digest for digest in (DIGEST, OTHER) if digest.hex() in told or digest.decode() in told]
    await journal.close()
    assert check_the_past(url) == 5


async def test_no_more_requests_than_there_are_in_a_minute(journal):
    """What is left is granted, each minute and each client for itself; minutes that are over are forgotten."""
    assert [await journal.do(clients.RequestAllowance("desk", 100, wanted, 10)) for wanted in (4, 4, 4, 4)] == [
        4,
        4,
        2,
        0,
    ]
    assert await journal.do(clients.RequestAllowance("desk", 101, 4, 10)) == 4
    assert await journal.do(clients.RequestAllowance("other", 100, 11, 10)) == 10
    assert await journal.do(clients.RequestAllowance("desk", 100, 1, 5)) == 0  # fewer are allowed now
    assert [await journal.do(clients.RequestAllowance("desk", 102, wanted, 10)) for wanted in (0, -3)] == [0, 0]
    await journal.do(clients.RequestAllowance("desk", 110, 1, 10))
    query = select(clients.client_use.c.client, clients.client_use.c.minute)
    kept = await journal.ask(lambda connection: {tuple(row) for row in connection.execute(query)})
    assert kept == {("desk", 110), ("other", 100)}


_TAKER = """
import asyncio, sys
from pathlib import Path
from appealbus.core.journal import clients
from appealbus.core.journal.journal import Journal

async def main(url, key, times):
    async with await Journal.open(url, key=key) as journal:
        print("ready", flush=True)
        sys.stdin.readline()
        wishes = [journal.do(clients.RequestAllowance(f"c{n % 3}", n // 40, 1 + n % 3, 20)) for n in range(times)]
        print(sum(await asyncio.gather(*wishes)), flush=True)

asyncio.run(main(sys.argv[1], Path(sys.argv[2]), 120))
"""


@pytest.mark.proof
async def test_two_processes_share_one_limit(journal, url, tmp_path):
    """However their takings meet, together they have exactly what there is: in three minutes of three clients 180."""
    pipes = {"stdin": asyncio.subprocess.PIPE, "stdout": asyncio.subprocess.PIPE}
    key = tmp_path / "journal.db.key" if url.startswith("sqlite") else store.UNNAMED_KEY
    command = sys.executable, "-c", _TAKER, url, str(key)
    takers = [await asyncio.create_subprocess_exec(*command, **pipes) for _ in range(2)]
    for taker in takers:
        assert await taker.stdout.readline() == b"ready\n"
    told = asyncio.gather(*(taker.communicate(b"\n") for taker in takers))
    got = [int(out) for out, _ in await asyncio.wait_for(told, PATIENCE)]
    assert sum(got) == 3 * 3 * 20


async def test_two_that_add_the_same_client_at_once_add_one(journal, url):
    """One of them is refused, whoever is first; nothing is there by halves."""
    async with await Journal.open(url) as second:
        done = await asyncio.gather(
            journal.do(clients.NewClient(client(), credential(), DIGEST)),
            second.do(clients.NewClient(client(), credential("01"), OTHER)),
            return_exceptions=True,
        )
    assert [type(each) for each in done if each is not None] == [JournalError]
    ((_, its),) = await journal.ask(clients.all_clients)
    assert len(its) == 1


async def test_the_furthest_that_a_client_has_read_counts(journal):
    """Receipts that come late change nothing; after a restore those of the new epoch count, and show what is undone."""
    await journal.do(clients.NewClient(client(), credential(), DIGEST))
    for number in range(4):
        await journal.do(access.Look(f"x{number}"))
    while await journal.do(events.Placing()):
        pass
    for position in (2, 4, 3):
        await journal.do(clients.Read("desk", Cursor(1, position)))
    (reader,) = await journal.ask(feed.readers)
    assert (reader.client, reader.cursor, reader.lag) == ("desk", Cursor(1, 4), 1)
    await journal.do(clients.Read("nobody", Cursor(1, 3)))
    state = await renewing.begin_epoch(journal, 1, 0)
    while await journal.do(events.Placing()):
        pass
    await journal.do(clients.Read("desk", Cursor(1, 5)))
    (reader,) = await journal.ask(feed.readers)
    head = (await journal.ask(log.page, limit=1000)).head
    assert (reader.cursor, reader.lag) == (Cursor(1, 5), head.position - 5)
    await journal.do(clients.Read("desk", Cursor(state.epoch, 1)))
    (reader,) = await journal.ask(feed.readers)
    assert (reader.cursor, reader.lag) == (Cursor(state.epoch, 1), head.position - 1)


async def test_nobody_waits_for_a_reader_that_is_revoked_in_this_moment(journal_database):
    """A note of what it has read waits for the decision on it, and is dropped then."""
    engine = create_engine(journal_database)
    waits = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    async with await Journal.open(journal_database) as journal, asyncio.timeout(PATIENCE):
        await journal.do(clients.NewClient(client(), credential(), DIGEST))
        with engine.connect() as revoking, engine.connect() as looking:
            revoking.execute(update(clients.client).values(revoked_at=NOW))
            revoking.execute(delete(clients.feed_reader))
            noting = asyncio.create_task(journal.do(clients.Read("desk", Cursor(1, 1))))
            while not noting.done() and not looking.scalar(waits):
                await asyncio.sleep(0.01)
            revoking.commit()
        await noting
        assert await journal.ask(feed.readers) == []
    engine.dispose()
