"""Traces as a collector gets them: OTLP over real HTTP, read with OpenTelemetry's own protobuf definitions."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from appealbus.core import Call, CallFailed, From, LogEntry, OutcomeKind, Reply, Request, Taken
from appealbus.core.bus.bus import Bus
from appealbus.core.bus.service_view import ServiceView
from appealbus.plugins.traces.service import Traces
from appealbus.plugins.traces.settings import TracesSettings
from appealbus.plugins.traces.spans import Spans
from tests.core.kit import Receiver, ScriptedWire, lookup, message, reply, running_bus
from tests.services.processes import PATIENCE

NUMBER = "KZ-900101300015"
OUT = {"out": {"kind": "receiver"}}
BY_NUMBER = lookup("s.thing", x=From("message_id"))


class Collector:
    """A collector that keeps what it gets, or takes nothing."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        self.raw = b""
        self.headers: list[str | None] = []
        self.status = 200
        self.url = ""

    async def take(self, request: web.Request) -> web.Response:
        self.headers.append(request.headers.get("Authorization"))
        body = await request.read()
        if request.headers.get("Content-Encoding") == "gzip" and body[:2] == b"\x1f\x8b":
            body = gzip.decompress(body)
        if self.status == 200:
            self.raw += body
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                self.spans += [span for scope in resource.scope_spans for span in scope.spans]
        return web.Response(status=self.status)


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    made = Collector()
    app = web.Application()
    app.router.add_post("/v1/traces", made.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    made.url = f"http://127.0.0.1:{port}/v1/traces"
    yield made
    await runner.cleanup()


@pytest.fixture(autouse=True)
def _fresh() -> None:
    Receiver.got.clear()


@asynccontextmanager
async def sending(bus: Bus, folder: Path, collector: Collector) -> AsyncIterator[None]:
    """Send meanwhile."""
    settings = TracesSettings(endpoint=collector.url, cursor=folder / "cursor", timeout=2.0)
    task = asyncio.create_task(Traces(settings).run(ServiceView(bus)))
    try:
        await asyncio.sleep(0)
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(collector: Collector, *names: str) -> None:
    """Wait for spans of these names."""
    async with asyncio.timeout(PATIENCE):
        while not set(names) <= {span.name for span in collector.spans}:
            await asyncio.sleep(0.02)


def twice_down() -> ScriptedWire:
    left = [1]

    def script(request: Request, call: Call) -> Reply:
        left[0] -= 1
        if left[0] >= 0:
            raise CallFailed(OutcomeKind.UNAVAILABLE, "http.503", "the source is down")
        return reply()

    return ScriptedWire(script)


@pytest.mark.proof
async def test_an_appeal_is_one_trace(tmp_path: Path, collector: Collector) -> None:
    """Accepted, questions with their attempts, runs, deliveries: all lead to the root, and nothing names anybody."""
    async with running_bus(tmp_path, BY_NUMBER, wire=twice_down(), deliveries=OUT) as bus:
        (tmp_path / "cursor").write_text("1.0")
        async with sending(bus, tmp_path, collector):
            taken = await bus.accept(message(number=NUMBER))
            assert isinstance(taken, Taken)
            await until(collector, "appeal", "version 1", "version 2", "attempt 1", "delivered out")
    assert len({span.trace_id for span in collector.spans}) == 1
    by_id = {span.span_id: span for span in collector.spans}
    assert len(by_id) == len(collector.spans)
    assert [span.name for span in collector.spans if not span.parent_span_id] == ["appeal"]
    assert all(span.parent_span_id in by_id for span in collector.spans if span.parent_span_id)
    questions = [span for span in collector.spans if span.name == "s.thing"]
    assert [span.status.code for span in questions] == [2, 0]
    [failed, found] = [{pair.key: pair.value.string_value for pair in span.attributes} for span in questions]
    assert (failed["appealbus.code"], found["appealbus.outcome"]) == ("http.503", "found")
    attempts = [span for span in collector.spans if span.name == "attempt 1"]
    assert {by_id[span.parent_span_id].name for span in attempts} == {"s.thing"}
    assert all(span.start_time_unix_nano <= span.end_time_unix_nano for span in collector.spans)
    assert NUMBER.encode() not in collector.raw
    assert NUMBER[3:].encode() not in collector.raw


@pytest.mark.proof
async def test_what_the_collector_does_not_take_is_sent_again(tmp_path: Path, collector: Collector) -> None:
    """A collector that was away misses nothing, and after a restart nothing comes a second time under other ids."""
    collector.status = 503
    async with running_bus(tmp_path, BY_NUMBER, deliveries=OUT) as bus:
        (tmp_path / "cursor").write_text("1.0")
        async with sending(bus, tmp_path, collector):
            await bus.accept(message())
            async with asyncio.timeout(PATIENCE):
                while not collector.headers:
                    await asyncio.sleep(0.02)
        assert collector.spans == []
        collector.status = 200
        async with sending(bus, tmp_path, collector):
            await until(collector, "appeal", "version 1", "delivered out")
        first = {span.span_id for span in collector.spans}
        (tmp_path / "cursor").write_text("1.0")
        collector.spans.clear()
        async with sending(bus, tmp_path, collector):
            await until(collector, "appeal", "version 1", "delivered out")
        assert {span.span_id for span in collector.spans} == first
        (tmp_path / "cursor").write_text("no cursor")
        collector.spans.clear()
        async with sending(bus, tmp_path, collector):
            async with asyncio.timeout(PATIENCE):
                while (tmp_path / "cursor").read_text() == "no cursor":
                    await asyncio.sleep(0.02)
            await bus.accept(message("m-2"))
            await until(collector, "appeal", "version 1")
        assert len({span.trace_id for span in collector.spans}) == 1


async def test_a_journal_that_was_restored_is_gone_on_with(tmp_path: Path, collector: Collector) -> None:
    """A cursor that nobody can go on from begins where the journal says."""
    async with running_bus(tmp_path, BY_NUMBER, deliveries=OUT) as bus:
        await bus.accept(message())
        await bus.settle()
        (tmp_path / "cursor").write_text("7.4711")
        async with sending(bus, tmp_path, collector):
            await until(collector, "appeal")


async def test_an_entry_of_another_release_costs_its_own_span(tmp_path: Path, collector: Collector) -> None:
    """A version without its number, a moment that is none: what comes behind it is sent."""
    odd = LogEntry(1, datetime.now(UTC), "version", 1, None, "bus", "", {})
    late = LogEntry(2, datetime.now(UTC), "ended", 1, None, "bus", "a.b", {"ended": 10**30, "tries": [{"ms": None}]})
    traces = Traces(TracesSettings(endpoint=collector.url, cursor=tmp_path / "cursor"))
    spans = Spans("journal", "appealbus")
    assert traces._spans_of(odd, spans) == traces._spans_of(late, spans) == []


@pytest.mark.parametrize("url", ["collector:4318", "ftp://x/v1", "http://user:secret@x/v1/traces"])
def test_a_url_that_is_none_is_refused(url: str) -> None:
    """With what to write instead."""
    with pytest.raises(ValueError, match="OTLP over HTTP"):
        TracesSettings(endpoint=url)
