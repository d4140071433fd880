"""/healthz and /readyz: alive is one thing, able to work another; each no says why."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from structlog.testing import capture_logs

from appealbus.core import Acceptor, Intake, NoSettings
from appealbus.core.bus.service_view import ServiceView
from appealbus.core.interfaces.link import LinkState, LinkStatus
from appealbus.core.journal import figures
from appealbus.plugins import monitor
from appealbus.plugins.monitor import service
from appealbus.plugins.monitor.lag import LoopLag
from appealbus.plugins.monitor.settings import ListenAddress, MonitorSettings
from appealbus.plugins.monitor.shared_result import SharedResult
from tests.core.kit import Receiver, ScriptedWire, message, reply
from tests.services.processes import PATIENCE

Watch = Callable[..., AbstractAsyncContextManager[Any]]


class Linked(Intake[NoSettings]):
    """An intake with one connection."""

    state = LinkState("main.consume", LinkStatus.UP)

    async def run(self, acceptor: Acceptor) -> None:
        await asyncio.sleep(0)

    def links(self) -> Sequence[LinkState]:
        return [self.state]


async def test_ready_says_what_was_looked_at(tmp_path: Path, watched: Watch) -> None:
    """The bus and its journal, with a write that leaves nothing behind."""
    async with watched(tmp_path) as here:
        status, told = await here.json("/readyz")
        assert (status, told["status"]) == (200, "ready")
        assert [(check["name"], check["ok"]) for check in told["checks"]] == [
            ("bus", True),
            ("journal", True),
            ("clock", True),
        ]
        assert (await here.bus.journal.ask(figures.counts)).idle == 0


@pytest.mark.parametrize(
    ("state", "ready"), [("up", True), ("blocked", True), ("connecting", False), ("down", False), ("refused", False)]
)
async def test_a_lost_way_in_is_not_ready(tmp_path: Path, watched: Watch, state: str, ready: bool) -> None:
    """An intake's connection is needed; the answer says how it stands in its own words."""
    async with watched(tmp_path) as here:
        intake = Linked("main", NoSettings())
        intake.state = LinkState("main.consume", LinkStatus(state), "the password is wrong; mend it")
        here.bus.parts.intakes.append(intake)
        status, told = await here.json("/readyz")
        assert status == (200 if ready else 503)
        assert told["status"] == ("ready" if ready else "unready")
        assert told["checks"][-1] == {
            "name": "main.consume",
            "ok": ready,
            "needed": True,
            "detail": f"{state}: the password is wrong; mend it",
            "todo": told["checks"][-1]["todo"],
        }
        assert bool(told["checks"][-1]["todo"]) != ready
        assert (await here.samples())["appealbus_link_up", "main.consume"] == (state == "up")


async def test_something_to_mend_is_on_the_page(tmp_path: Path, watched: Watch) -> None:
    """A connection that is up with a warning is ready, and an alert may watch it."""
    async with watched(tmp_path) as here:
        for name, warning in (("main", True), ("other", False)):
            intake = Linked(name, NoSettings())
            intake.state = LinkState(f"{name}.topology", LinkStatus.UP, "a queue is missing", warning=warning)
            here.bus.parts.intakes.append(intake)
        assert (await here.json("/readyz"))[0] == 200
        page = await here.samples()
        assert page["appealbus_link_warning", "main.topology"] == 1
        assert page["appealbus_link_warning", "other.topology"] == 0
        assert page["appealbus_link_up", "main.topology"] == 1


async def test_a_lost_way_out_is_degraded(tmp_path: Path, watched: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    """The outbox keeps what the receiver does not get; appeals are taken all the same."""
    away = [LinkState("out.publish", LinkStatus.DOWN, "nobody listens there")]
    monkeypatch.setattr(Receiver, "links", lambda _: away)
    async with watched(tmp_path) as here:
        status, told = await here.json("/readyz")
        assert (status, told["status"]) == (200, "degraded")


async def test_a_bus_that_drains_is_not_ready_and_says_so_to_the_end(tmp_path: Path, watched: Watch) -> None:
    """The monitor lives as long as what is in flight; then nobody listens any more."""
    gate = asyncio.Event()

    async def slow(*_: Any) -> Any:
        await gate.wait()
        return reply()

    async with watched(tmp_path, wire=ScriptedWire(slow)) as here:
        await here.bus.accept(message("1", repeats=["a"]))
        await here.until(lambda page: page["appealbus_source_calls_in_flight", "s"] == 1)
        stopping = asyncio.create_task(here.bus.stop())
        async with asyncio.timeout(PATIENCE):
            while not here.bus.draining:
                await asyncio.sleep(0.01)
        status, told = await here.json("/readyz")
        assert (status, told["status"], told["checks"][0]["ok"]) == (503, "unready", False)
        assert (await here.samples())["appealbus_draining",] == 1
        gate.set()
        await stopping
        assert here.monitor.port is None


@pytest.mark.proof
async def test_a_loop_that_stood_still_is_ill(tmp_path: Path, watched: Watch) -> None:
    """Something in the process blocks it; who is asked afterwards tells."""
    async with watched(tmp_path, 1.0) as here:
        assert await here.json("/healthz") == (
            200,
            {"status": "ok", "event_loop_lag_seconds": pytest.approx(0, abs=1.0)},
        )
        time.sleep(1.5)  # noqa: ASYNC251 - that is the point
        await asyncio.sleep(0.2)
        status, told = await here.json("/healthz")
        assert (status, told["status"]) == (503, "ill")
        assert told["event_loop_lag_seconds"] > 1.0
        assert (await here.samples())["appealbus_event_loop_lag_seconds",] > 1.0


async def test_only_small_questions_that_read(tmp_path: Path, watched: Watch) -> None:
    """POST is refused, other paths are not there, long lines are not read."""
    async with watched(tmp_path) as here:
        for method, path, status in (
            ("POST", "/metrics", 405),
            ("HEAD", "/metrics", 200),
            ("GET", "/", 404),
            ("GET", "/" + "x" * 9000, 400),
        ):
            async with here.client.request(method, here.url + path) as answer:
                assert answer.status == status


async def test_who_says_nothing_is_let_go(tmp_path: Path, watched: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a request does not hold a connection for ever."""
    monkeypatch.setattr(service, "_CONNECTION", 0.3)
    async with watched(tmp_path) as here, asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection("127.0.0.1", here.monitor.port)
        writer.write(b"GET /metrics HTTP/1.1\r\nHost:")
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()


async def test_who_asks_together_shares_one_attempt() -> None:
    """It runs once, serves for a while, an error too; who loses patience does not start another."""
    runs = 0
    gate = asyncio.Event()

    async def find() -> int:
        nonlocal runs
        runs += 1
        await gate.wait()
        if runs == 2:
            raise ConnectionError
        return runs

    shared = SharedResult(find, fresh=0.2, patience=0.1)
    results = await asyncio.gather(shared.get(), shared.get(), return_exceptions=True)
    assert [type(result) for result in results] == [TimeoutError, TimeoutError]
    gate.set()
    assert [await shared.get(), await shared.get(), runs] == [1, 1, 1]
    await asyncio.sleep(0.25)
    with pytest.raises(ConnectionError):
        await shared.get()
    with pytest.raises(ConnectionError):
        await shared.get()
    assert runs == 2
    await shared.close()


async def test_the_lag_of_long_ago_is_forgotten() -> None:
    """The worst of the seconds that are asked for."""
    now = asyncio.get_running_loop().time()
    lag = LoopLag()
    for ago, late in ((100, 9.0), (30, 3.0), (30, 1.0), (0, 0.5), (0, -0.1)):
        lag.note(now - ago, late)
    assert (lag.worst(60), lag.worst(10)) == (3.0, 0.5)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [("127.0.0.1:9464", "127.0.0.1", 9464), ("[::1]:9464", "::1", 9464), ("bus.example:80", "bus.example", 80)],
)
def test_addresses(text: str, host: str, port: int) -> None:
    """As people write them; a worker's number is added to the port."""
    assert MonitorSettings(listen=text).listen == text
    assert ListenAddress.parse(text) == ListenAddress(host, port)
    assert ListenAddress.parse(text).of_worker(2) == ListenAddress(host, port + 2)
    assert ListenAddress(host, 0).of_worker(2).port == 0


@pytest.mark.parametrize("text", ["9464", ":9464", "::1:9464", "127.0.0.1", "127.0.0.1:70000", "http://a:1", ""])
def test_wrong_addresses(text: str) -> None:
    """The error shows what to write."""
    with pytest.raises(ValidationError, match="such as"):
        MonitorSettings(listen=text)


def test_without_an_address_it_is_off() -> None:
    """Nothing listens that nobody asked for."""
    assert monitor.register_services(MonitorSettings()) == []


async def test_a_port_that_is_taken_is_told(tmp_path: Path, watched: Watch) -> None:
    """With its number: which of several workers it is, and what to look for."""
    async with watched(tmp_path) as first:
        other = service.Monitor(ListenAddress("127.0.0.1", first.monitor.port or 0), 1.0)
        with capture_logs() as logs, pytest.raises(OSError, match="in use"):
            await other.run(ServiceView(first.bus))
    told = [line for line in logs if line["event"] == "monitor.cannot_listen"]
    assert [(line["port"], line["reason"]) for line in told] == [(other._listen.port, "address already in use")]
