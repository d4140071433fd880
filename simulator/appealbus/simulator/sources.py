"""Configuration of sources that use the simulator."""

import json
from typing import Any, Final

from appealbus.simulator.settings import Algorithm, SimulatorSettings

GATEWAY: Final = ("gbdfl", "gbdul", "egkn")
"""Services behind the gateway."""
_SIGN = {Algorithm.RSA: "rsa-sha256", Algorithm.GOST_256: "gost-256", Algorithm.GOST_512: "gost-512"}
_ASKED_SIGNED = "gbdul"
_SIGN_ANSWERS = ("gbdfl", "gbdul")


def gateway_source(name: str, settings: SimulatorSettings, url: str) -> dict[str, Any]:
    """Return the table of a source, one of `GATEWAY`, as `tomllib` would read it."""
    source: dict[str, Any] = {
        "connector": "shep",
        "url": url,
        "service_id": getattr(settings, name).service_id,
        "sender_id": settings.sender_id,
    }
    if settings.password is not None:
        source["password"] = {"env": "SIMULATOR_PASSWORD"}
    keys = settings.keys
    if keys is None:
        # It takes unsigned content, which at ГБД ЮЛ has to be said.
        return source | ({"data_signature": {"sign": "none"}} if name == _ASKED_SIGNED else {})
    ours = {"sign": _SIGN[settings.algorithm], "key": str(keys / "client.key"), "certificate": str(keys / "client.pem")}
    source["signature"] = ours | {"trusted": [str(keys / "gateway.pem")]}
    if name in _SIGN_ANSWERS:
        trusted = {"trusted": [str(keys / "register.pem")]}
        source["data_signature"] = (ours if name == _ASKED_SIGNED else {}) | trusted
    return source


def snippet(settings: SimulatorSettings, url: str) -> str:
    """Return `[sources]` and the broker of the address register in TOML."""
    tables = [_table(f"sources.{name}", gateway_source(name, settings, url)) for name in GATEWAY]
    broker = settings.address.broker
    if broker is not None:
        source = {"connector": "amqp", "queue": settings.address.queue}
        tables.append(_table("sources.address", source | ({"answers": True} if settings.address.delay else {})))
        main = {"hosts": list(broker.hosts), "virtual_host": broker.virtual_host, "user": broker.user}
        password = {"password": broker.password.reference} if broker.password else {}
        tables.append(_table("plugins.amqp.brokers.main", main | password))
    return "\n".join(tables)


def _table(name: str, values: dict[str, Any]) -> str:
    """Format a table in TOML; a nested one with several values gets its own header."""
    inner = {key: value for key, value in values.items() if isinstance(value, dict) and len(value) > 1}
    lines = [f"[{name}]", *(f"{key} = {_value(value)}" for key, value in values.items() if key not in inner), ""]
    return "\n".join([*lines, *(_table(f"{name}.{key}", value) for key, value in inner.items())])


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{key} = {_value(item)}' for key, item in value.items())} }}"
    # Strings, lists of them and booleans are written alike in JSON and TOML.
    return json.dumps(value, ensure_ascii=False)
