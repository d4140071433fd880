"""The HTTP API: channels put appeals in, registers read what became of them. `appealbus serve` runs it."""

import typer

from appealbus.core import Settings, hookimpl
from appealbus.plugins.api.command import serve
from appealbus.plugins.api.settings import ApiSettings


@hookimpl
def register_settings() -> type[Settings]:
    """Say what `[plugins.api]` may hold."""
    return ApiSettings


@hookimpl
def register_commands(app: typer.Typer) -> None:
    """Add `appealbus serve`."""
    app.command("serve")(serve)
