"""The versions of the bus, told to plugins and written into provenance."""

__version__ = "0.3.0"

API_VERSION = 1
"""The plugin API's: one more with each change that breaks plugins. A plugin says `appealbus_api = 1`."""
