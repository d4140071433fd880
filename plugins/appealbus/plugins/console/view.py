"""Definition of a view: a folder in `views/` with its routes, templates and translations."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from importlib import import_module
from pkgutil import iter_modules

from starlette.convertors import Convertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from appealbus.core.management.viewing import Action
from appealbus.plugins.console import views
from appealbus.plugins.console.menu import Entry
from appealbus.plugins.console.page import Page

Handler = Callable[[Page], Awaitable[Response]]


class _Id(Convertor[int]):
    """Path parameter `{name:id}`: a number that fits in any database. Starlette's `int` fails beyond 5,000 digits."""

    regex = "[0-9]{1,18}"

    def convert(self, value: str) -> int:
        return int(value)

    def to_string(self, value: int) -> str:
        return str(value)


register_url_convertor("id", _Id())


@dataclass
class View(Entry):
    """A view; the package of its folder has it as `view`.

    Attributes:
        routes: its pages and forms.
        may: right needed, by route name; None: none.
    """

    routes: list[Route] = field(default_factory=list)
    may: dict[str, Action | None] = field(default_factory=dict)

    def get(self, path: str, may: Action | None = None, *, by_itself: bool = False) -> Callable[[Handler], Handler]:
        """Register a function as the page at a path under `/console`, for those with the right `may`.

        With `by_itself` the browser requests it automatically, which must not extend the session.
        """
        return self._route(path, "GET", may, renew=not by_itself)

    def post(self, path: str, may: Action | None) -> Callable[[Handler], Handler]:
        """Register a function as a form handler; `page.form` has the input. It ends with `page.go(...)`."""
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
    """Return all views in menu order: every folder in `views/`, without a list to maintain."""
    found = [
        import_module(f"{views.__name__}.{module.name}").view for module in iter_modules(views.__path__) if module.ispkg
    ]
    return sorted(found, key=lambda view: (view.place or 1000, view.name))
