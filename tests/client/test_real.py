"""Both clients against the real server, over a journal that a bus works."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from appealbus.client import (
    AsyncClient,
    CursorAhead,
    Differs,
    Invalid,
    NotAllowed,
    PurposeMissing,
    Quarantined,
    Unauthenticated,
    Unknown,
)
from appealbus.core.journal import log
from tests.client.conftest import Ask
from tests.client.working import working
from tests.plugins.api.serving import served
from tests.services.journals import sqlite_journal
from tests.services.processes import PATIENCE

IIN = "120101500006"
APPEAL = {"message_id": "m-1", "kind": "complaint", "applicant": {"type": "person", "iin": IIN}, "text": "Жарық жоқ"}


@pytest.mark.proof
async def test_submit_wait_read(ask: Ask, tmp_path: Path) -> None:
    """A channel's appeal and change; a registry finds it, follows it, and reads all there is to read of it."""
    url = sqlite_journal(tmp_path / "journal.db")
    async with served(url, tmp_path) as server, working(url, tmp_path):
        channel, registry = await server.token("channel"), await server.token("registry")

        async def at(token: str, *calls: tuple[object, ...]) -> list[Any]:
            # In a thread: the server answers in this loop.
            return list(await asyncio.to_thread(asyncio.run, ask(server.url, *calls, token=token, purpose="тексеру")))

        letter = (
            '<appeal xmlns="urn:appealbus:appeal:1"><message_id>№ 2</message_id><kind>complaint</kind>'
            "<applicant><person/></applicant></appeal>"
        ).encode()
        first, again, second = await at(channel, *(("submit", each) for each in (APPEAL, APPEAL, letter)))
        assert (first.new, again.new, second.new) == (True, False, True)
        assert (again.id, again.receipt) == (first.id, first.receipt)
        assert second.receipt["message_id"] == "№ 2"
        assert "warnings" not in first.receipt
        id_ = first.id
        assert id_ is not None
        async with AsyncClient(server.url, registry) as reader:
            await follow_to(reader, id_, 1)
            change = {"type": "change", "message_id": "c-1", "appeal_message_id": "m-1", "kind": "withdrawn"}
            odd = {
                "type": "change",
                "message_id": "c-0",
                "number": "N-9",
                "kind": "withdrawn",
                "dated_at": "2062-02-16",
            }
            misdated, plain = await at(channel, ("change", odd), ("change", change))
            assert [each["field"] for each in misdated.receipt["warnings"]] == ["dated_at"]
            assert "warnings" not in plain.receipt
            cursor = await follow_to(reader, id_, 2)

        found, person, state, versions, me = await at(
            registry,
            ("find", {"number": first.receipt["number"]}),
            ("find", {"iin": IIN}),
            ("state", id_),
            ("versions", id_),
            ("me",),
        )
        assert [each["id"] for each in found.appeals] == [each["id"] for each in person.appeals] == [id_]
        assert (state["version"], state["state"], me["role"]) == (2, "idle", "registry")
        assert [each["version"] for each in versions] == [1, 2]

        newest, same, one, xml, patch, why, explained, history, page, readers = await at(
            registry,
            ("dossier", id_),
            ("dossier", id_),
            ("dossier", id_, 1),
            ("dossier_xml", id_),
            ("difference", id_, 2, 1),
            ("why", id_),
            ("explain", id_, "appeal.applicant.iin"),
            ("history", id_),
            ("feed", cursor),
            ("readers",),
        )
        assert newest == same
        assert (newest.version, one.version, newest.document["appeal"]["text"]) == (2, 1, APPEAL["text"])
        assert newest.etag != one.etag
        assert b"urn:appealbus:dossier:1" in xml
        assert any(each["path"] == "/version" for each in patch)
        assert (why["completeness"], why["gaps"]) == ("complete", [])
        assert [each["path"] for each in explained] == ["appeal.applicant.iin"]
        assert "accepted" in [each["what"] for each in history.entries]
        assert (page.entries, page.lag) == ([], 0)
        assert isinstance(readers, list)
        figures, now, alarms = await at(registry, ("report", {"by": "category"}), ("surges",), ("alarms",))
        assert (figures["by"], figures["total"]["registered"]["count"]) == ("category", 2)
        assert (now, alarms.alarms, alarms.next) == ({}, [], None)
        looks = [entry.detail for entry in (await server.journal.ask(log.page, None, 500, what={"read"})).entries]
        # The second reading of the newest was a 304, which is none.
        told = [each["as"] for each in looks]
        # A report may take longer than one try waits: the next one is another look.
        assert (told[:7].count("report"), {*told[7:]}, told[-2:]) == (0, {"report", "surges"}, ["surges"] * 2)


async def follow_to(reader: AsyncClient, appeal: str, version: int) -> str:
    """Follow the feed until it has told of a version; return the cursor behind that."""
    async with asyncio.timeout(PATIENCE):
        async for page in reader.follow(wait=5):
            if (appeal, version) in {(each.id, each.version) for each in page.entries}:
                return page.next
    raise AssertionError


@pytest.mark.parametrize(
    ("role", "call", "kind"),
    [
        ("channel", ("submit", {**APPEAL, "text": "басқа"}), Differs),
        ("channel", ("submit", b"{"), Quarantined),
        ("channel", ("submit", {"type": "change", "appeal_message_id": "m-1", "kind": "due"}), Invalid),
        ("channel", ("feed",), NotAllowed),
        ("registry", ("submit", APPEAL), NotAllowed),
        ("registry", ("find", {"iin": IIN}), PurposeMissing),
        ("registry", ("find", {"iin": IIN, "bin": "1"}), Invalid),
        ("registry", ("feed", "1.99"), CursorAhead),
        ("registry", ("feed", "x"), Invalid),
        ("registry", ("alarm", 7), Unknown),
        ("registry", ("dossier", "0192b3c4-0000-8000-8000-000000000001"), Unknown),
        ("nobody", ("me",), Unauthenticated),
    ],
)
async def test_the_server_s_problems_are_exceptions(
    ask: Ask, tmp_path: Path, role: str, call: tuple[object, ...], kind: type[Exception]
) -> None:
    """Each of the type that a program catches."""
    url = sqlite_journal(tmp_path / "journal.db")
    async with served(url, tmp_path) as server:
        channel = await server.token("channel", "first")
        async with AsyncClient(server.url, channel) as known:
            await known.submit(APPEAL)
        token = "ab_0000000000000000_" + "x" * 43 if role == "nobody" else await server.token(role)
        with pytest.raises(kind) as caught:
            await asyncio.to_thread(asyncio.run, ask(server.url, call, token=token))
    assert type(caught.value) is kind
