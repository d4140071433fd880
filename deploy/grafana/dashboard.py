"""Makes the Grafana dashboard from docs/metrics.md, on standard output.

First a row with the questions of "Worth a dashboard", then a panel for each metric under the heading that it has there.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"
_SECTION = re.compile(r"^## (.+)$", re.MULTILINE)
_METRIC = re.compile(r"^\| `(appealbus_\w+)` \| (\w+) \|([^|]*)\| (.+) \|$", re.MULTILINE)
_QUESTION = re.compile(r"^\| ([^|`]+\?) \| (.+) \|$", re.MULTILINE)
_OF_JOURNAL = "Of the journal"
_WIDTH, _HEIGHT = 8, 7
"""Of a panel: three stand in a row, which has 24 columns."""
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
_ALWAYS_THE_SAME = {"appealbus_build_info", "appealbus_worker_info"}


def main() -> None:
    """Write it to standard output."""
    sys.stdout.write(json.dumps(dashboard(PAGE.read_text(encoding="utf-8")), indent=1, ensure_ascii=False) + "\n")


def dashboard(page: str) -> dict[str, Any]:
    """Return the dashboard that a page of metrics amounts to."""
    sections = dict(zip(*[iter(_SECTION.split(page)[1:])] * 2, strict=True))
    rows = [("First", list(_questions(page)))]
    rows += [(name, list(_metrics(name, text))) for name, text in sections.items() if _METRIC.search(text)]
    variable = {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"}
    return {
        "uid": "appealbus",
        "title": "appealbus",
        "tags": ["appealbus"],
        "timezone": "browser",
        "schemaVersion": 39,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [variable]},
        "panels": list(_laid_out(rows)),
    }


def _questions(page: str) -> Iterator[tuple[str, str, list[str]]]:
    """Yield title, description and expressions of the questions that are worth a panel."""
    for question, queries in _QUESTION.findall(page):
        yield question.strip(), "", re.findall(r"`([^`]+)`", queries)


def _metrics(section: str, text: str) -> Iterator[tuple[str, str, list[str]]]:
    for name, kind, labels, meaning in _METRIC.findall(text):
        if name not in _ALWAYS_THE_SAME:
            yield name.removeprefix("appealbus_"), _plain(meaning), _queries(section, name, kind, labels)


def _plain(meaning: str) -> str:
    return re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", meaning).replace("`", "")


def _queries(section: str, name: str, kind: str, labels: str) -> list[str]:
    by = ", ".join(re.findall(r"`(\w+)`", labels))
    # What the journal holds is the same on all workers; a moment, and how late something is, cannot be added up.
    worst = (
        section == _OF_JOURNAL
        or re.search(r"_(seconds|state|up|warning|failed|doubt)$", name)
        or name.endswith("draining")
    )
    how = f"{'max' if worst else 'sum'}{f' by ({by})' if by else ''}"
    if kind == "histogram":
        by = ", ".join(filter(None, (by, "le")))
        rate = f"sum by ({by}) (rate({name}_bucket[$__rate_interval]))"
        return [f"histogram_quantile({part}, {rate})" for part in (0.5, 0.95)]
    if kind == "counter":
        how = how if section == _OF_JOURNAL else how.replace("max", "sum")
        return [f"{how} (rate({name}[$__rate_interval]))"]
    return [f"{how} ({name})"]


def _laid_out(rows: list[tuple[str, list[tuple[str, str, list[str]]]]]) -> Iterator[dict[str, Any]]:
    number, y = 0, 0
    for title, panels in rows:
        number += 1
        yield {
            "id": number,
            "type": "row",
            "title": title,
            "collapsed": False,
            "gridPos": _place(0, y, 24, 1),
            "panels": [],
        }
        y += 1
        for i, (name, about, queries) in enumerate(panels):
            number += 1
            place = _place(i % 3 * _WIDTH, y + i // 3 * _HEIGHT, _WIDTH, _HEIGHT)
            yield _panel(number, name, about, queries, place)
        y += -(-len(panels) // 3) * _HEIGHT


def _place(x: int, y: int, width: int, height: int) -> dict[str, int]:
    return {"x": x, "y": y, "w": width, "h": height}


def _panel(number: int, title: str, about: str, queries: list[str], place: dict[str, int]) -> dict[str, Any]:
    unit = {"unit": "s"} if "seconds" in queries[0] and not queries[0].startswith("sum (rate") else {}
    return {
        "id": number,
        "type": "timeseries",
        "title": title,
        "description": about,
        "datasource": _SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": unit, "overrides": []},
        "targets": [{"refId": chr(65 + i), "expr": query, "datasource": _SOURCE} for i, query in enumerate(queries)],
    }


if __name__ == "__main__":
    main()
