"""The version of the bus, told to plugins and written into provenance."""

__version__ = "0.1.0"
