"""What a view is: a folder in `views/` with its routes, its templates and its words."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from importlib import import_module
from pkgutil import iter_modules

from starlette.convertors import Convertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from appealbus.core.rights.actions import Action
from appealbus.plugins.console import views
from appealbus.plugins.console.menu import Entry
from appealbus.plugins.console.page import Page

Handler = Callable[[Page], Awaitable[Response]]


class _Id(Convertor[int]):
    """`{name:id}` in a path: what any database can hold. Starlette's own `int` fails over five thousand digits."""

    regex = "[0-9]{1,18}"

    def convert(self, value: str) -> int:
        return int(value)

    def to_string(self, value: int) -> str:
        return str(value)


register_url_convertor("id", _Id())


@dataclass
class View(Entry):
    """A view; the module of its folder has it as `view`.

    Attributes:
        routes: its pages and forms.
        may: by a route's name what one may do who uses it; None: all.

    """

    routes: list[Route] = field(default_factory=list)
    may: dict[str, Action | None] = field(default_factory=dict)

    def get(self, path: str, may: Action | None = None, *, by_itself: bool = False) -> Callable[[Handler], Handler]:
        """Make a function the page at a path, for those who may do that.

        Args:
            path: under `/console`.
            may: what one may do who sees it; None: all.
            by_itself: whether browsers ask for it without anybody's doing, which does not prolong a session.

        """
        return self._route(path, "GET", may, renew=not by_itself)

    def post(self, path: str, may: Action | None) -> Callable[[Handler], Handler]:
        """Make a function what becomes of a form; `page.form` has what was written. It ends in `page.go(...)`."""
        return self._route(path, "POST", may)

    def _route(self, path: str, method: str, may: Action | None, *, renew: bool = True) -> Callable[[Handler], Handler]:
        def add(handler: Handler) -> Handler:
            async def endpoint(request: Request) -> Response:
                page = await Page.of(request, renew=renew)
                if may is not None and not page.viewer.may(may):
                    raise page.forbidden
                return await handler(page)

            name = f"{self.name}.{handler.__name__}"
            self.routes.append(Route(path, endpoint, methods=[method], name=name))
            self.may[name] = may
            return handler

        return add


def all_views() -> list[View]:
    """Return all views there are, in the order of the menu. A folder in `views/` is one; there is no list of them."""
    found = [import_module(f"{views.__name__}.{each.name}").view for each in iter_modules(views.__path__) if each.ispkg]
    return sorted(found, key=lambda view: (view.place or 1000, view.name))
