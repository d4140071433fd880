"""The bus as it ships, with everything on: its configuration for the benchmark."""

from pathlib import Path
from urllib.parse import urlsplit

from contract import IN, write_wsdl

HERE = Path(__file__).parent


def configure(folder: Path, amqp: str, agency: str, journal: str, window: int) -> None:
    """Write `appealbus.toml`."""
    broker = urlsplit(amqp)
    (folder / "password").write_text(broker.password or "")
    (folder / "password").chmod(0o600)
    (folder / "appealbus.toml").write_text(f"""
[bus]
journal = "{journal}"
plugins = ["{HERE / "plugin.py"}"]
disabled = ["demo", "simulator", "gbdfl", "gbdul", "egkn"]
concurrency = {window}

[retry]
first = "1h"

[sources.agency]
connector = "soap"
wsdl = "{write_wsdl(folder, agency)}"
guard.concurrency = {2 * window}

[plugins.amqp.brokers.main]
hosts = ["{broker.hostname}:{broker.port}"]
virtual_host = "{broker.path[1:]}"
user = "{broker.username}"
password = {{ file = "password" }}

[intakes.post]
kind = "amqp"
queue = "{IN}"
prefetch = {window}

[deliveries.out]
kind = "amqp"

[work]
kind = "amqp"

[log]
level = "info"
format = "json"
""")
