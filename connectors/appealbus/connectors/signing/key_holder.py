"""Holder of our key, for any kind of signature."""

from appealbus.core import LinkState


class KeyHolder:
    """Holds our key locally, or through a service that makes each signature."""

    def link(self, name: str) -> LinkState | None:
        """Return the state of the signing service, if there is one."""
        return None

    async def health(self) -> str | None:
        """Test the signing service, if there is one; return the problem, or None."""
        return None
