"""The simulator: a SHEP gateway with ГБД ФЛ, ГБД ЮЛ and ЕГКН behind it, for a synthetic population of any size.

For tests and demonstrations `server.Simulator` runs it in their own loop; `appealbus simulate` runs it by itself.
"""

import typer

from appealbus.core import Settings, hookimpl
from appealbus.simulator.command import add_simulate
from appealbus.simulator.settings import SimulatorSettings


@hookimpl
def register_settings() -> type[Settings]:
    """Say what `[plugins.simulator]` may hold."""
    return SimulatorSettings


@hookimpl
def register_commands(app: typer.Typer, settings: SimulatorSettings) -> None:
    """Add `appealbus simulate`."""
    add_simulate(app, settings)
