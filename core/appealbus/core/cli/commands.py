"""The commands by name; each is imported when it is called."""

import contextlib
from importlib import import_module
from typing import Any, Literal

import typer
from typer.core import TyperGroup

from appealbus.core.cli.context import Cli
from appealbus.core.errors import ConfigError

MARKUP: Literal["markdown"] = "markdown"
OWN = {
    "run": "running",
    "prune": "running",
    "health": "health",
    "status": "status",
    "appeals": "listing",
    "dossier": "appeals",
    "why": "appeals",
    "explain": "appeals",
    "export": "export",
    "retry": "moving",
    "refresh": "moving",
    "changes": "changes",
    "history": "history",
    "tail": "tail",
    "hold": "moving",
    "release": "moving",
    "assess": "moving",
    "sources": "sources",
    "source": "source",
    "check": "checking",
    "plugins": "plugins",
    "policy": "policy",
    "reread": "reread",
    "rename": "renaming",
    "enrol": "restored",
    "withdraw": "withdrawing",
    "restored": "restored",
    "quarantine": "quarantine",
    "deliveries": "deliveries",
    "access": "access",
    "clock": "clock",
    "client": "client",
    "key": "key",
}
"""Module of each command or group, in the order of the help. A group is called `group` there."""

APART = {"demo": "demo", "simulate": "simulator"}
"""Commands from separate packages, with the plugin of each."""


def group_of(cli: Cli) -> type[TyperGroup]:
    class Commands(TyperGroup):
        """Our own commands and those of plugins, which are loaded on demand."""

        complete = False

        def get_command(self, ctx: Any, cmd_name: str) -> Any:
            """Return a command; raise ConfigError if it may belong to a broken or missing plugin."""
            if cmd_name in OWN:
                self.add_own(cmd_name)
            else:
                self.add_all()
            command = super().get_command(ctx, cmd_name)
            if (
                command is None
                and cmd_name in APART
                and all(plugin.name != APART[cmd_name] for plugin in cli.host.plugins)
            ):
                raise ConfigError(f"{cmd_name} is not installed: pip install . ./simulator in a checkout of the bus")
            if command is None and (broken := [plugin for plugin in cli.host.plugins if plugin.state == "broken"]):
                reasons = [f"plugin {plugin.name} is broken, and may bring it: {plugin.reason}" for plugin in broken]
                raise ConfigError(f"there is no command {cmd_name}", *reasons)
            return command

        def list_commands(self, ctx: Any) -> list[str]:
            """Return all names for --help; if the configuration is wrong, only our own."""
            with contextlib.suppress(ConfigError):
                self.add_all()
            return super().list_commands(ctx)

        def add_own(self, name: str) -> None:
            if name not in self.commands:
                app = typer.Typer(callback=_nothing, rich_markup_mode=MARKUP)
                module = import_module(f"appealbus.core.cli.{OWN[name]}")
                if group := getattr(module, "group", None):
                    app.add_typer(group, name=name)
                else:
                    app.command(name)(getattr(module, name))
                self.commands.update(typer.main.get_group(app).commands)

        def add_all(self) -> None:
            """Import all modules and load the plugins, once; also used to suggest names for a misspelt command."""
            if not self.complete:
                for name in OWN:
                    self.add_own(name)
                app = typer.Typer(callback=_nothing)
                cli.host.add_commands(app)
                for name, command in typer.main.get_group(app).commands.items():
                    self.commands.setdefault(name, command)
                self.complete = True

    return Commands


def _nothing() -> None:
    """Callback that makes typer treat an app with a single command as a group."""
