"""Where a fact comes from."""

from appealbus.schemas.base import Model, Moment, Text


class Provenance(Model):
    """The whole trail of one record: enough to ask the agency about this very answer."""

    source: Text
    connector: Text
    """`cache` in front of the connector's name says that the record was still fresh: `cache:shep`.

    `stale:shep` says that it was not, and served since the source could not be asked; the question stays open."""
    plugin: Text
    plugin_version: Text
    purpose: Text
    legal_basis: Text
    question_id: Text
    """Ours: the id of the access-log row; goes out as the correlation id where the wire has one."""
    message_id: Text | None = None
    """The id of the message that carried the answer, as the source gave it."""
    session_id: Text | None = None
    """The gateway's own id of the exchange."""
    asked_at: Moment
    observed_at: Moment
    """When the reply was complete; for a cached record, when it was first observed."""
    fresh_until: Moment | None = None
    """Until when the same question is answered from memory."""
    raw_sha256: Text | None = None
    """Hash of the reply, byte for byte as it came."""
    reread_at: Moment | None = None
    """When the reply, which had been kept, was read again: by `plugin` in its `plugin_version`."""
    unreadable: list[Text] | None = None
    """Paths of the reply at which the record lacks an optional value because it could not be read."""
    unknown: list[Text] | None = None
    """Fields of the record that the reply may tell of, and nobody could read: neither told nor told absent."""
    unchecked: list[Text] | None = None
    """Fields of the record that stand where its schema leaves all open: they were read, and nobody could check them."""
