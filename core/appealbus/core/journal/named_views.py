"""The part of the journal for lists that people keep under a name."""

from sqlalchemy import select

from appealbus.core.domain.named_view import NamedView
from appealbus.core.journal.tables import named_view
from appealbus.core.journal.writes import named_views
from appealbus.core.journal.writing import Writing


class NamedViews(Writing):
    """Keeps and forgets named views."""

    async def keep_view(self, name: str, query: str) -> None:
        """Keep a view under a name.

        Raises:
            JournalError: `view.known`: there is one of this name; `view.too_many`: there are as many as there may be.

        """
        view = NamedView(name, query, self.actor, self.now())
        await self._write.submit(named_views.keep, view)

    async def drop_view(self, name: str) -> bool:
        """Forget a view; False where there is none."""
        return await self._write.submit(named_views.drop, named_views.Dropping(name, self.actor))

    async def named_views(self) -> list[NamedView]:
        """Return all that there are, by name."""
        rows = await self._read(lambda connection: connection.execute(select(named_view)).all())
        return sorted((NamedView(**row._mapping) for row in rows), key=lambda view: view.name.casefold())
