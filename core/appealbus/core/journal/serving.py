"""The part of the journal that the HTTP API asks beside the others: clients, the feed, appeals by their public ids."""

from collections.abc import Collection

from appealbus.core.domain import public_id as ids
from appealbus.core.domain.event import Cursor
from appealbus.core.domain.feed import FeedPage
from appealbus.core.domain.listing import AppealRow
from appealbus.core.journal.asking import Asking, asks
from appealbus.core.journal.reads import clients as client_reads
from appealbus.core.journal.reads import feed as feed_reads
from appealbus.core.journal.reads import lists


class Serving(Asking):
    """Reads what clients of the HTTP API ask for."""

    async def appeal_of(self, public_id: str) -> AppealRow | None:
        """Return how the appeal with this public id stands; None where there is none, or the text is no such id."""
        try:
            appeal_id, tag = ids.parse(public_id)
        except ValueError:
            return None
        return await self._read(lambda connection: lists.appeal_tagged(connection, appeal_id, tag), together=False)

    async def dossier_of(self, public_id: str) -> tuple[AppealRow, bytes | None] | None:
        """Return the same with the newest dossier as JSON; that is None where there is none, or came just now."""
        try:
            appeal_id, tag = ids.parse(public_id)
        except ValueError:
            return None
        return await self._read(lambda connection: lists.dossier_tagged(connection, appeal_id, tag), together=False)

    appeal_by = asks(lists.appeal_by)
    clients = asks(client_reads.all_clients)
    credential = asks(client_reads.credential, together=False)
    credentials_that_count = asks(client_reads.counting)

    async def feed(
        self,
        after: Cursor | None,
        limit: int,
        *,
        places: Collection[str] = (),
        kinds: Collection[str] = (),
        completeness: str | None = None,
    ) -> FeedPage:
        """Return a page of versions in the order of the log; of what is wanted, if that is said.

        Go on from its `next` until its `lag` is 0: a page may be short, or empty, before. A version that is not kept
        any more is passed over: a newer one follows.

        Args:
            after: a cursor; None: from the beginning of what is kept.
            limit: the most entries, at most a thousand.
            places: only of appeals in these territories by КАТО, each with all below it.
            kinds: only of appeals of these kinds.
            completeness: only versions that are so complete.

        Raises:
            CursorRefused: nobody can go on from the cursor without missing anything; it says where to start again.

        """
        wanted = feed_reads.Wanted(frozenset(places), frozenset(kinds), completeness)
        return await self._read(lambda connection: feed_reads.page(connection, after, limit, wanted))

    feed_readers = asks(feed_reads.readers)
