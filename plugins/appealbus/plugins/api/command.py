"""`appealbus serve`."""

from importlib.util import find_spec

import typer

from appealbus.core import ConfigError
from appealbus.core.commands import New, cli_of, started_again
from appealbus.core.serving import run_to_end
from appealbus.plugins.api.settings import ApiSettings

_EXTRA = ("fastapi", "jsonpatch", "uvicorn")


def serve(context: typer.Context, new: New = False) -> None:
    """Serve the HTTP API: appeals in, dossiers and their feed out.

    A process of its own beside `appealbus run`; several may serve one journal. Ends cleanly on SIGTERM and Ctrl-C:
    takes no more connections, ends streams, finishes requests within `bus.grace`, exits 0.
    """
    cli = cli_of(context)
    cli.new = new
    settings = cli.loaded.validate(ApiSettings, "plugins", "api")
    if any(find_spec(name) is None for name in _EXTRA):
        raise ConfigError("the API needs more packages: pip install '.[api]' in a checkout of the bus")
    # Imported here: every other command would pay for the web server too.
    from appealbus.plugins.api.server import serve as serving

    with started_again(cli):
        run_to_end(serving(cli, settings), cli.host.stray)
