"""Permissions to send changes: clients by role and name, intakes by channel."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import orjson

from appealbus.core.config.loading import Loaded
from appealbus.core.domain.client import OF_CITIZENS, Client, Role, Sender
from appealbus.core.journal import clients as journal_clients
from appealbus.core.journal.changes import changes as journal_changes
from appealbus.core.journal.journal import Journal
from appealbus.core.rights.policy import Policy
from appealbus.core.rights.settings import ChannelSettings, ClientSettings
from appealbus.core.rights.viewer import MAY, Action
from appealbus.schemas.change import ChangeKind


@dataclass(frozen=True, slots=True)
class Senders:
    """Determines the permissions of each sender; channels in `anywhere` may change appeals of all channels."""

    policy: Policy
    anywhere: Collection[str] = ()

    def client(self, client: Client) -> Sender:
        channel = client.channel or client.name
        sender = Sender(places=client.places, kinds=client.kinds, client=client.name, role=client.role.value)
        return self._of(sender, channel, self._of_client(client.name, client.role))

    def channel(self, channel: str) -> Sender:
        """Return the sender for messages of a channel, from an intake or a command."""
        settings = self.policy.channels.get(channel) or ChannelSettings()
        scope = Sender(places=tuple(settings.places), kinds=tuple(map(str, settings.kinds)))
        return self._of(scope, channel, settings.changes)

    def kept(self, kept: str | None, channel: str) -> Sender:
        """Return the sender of a stored message, with its scopes of then and the current policy."""
        sender = None if kept is None else Sender.read(kept, channel)
        if sender is None or not sender.client:
            return self.channel(channel)
        return self._of(sender, channel, self._of_client(sender.client, Role(sender.role)))

    def _of_client(self, name: str, role: Role) -> Sequence[str] | None:
        if Action.CHANGE not in MAY[role]:
            return ()
        own, changes = self.policy.clients.get(name) or ClientSettings(), self.policy.changes.get(role)
        if own.changes is not None or changes is not None:
            return changes if own.changes is None else own.changes
        return None if role is Role.CHANNEL else ()

    def _of(self, sender: Sender, channel: str, changes: Sequence[str] | None) -> Sender:
        """Return a sender bound to its channel, with its kinds of change; default: those of citizens."""
        of_all = channel in self.anywhere
        if changes is None:
            changes = () if of_all else tuple(OF_CITIZENS)
        return replace(sender, channel="" if of_all else channel, changes=frozenset(changes))

    def told(self) -> dict[str, list[str]]:
        """Return the allowed kinds of change by role, client or channel."""
        clients = self.policy.clients.items()
        who = {f"role {role}": self._of(Sender(), "", self._of_client("", role)).changes for role in Role}
        who |= {f"client {name}": frozenset(client.changes) for name, client in clients if client.changes is not None}
        who |= {f"channel {name}": self.channel(name).changes for name in {*self.policy.channels, *self.anywhere}}
        return {name: sorted(changes) for name, changes in who.items()}


async def missing(journal: Journal, loaded: Loaded, policy: Policy) -> str:
    """Return what to add to the policy so that senders may continue as before; empty: nothing.

    Only senders that the policy does not mention are considered.
    """
    senders, sent = Senders(policy, loaded.settings.bus.changes_from), await journal.ask(journal_changes.sent)
    by_channel: dict[str, list[Client]] = {}
    for client, _ in await journal.ask(journal_clients.all_clients):
        if client.revoked_at is None and Action.CHANGE in MAY[client.role]:
            by_channel.setdefault(client.channel or client.name, []).append(client)
    lines: list[str] = []
    for channel in sorted({*sent, *senders.anywhere}):
        clients, kinds = by_channel.get(channel, []), sent.get(channel, set()) - {""}
        by_client: list[str] = []
        for client in clients:
            own = policy.clients.get(client.name)
            if client.role not in policy.changes and (own is None or own.changes is None):
                by_client += _lines(f"clients.{client.name}", own, kinds, senders.client(client))
        rule = policy.channels.get(channel)
        own_lines = (
            []
            if rule and rule.changes is not None
            else _lines(f"channels.{_key(channel)}", rule, kinds, senders.channel(channel))
        )
        if by_client and own_lines and channel not in loaded.settings.intakes:
            own_lines = ["# if they come by `appealbus intake`, too:", *(f"# {line}" for line in own_lines)]
        lines += by_client + (own_lines if by_client or not clients or channel in loaded.settings.intakes else [])
    if not lines:
        return ""
    file = "a new file, and name it in bus.policy" if policy.written is None else str(policy.written.file)
    head = "The policy does not allow changes that have come before, or none at all from who may change all appeals."
    return "\n".join([f"{head} Such changes go into quarantine. To allow them, add to {file}:", *lines])


def _lines(table: str, there: object, kinds: set[str], sender: Sender) -> list[str]:
    if sender.changes and kinds <= sender.changes:
        return []
    listed = [kind.value for kind in ChangeKind if kind in kinds | sender.changes]
    why = "" if listed else "  # name the kinds that it may send: none has come"
    head = f"[{table}]" if there is None else f"# in [{table}], which is there:"
    return [head, f"changes = {orjson.dumps(listed).decode()}{why}"]


def _key(name: str) -> str:
    """Return the name of a channel, which may be any text, as a TOML key."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else orjson.dumps(name).decode()
