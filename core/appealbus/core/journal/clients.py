"""The part of the journal for clients of the HTTP API: who they are, and what all servers know of them together."""

from datetime import datetime

from appealbus.core.domain.client import Client, Credential
from appealbus.core.domain.event import Cursor
from appealbus.core.journal.writes import clients, serving
from appealbus.core.journal.writing import Writing


class Clients(Writing):
    """Adds and revokes clients, and counts what they do."""

    async def add_client(self, client: Client, credential: Credential, digest: bytes) -> None:
        """Add a client with what it shows of itself.

        Args:
            client: the client.
            credential: its first credential.
            digest: the SHA-256 of the token or the certificate.

        Raises:
            JournalError: `client.known`: there is one of this name, or was; `client.credential_known`: somebody has
                this credential, or had it.

        """
        await self._write.submit(clients.add, clients.NewClient(client, credential, digest, self.actor))

    async def add_person(self, client: Client) -> None:
        """Add a client that has shown elsewhere who it is, and has no credential yet.

        Raises:
            JournalError: `client.known`: there is one of this name, or was.

        """
        await self._write.submit(clients.add, clients.NewClient(client, None, b"", self.actor))

    async def add_credential(
        self, name: str, credential: Credential, digest: bytes, old_until: datetime | None
    ) -> None:
        """Give a client one more credential; its others end at `old_until` at the latest. None: they stay as they are.

        Raises:
            JournalError: `client.unknown`, `client.revoked` or `client.credential_known`.

        """
        item = clients.NewCredential(name, credential, digest, old_until, self.actor)
        await self._write.submit(clients.add_credential, item)

    async def revoke_client(self, name: str) -> bool:
        """Let a client and all its credentials count no more, for good; False where it did not count."""
        return await self._write.submit(clients.revoke, clients.Revoking(name, None, self.now(), self.actor))

    async def revoke_credential(self, name: str, id: str) -> bool:
        """Let one credential of a client count no more; False where it did not count."""
        return await self._write.submit(clients.revoke, clients.Revoking(name, id, self.now(), self.actor))

    async def renew_credential(self, name: str, id: str, until: datetime) -> None:
        """Let a credential that counts, count until later. The log does not say so: each use of a session does."""
        await self._write.submit(clients.renew, clients.Renewing(name, id, until))

    async def take_requests(self, client: str, minute: int, wanted: int, limit: int) -> int:
        """Take requests out of what a client may make in a minute, over all processes; return how many there were.

        Args:
            client: its name.
            minute: since 1970.
            wanted: the most that are taken.
            limit: how many there are in a minute.

        """
        return await self._limits.submit(serving.take, serving.Wish(client, minute, wanted, limit))

    async def note_read(self, client: str, cursor: Cursor) -> None:
        """Note that a client has read the feed up to a cursor; one that is behind what is noted changes nothing."""
        await self._write.submit(serving.note_read, serving.Read(client, cursor, self.now()))
