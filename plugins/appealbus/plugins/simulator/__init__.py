"""The simulator: a SHEP gateway with ГБД ФЛ, ГБД ЮЛ and ЕГКН behind it, for a synthetic population of any size.

For tests and demonstrations `server.Simulator` runs it in their own loop; `appealbus simulate` runs it by itself.
"""

from typing import TYPE_CHECKING

from appealbus.core import Settings, hookimpl
from appealbus.plugins.simulator.settings import SimulatorSettings

if TYPE_CHECKING:
    import typer


@hookimpl
def register_settings() -> type[Settings]:
    """Say what `[plugins.simulator]` may hold."""
    return SimulatorSettings


@hookimpl
def register_commands(app: "typer.Typer", settings: SimulatorSettings) -> None:
    """Add `appealbus simulate`."""
    # Imported here: every other command would pay for the HTTP server too.
    from appealbus.plugins.simulator.command import add_simulate

    add_simulate(app, settings)
