"""docs/metrics.md: what it says of the API's metrics, and no other."""

import re
from pathlib import Path

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from tests.plugins.api.serving import Served

PAGE = (Path(__file__).parents[3] / "docs" / "metrics.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `(\w+)` \| (\w+) \|([^|]*)\|", re.MULTILINE)


async def test_the_page_lists_every_metric(server: Served) -> None:
    """With its kind, its labels and their values; a label has no word that a client has made up."""
    client = await server.client("ops")
    server.api.note_defect("pages.fleet")
    for path in ("/v1/me", "/v1/feed?wait=1", "/v1/appeals/x", "/made/up", "/problems/made-up"):
        await client.get(path)
    text = generate_latest(server.api.metrics.registry).decode()
    assert "made" not in text
    real: dict[str, tuple[str, set[str]]] = {}
    for family in text_string_to_metric_families(text):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        assert family.samples, f"{name}: the test makes no sample of it"
        assert family.documentation
        real[name] = (family.type, {label for sample in family.samples for label in sample.labels} - {"le"})
    part = PAGE.partition("## Of the API")[2].partition("\n## ")[0]
    assert {name: (kind, set(re.findall(r"`(\w+)`", labels))) for name, kind, labels in ROW.findall(part)} == real
    words = set(re.findall(r'(?:limit|kind)="(\w+)"', text))
    assert [word for word in words if f"`{word}`" not in part] == []
