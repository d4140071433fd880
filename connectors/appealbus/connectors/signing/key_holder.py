"""Who holds our key, whatever it signs."""

from appealbus.core import LinkState


class KeyHolder:
    """Holds our key: here, or by a service that is asked for each signature."""

    def link(self, name: str) -> LinkState | None:
        """Say how the service stands that signs, if one does."""
        return None

    async def health(self) -> str | None:
        """Try the service that signs, if one does; return what is wrong, None where nothing is."""
        return None
