"""Makes the applications of `register_pages`, for the server and for `check`; they may raise or hang."""

import asyncio
from collections.abc import Mapping
from typing import Any

from appealbus.core.errors import AppealBusError, ConfigError
from appealbus.core.interfaces.pages import Asgi, Pages, PagesContext, PageViewer
from appealbus.core.loading.discovery import reason_of
from appealbus.core.plugin_calls.boundary import is_defect, within
from appealbus.core.plugin_calls.threads import PluginThreads

_LONGEST = 60.0
"""Seconds for an application to be made, as for a wire to start: it may import code from a slow disk."""
_THREADS = PluginThreads()


class NotMade(AppealBusError):
    """A plugin failed to make its application; the text says where."""


class NoServer:
    """The context in `check`: no request comes."""

    async def viewer(self, scope: Mapping[str, Any]) -> PageViewer:
        raise RuntimeError("appealbus check only has the application made")


async def make(pages: Pages, plugin: str, context: PagesContext) -> Asgi:
    """Raises NotMade, and ConfigError if the plugin does."""

    def begin() -> asyncio.Future[Asgi]:
        return asyncio.wrap_future(_THREADS.submit(lambda: pages.make(context)))

    why = f"it took more than {_LONGEST:g} s"
    try:
        app = await within(_LONGEST, begin, plugin, lambda task: None)
    except ConfigError:
        raise
    except BaseException as error:
        if not is_defect(error):
            raise
        why = why if isinstance(error, TimeoutError) else f"its plugin raised {reason_of(error)}"
    else:
        if callable(app):
            return app
        why = f"its plugin made a {type(app).__name__}, which is no ASGI application"
    raise NotMade(f"pages {pages.path} of {plugin}: {why}")
