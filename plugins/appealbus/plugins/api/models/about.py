"""What answers say of the client itself, and of what is wrong."""

from appealbus.schemas.base import Model


class Limit(Model):
    """How much the client may do."""

    requests_per_minute: int
    waiting: int
    """Streams and long polls at a time, of one server."""


class Me(Model):
    """The client itself."""

    name: str
    role: str
    actions: list[str]
    """What it may do."""
    channel: str | None = None
    places: list[str]
    """Territories by КАТО of which it sees appeals; none: all."""
    kinds: list[str]
    """Of appeals that it sees; none: all."""
    mask: str
    """The name of its mask."""
    hidden: list[str]
    """What that hides."""
    purpose_needed: bool
    limits: Limit


class Trouble(Model):
    """A problem (RFC 9457). There may be more members, which the page of its type tells of."""

    type: str
    """Its URI, relative to the server; there is a page."""
    title: str
    status: int
    detail: str
