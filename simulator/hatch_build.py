"""Takes the bus of the very version that this is released with."""

from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface


class Dependencies(MetadataHookInterface):
    """Writes the one dependency."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Name the bus, which brings all else that is needed."""
        metadata["dependencies"] = [f"appealbus=={metadata['version']}"]
