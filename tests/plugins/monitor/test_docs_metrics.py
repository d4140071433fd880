"""docs/metrics.md: every metric with its kind and labels, and no other."""

import re
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from appealbus.core import clocks
from appealbus.core.domain.client import Client, Credential, Role
from appealbus.core.domain.event import Cursor
from appealbus.core.domain.pauses import Pause
from appealbus.core.domain.source_state import CertificateState
from appealbus.core.interfaces.intake import Inbound
from appealbus.core.interfaces.link import LinkState, LinkStatus
from appealbus.core.journal import clients
from tests.core.bus.test_bus import Raises
from tests.core.kit import Receiver, ScriptedWire, message

PAGE = (Path(__file__).parents[3] / "docs" / "metrics.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `(\w+)` \| (\w+) \|([^|]*)\|", re.MULTILINE)
NOW = datetime(2026, 11, 24, tzinfo=UTC)
CLIENT = Client("desk", Role.REGISTRY, "", (), (), None, NOW, "person:aigul")
LINK = LinkState("out.publish", LinkStatus.UP, counts={"published": 3}, messages={"q": 1})


def links(_: object) -> Sequence[LinkState]:
    return [LINK]


def certificates(_: object) -> Sequence[CertificateState]:
    return [CertificateState("gateway.crt", "signs its answers", "Gateway", NOW, NOW)]


CHANGE = b'{"type": "change", "kind": "withdrawn", "message_id": "c", "number": "N-1"}'


async def test_the_page_lists_every_metric(
    tmp_path: Path, watched: Callable[..., AbstractAsyncContextManager[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the kind that Prometheus is told, and the labels that it gets."""
    monkeypatch.setattr(Receiver, "links", links)
    monkeypatch.setattr(ScriptedWire, "certificates", certificates)
    async with watched(tmp_path, assessors=[Raises()]) as here:
        await here.bus.accept(message())
        await here.bus.accept(message("odd", aplicant=1))
        await here.bus.accept(Inbound("post", "post#1", b"no appeal"))
        await here.bus.accept(Inbound("post", "post#2", CHANGE))
        for guard in here.bus.guards.values():
            guard.context.notes.unread["New"] = 1
            guard.gate.learn = lambda *_: None  # nobody else says how it stands
            now = clocks.wall()
            guard.gate.pause = Pause("s", now, now + timedelta(hours=1), "mended", "olga")
            guard.gate.left = {"day": 5}
        await here.bus.journal.do(clients.NewClient(CLIENT, Credential("00", "token", NOW, NOW), b""))
        await here.bus.journal.do(clients.Read("desk", Cursor(1, 1)))
        text = await here.page()
    real: dict[str, tuple[str, set[str]]] = {}
    for family in text_string_to_metric_families(text):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        assert family.samples, f"{name}: the test makes no sample of it"
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        assert family.documentation
        real[name] = (family.type, labels)
    page = PAGE.partition("## Of the API")[0]  # of another process
    told = {name: (kind, set(re.findall(r"`(\w+)`", labels))) for name, kind, labels in ROW.findall(page)}
    ours = {name: about for name, about in real.items() if name.startswith("appealbus_")}
    assert {name: about for name, about in told.items() if name.startswith("appealbus_")} == ours
    assert [name for name in real if f"`{name}`" not in PAGE] == []
