"""The part of the journal that the HTTP API asks beside the others: clients, the feed, appeals by their public ids."""

from collections.abc import Collection
from datetime import datetime
from functools import partial

from appealbus.core.domain import public_id as ids
from appealbus.core.domain.client import Client, Credential
from appealbus.core.domain.event import Cursor
from appealbus.core.domain.feed import FeedPage, FeedReader
from appealbus.core.domain.listing import AppealRow
from appealbus.core.journal.asking import Asking
from appealbus.core.journal.reads import clients, feed, lists


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

    async def appeal_by(
        self, number: str | None = None, message_id: str | None = None, channel: str | None = None
    ) -> AppealRow | None:
        """Return how the appeal stands that has this number, or came as this message through this channel.

        What is given must all be true of it. Without a channel a message id means an appeal where one channel alone
        has used it.
        """
        return await self._read(lambda connection: lists.appeal_by(connection, number, message_id, channel))

    async def clients(self) -> list[tuple[Client, list[Credential]]]:
        """Return all clients that ever were, by name, each with its credentials, the oldest first."""
        return await self._read(clients.all_clients)

    async def credential(self, kind: str, id: str) -> tuple[Client, Credential, bytes] | None:
        """Return whose a credential is, and its SHA-256; None where nobody has had one with this id.

        It may have ended, or been revoked: whoever asks compares that with the clock.
        """
        return await self._read(partial(clients.credential, kind=kind, id_=id), together=False)

    async def credentials_that_count(self, keys: Collection[tuple[str, str]], now: datetime) -> set[tuple[str, str]]:
        """Return which of these credentials, each by its kind and id, have neither ended nor been revoked."""
        return await self._read(partial(clients.counting, keys=keys, now=now))

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
        wanted = feed.Wanted(frozenset(places), frozenset(kinds), completeness)
        return await self._read(lambda connection: feed.page(connection, after, limit, wanted))

    async def feed_readers(self) -> list[FeedReader]:
        """Return up to where each client has read the feed, by name."""
        return await self._read(feed.readers)
