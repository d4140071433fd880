"""Configuration of the demonstration with a console: the same agencies, with channels and receivers on in-memory
brokers.

It may run for days: finished appeals are deleted after three days, and queues keep only the newest messages.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from appealbus.demo.setting import document
from appealbus.simulator.settings import SimulatorSettings

ROADS, ARCHIVE = "roads", "archive"
"""Receivers with their own brokers: `roads` has a queue that is full at times, `archive` rejects large dossiers."""
RECEPTION = "reception"
"""Channel and queue of the counter; the other channel is `portal`."""
OUT = "appealbus.out"
LARGEST = 24 * 1024
"""Maximum size in bytes of a dossier for the archive; one in some dozens is larger."""
_KEPT = "3d"
_QUARANTINED = 200


def live_document(folder: Path, url: str, simulator: SimulatorSettings, port: int) -> dict[str, Any]:
    """Return the configuration as `tomllib` would read it; writes its policy file."""
    given = document(folder, url, simulator)
    changes = ["answered", "redirected", "extended", "preliminary", "complained"]
    channels = {name: {"changes": changes} for name in ("portal", RECEPTION)}
    (folder / "policy.toml").write_text("\n".join(toml({"channels": channels})), encoding="utf-8")
    given["bus"] |= {"policy": str(folder / "policy.toml")}
    given["bus"] |= {"grace": "2s", "retention": _KEPT, "log_retention": _KEPT, "access_retention": _KEPT}
    given["bus"] |= {"quarantine_messages": _QUARANTINED, "quarantine_retention": _KEPT}
    given["retry"] = {"first": "20s", "factor": 2.0, "max": "2m"}
    for name, source in given["sources"].items():
        # A breaker that opens soon and stays open for a while can be seen.
        guard = {"timeout": "5s", "concurrency": 20, "breaker_failures": 8, "breaker_open": "45s", "quota_day": 20_000}
        source["guard"] = source["guard"] | guard | ({"closed": ["Sun 03:00-05:00"]} if name == "gbdul" else {})
        source["keep_replies"] = _KEPT
    given["intakes"] = {"portal": {"kind": "amqp"}, RECEPTION: {"kind": "amqp", "queue": RECEPTION}}
    given["deliveries"] = {
        "register": {"kind": "amqp"},
        ROADS: {"kind": "amqp", "broker": ROADS, "exchange": OUT},
        ARCHIVE: {"kind": "amqp", "broker": ARCHIVE, "exchange": OUT},
    }
    given["plugins"] = {
        "amqp": {"brokers": {ROADS: {}, ARCHIVE: {"largest_message": LARGEST}}},
        "api": {"listen": f"127.0.0.1:{port}"},
        "report": {"file": str(folder / "report.db")},
        "repeats": {"compare": True},
        "surges": {"file": str(folder / "surges.db")},
    }
    return given


def toml(table: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """Yield a table as lines of TOML; for values that JSON and TOML write alike, and nested tables."""
    if path:
        yield f"[{path}]"
    for name, value in table.items():
        if not isinstance(value, Mapping):
            yield f"{name} = {json.dumps(value, ensure_ascii=False)}"
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from toml(value, f"{path}.{json.dumps(name)}".lstrip("."))
