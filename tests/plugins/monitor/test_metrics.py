"""/metrics: what happened is counted, what the journal holds is shown, and the page stays bounded and impersonal."""

import asyncio
import os
import shutil
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from appealbus.core import CallFailed, CertificateState, Inbound, OutcomeKind, Taken
from appealbus.core.journal import figures
from tests.core.bus.test_bus import Raises, Sees
from tests.core.kit import Receiver, ScriptedWire, message, reply
from tests.services.day import today
from tests.services.postgres import Postgres
from tests.services.processes import PATIENCE

Watch = Callable[..., AbstractAsyncContextManager[Any]]


async def test_what_happened_is_counted(tmp_path: Path, watched: Watch) -> None:
    """Messages by result, appeals, questions by outcome, versions, deliveries, and how long calls took."""
    async with watched(tmp_path) as here:
        before = await here.samples()
        assert before["appealbus_appeals_accepted_total",] == 0
        assert before["appealbus_lookups_total", "found", "s"] == 0
        for sent in (message("1", repeats=["a", "b"]), message("1", repeats=["a", "b"]), Inbound("test", "x:1", b"{")):
            await here.bus.accept(sent)
        await here.bus.settle(parked=True)
        after = await here.until(lambda page: page.get(("appealbus_quarantine_messages",)) == 1)
    assert after["appealbus_messages_total", "test", "new"] == 1
    assert after["appealbus_messages_total", "test", "repeated"] == 1
    assert after["appealbus_messages_total", "test", "quarantined"] == 1
    assert after["appealbus_appeals_accepted_total",] == 1
    assert after["appealbus_lookups_total", "found", "s"] == 2
    assert after["appealbus_source_call_duration_seconds_count", "s"] == 2
    assert after["appealbus_source_call_duration_seconds_bucket", "+Inf", "s"] == 2
    assert 0 < after["appealbus_source_call_duration_seconds_sum", "s"] < 30
    assert after["appealbus_dossiers_total", "complete"] == 1
    assert after["appealbus_deliveries_total", "registry", "delivered"] == 1
    assert after["appealbus_appeals", "idle"] == 1
    assert after["appealbus_journal_up",] == 1


async def test_warnings_are_told_by_channel_and_code(tmp_path: Path, watched: Watch) -> None:
    """As the share of the channel's newest appeals that have them."""
    async with watched(tmp_path) as here:
        for at in range(5):
            await here.bus.accept(message(str(at), repeats=[], **({"aplicant": 1} if at else {})))
        await here.bus.settle()
        page = await here.until(lambda page: ("appealbus_warned_appeals_ratio", "field.unknown", "test") in page)
    assert page["appealbus_warned_appeals_ratio", "field.unknown", "test"] == 0.8


async def test_what_falls_due_is_told_by_body(tmp_path: Path, watched: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    """What lacks facts, soon and overdue apart; with many bodies the page stays bounded, and none is left out."""
    monkeypatch.setattr("appealbus.plugins.monitor.metrics._BODIES", 2)

    def down(*_: object) -> Any:
        raise CallFailed(OutcomeKind.UNAVAILABLE, "http.503", "the source is down")

    first = today()
    bodies = ["940340000421"] * 3 + ["210740001016"] * 2 + ["210740001026", None, None]
    days = [-1, 0, 1, -30, 3, 2, 0, 9]
    async with watched(tmp_path, wire=ScriptedWire(down), retry={"first": "1h", "max": "1h"}) as here:
        for at, (body, day) in enumerate(zip(bodies, days, strict=True)):
            given = {"due_on": str(first + timedelta(days=day)), **({"addressee": {"bin": body}} if body else {})}
            await here.bus.accept(message(str(at), repeats=["gone"], **given))
        await here.bus.settle()
        page = await here.samples()
    told = {key[1:]: value for key, value in page.items() if key[0] == "appealbus_due_appeals"}
    assert told == {
        ("940340000421", "overdue"): 1,
        ("940340000421", "soon"): 2,
        ("210740001016", "overdue"): 1,
        ("210740001016", "soon"): 1,
        ("others", "overdue"): 0,
        ("others", "soon"): 1,
        ("none", "overdue"): 0,
        ("none", "soon"): 1,
    }


async def test_certificates_of_one_name(tmp_path: Path, watched: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two files of one name, in two folders, the one is told that ends first: none may end unseen."""
    begins = datetime(2026, 1, 1, tzinfo=UTC)
    both = [
        CertificateState("gateway.crt", "signs its answers", "", begins, begins + timedelta(days=days))
        for days in (500, 10, 900)
    ]
    monkeypatch.setattr(ScriptedWire, "certificates", lambda _: both)
    async with watched(tmp_path) as here:
        page = await here.samples()
    told = page["appealbus_certificate_expires_timestamp_seconds", "gateway.crt", "signs its answers", "s"]
    assert told == both[1].not_after.timestamp()


@pytest.mark.proof
async def test_what_stands_still_grows_old(tmp_path: Path, watched: Watch) -> None:
    """A source that is down parks the appeal, a receiver that is away fills its outbox; both ages grow."""

    def down(*_: Any) -> Any:
        raise CallFailed(OutcomeKind.UNAVAILABLE, "http.503", "the source is down")

    later = {"first": "1h", "max": "1h"}
    async with watched(tmp_path, wire=ScriptedWire(down), retry=later) as here:
        Receiver.broken.add("registry")
        await here.bus.accept(message("1", repeats=["a"]))
        failed = "appealbus_deliveries_total", "registry", "failed"
        outbox = "appealbus_outbox_versions", "registry"
        page = await here.until(lambda page: page.get(failed, 0) >= 1 and page.get(outbox) == 1)
        assert page["appealbus_appeals", "parked"] == 1
        page = await here.until(lambda page: page.get(("appealbus_oldest_undelivered_age_seconds", "registry"), 0) > 0)
        assert 0 < page["appealbus_oldest_unfinished_age_seconds",] < 60
        assert page["appealbus_overdue_age_seconds",] == 0
        assert page["appealbus_lookups_total", "unavailable", "s"] == 1


async def test_changes_that_are_refused_do_not_wait(tmp_path: Path, watched: Watch) -> None:
    """One is about an appeal of another channel, the other about one that nobody knows yet."""
    async with watched(tmp_path) as here:
        await here.bus.accept(message("1", number="N-1"))
        for number in ("N-1", "N-2"):
            change = {"type": "change", "message_id": number, "kind": "withdrawn", "number": number}
            await here.bus.accept(Inbound("portal", number, orjson.dumps(change)))
        counts = await here.bus.journal.ask(figures.counts)
        assert (counts.waiting_changes, counts.refused_changes) == (2, 1)
        page = await here.samples()
        assert page["appealbus_waiting_changes",] == 1


async def test_breakers_and_calls_in_flight(tmp_path: Path, watched: Watch) -> None:
    """One state of each breaker is 1; a call that has not ended is seen, and so is the question that waits."""
    gate = asyncio.Event()

    async def slow(*_: Any) -> Any:
        await gate.wait()
        return reply()

    async with watched(
        tmp_path,
        wire=ScriptedWire(slow),
        sources={"s": {"connector": "scripted", "guard": {"concurrency": 1, "attempts": 1}}},
    ) as here:
        await here.bus.accept(message("1", repeats=["a", "b"]))
        page = await here.until(lambda page: page["appealbus_source_calls_in_flight", "s"] == 1)
        assert page["appealbus_source_questions_waiting", "s"] == 1
        assert page["appealbus_appeals_in_flight",] == 1
        states = [page["appealbus_source_breaker_state", "s", state] for state in ("closed", "open", "half_open")]
        assert states == [1, 0, 0]
        gate.set()
        await here.bus.settle()


async def test_names_from_outside_do_not_fill_the_page(tmp_path: Path, watched: Watch) -> None:
    """However many channels a plugin invents, and no value of an appeal is on the page."""
    async with watched(tmp_path) as here:
        for number in range(150):
            await here.bus.accept(Inbound(f"channel{number}", "x:1", b"{"))
        applicant = {"type": "person", "iin": "850101300008", "surname": "Secretova"}
        taken = await here.bus.accept(message("m-77", number="N-77/2026", applicant=applicant, repeats=["Personal"]))
        assert isinstance(taken, Taken)
        await here.bus.settle(parked=True)
        text = await here.page()
        page = await here.samples()
    assert page["appealbus_messages_total", "other", "quarantined"] == 50
    assert len([key for key in page if key[0] == "appealbus_messages_total"]) <= 110
    for told in ("850101300008", "Secretova", "N-77", "m-77", "Personal"):
        assert told not in text


@pytest.mark.proof
async def test_without_the_journal_the_rest_is_told(
    tmp_path: Path, watched: Watch, postgres: Postgres, journal_database: str
) -> None:
    """The database is stopped: `appealbus_journal_up` is 0, its gauges are absent, and back they come with it."""
    async with watched(tmp_path, 600.0, bus={"journal": journal_database, "grace": 1}) as here:
        assert (await here.samples())["appealbus_journal_up",] == 1
        postgres.stop()
        page = await here.until(lambda page: page["appealbus_journal_up",] == 0)
        assert ("appealbus_quarantine_messages",) not in page
        assert ("appealbus_messages_total", "test", "new") not in page
        assert page["appealbus_source_breaker_state", "s", "closed"] == 1
        status, told = await here.json("/readyz")
        assert status == 503
        (journal,) = (check for check in told["checks"] if check["name"] == "journal")
        assert not journal["ok"]
        assert journal["detail"]
        assert (await here.json("/healthz"))[0] == 200
        postgres.start()  # in this thread: the server dies with the one that started it
        await here.until(lambda page: page["appealbus_journal_up",] == 1)
        async with asyncio.timeout(PATIENCE):
            while (await here.json("/readyz"))[0] != 200:
                await asyncio.sleep(0.2)


async def test_promtool_finds_nothing_wrong(tmp_path: Path, watched: Watch) -> None:
    """Names, units and help are as Prometheus wants them."""
    promtool = shutil.which("promtool")
    if promtool is None:
        assert not os.environ.get("CI"), "promtool is not installed, and CI has to have it"
        pytest.skip("promtool is not installed")
    async with watched(tmp_path) as here:
        page = await here.page()
    lint = await asyncio.create_subprocess_exec(promtool, "check", "metrics", stdin=PIPE, stdout=PIPE, stderr=STDOUT)
    said, _ = await asyncio.wait_for(lint.communicate(page.encode()), PATIENCE)
    assert lint.returncode == 0, said.decode()


async def test_what_is_unassessed_is_counted_by_assessor(
    tmp_path: Path, watched: Callable[..., AbstractAsyncContextManager[Any]]
) -> None:
    """One that has raised over nothing is there with a zero, so that an alert sees it rise."""
    async with watched(tmp_path, assessors=[Raises(), Sees()]) as here:
        await here.bus.accept(message())
        await here.bus.settle()
        name = "appealbus_appeals_unassessed"
        found = await here.until(lambda found: found.get((name, "raises")) == 1.0)
        assert found[name, "sees"] == 0.0
