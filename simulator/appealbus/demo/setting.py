"""Configuration of the demonstration, like a person would write it, with failing agencies."""

import json
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from appealbus.connectors.signing.gost import libgcrypt
from appealbus.core import ConfigError
from appealbus.simulator.settings import Algorithm, Misbehaviour, SimulatorSettings
from appealbus.simulator.sources import GATEWAY, gateway_source

_LATENCY: dict[str, Any] = {"latency": 0.02, "latency_tail": 0.015, "latency_max": 1.5}

MISBEHAVIOUR = {
    "gbdfl": Misbehaviour(**_LATENCY, fault=0.02, http_502=0.03, truncated=0.01),
    "gbdul": Misbehaviour(**_LATENCY, status=0.05, cut=0.05),
    "egkn": Misbehaviour(**_LATENCY, http_502=0.12, wrong_types=0.05, empty=0.03, entity_bomb=0.02, silent=0.02),
    "address": Misbehaviour(**_LATENCY, fault=0.05, truncated=0.02),
}
MODELS = frozenset({"egkn", "address"})
"""Sources whose messages are our own model, as their contracts are not published: docs/registries.md."""
_BASIS = "нет, демонстрация: egkn и address отвечают по нашим моделям, контракты этих служб не опубликованы"
_ABOUT = ["gbdfl.mentioned_person", "egkn.parcel", "gbdul.right_holder"]
_WHERE_GIVEN: dict[str, list[str]] = {"required": [], "where_given": ["gbdfl.person", "gbdul.organisation", *_ABOUT]}
COMPLETENESS: dict[str, dict[str, list[str]]] = {
    "default": {"required": ["gbdfl.person or gbdul.organisation"], "where_given": _ABOUT},
    **dict.fromkeys(("notary_inquiry", "lawyer_inquiry", "bailiff_inquiry", "report"), _WHERE_GIVEN),
}
"""Same as in deploy/appealbus.toml."""
_PLACE = ["address.by_rka", "address.by_cadastral_number"]
_EXTRA = ("asn1crypto", "cryptography")
_GUARD = {"timeout": "1s", "attempts": 2, "backoff": "50ms", "breaker_failures": 20}

ROADS, ARCHIVE = "roads", "archive"
"""Receivers with their own brokers: `roads` has a queue that is full at times, `archive` rejects large dossiers."""
RECEPTION = "reception"
"""Channel and queue of the counter; the other channel is `portal`."""
OUT = "appealbus.out"
LARGEST = 24 * 1024
"""Maximum size in bytes of a dossier for the archive; one in some dozens is larger."""
_KEPT = "3d"
_QUARANTINED = 200


def contour(folder: Path) -> tuple[SimulatorSettings, str]:
    """Return the simulator's settings and a text about signatures, which are GOST if this machine supports it."""
    if any(find_spec(name) is None for name in _EXTRA):
        return SimulatorSettings(), "Messages are not signed: pip install '.[wssec]' in a checkout of the bus"
    try:
        libgcrypt.load()
    except ConfigError as error:
        return SimulatorSettings(), f"Messages are not signed: {error}"
    # Of 512 bits, as the gateway has them, signatures take four times as long.
    keys = SimulatorSettings(keys=folder / "keys", algorithm=Algorithm.GOST_256)
    return keys, "Messages are signed in both directions, and what registers sign is verified: GOST 34.10-2015"


def document(folder: Path, url: str, simulator: SimulatorSettings) -> dict[str, Any]:
    """Return the configuration as `tomllib` would read it."""
    sources: dict[str, Any] = {name: gateway_source(name, simulator, url) | {"guard": _GUARD} for name in GATEWAY}
    # No broker is configured, so it lives in the memory of this process.
    sources["address"] = {"connector": "amqp", "queue": simulator.address.queue, "guard": _GUARD}
    return {
        "bus": {"name": "demo", "accepted_by": "demo", "journal": f"sqlite:///{folder / 'demo.db'}", "concurrency": 50}
        | {"legal_basis": _BASIS},
        "retry": {"first": "4s", "factor": 1.0, "max": "4s"},
        "completeness": {
            kind: {**needs, "where_given": [*needs["where_given"], *_PLACE], "wait": "5s"}
            for kind, needs in COMPLETENESS.items()
        },
        "sources": sources,
        "deliveries": {"out": {"kind": "files", "path": str(folder / "dossiers.jsonl")}},
        "log": {"level": "error"},
    }


def example_appeals() -> Path | None:
    """Return examples/appeals.jsonl of this checkout; None in an installed package."""
    path = Path(__file__).resolve().parents[3] / "examples" / "appeals.jsonl"
    return path if path.is_file() else None


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
