"""The versions of the bus, for plugins and provenance."""

__version__ = "0.3.0"

API_VERSION = 1
"""Version of the plugin API, increased by each breaking change. A plugin declares `appealbus_api = 1`."""
