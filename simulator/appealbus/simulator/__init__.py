"""The simulator: a SHEP gateway with ГБД ФЛ, ГБД ЮЛ and ЕГКН, for a synthetic population of any size.

Tests and demonstrations run `server.Simulator` in their own loop; `appealbus simulate` runs it stand-alone.
"""

import typer

from appealbus.core import Settings, hookimpl
from appealbus.simulator.command import add_simulate
from appealbus.simulator.settings import SimulatorSettings


@hookimpl
def register_settings() -> type[Settings]:
    return SimulatorSettings


@hookimpl
def register_commands(app: typer.Typer, settings: SimulatorSettings) -> None:
    add_simulate(app, settings)
