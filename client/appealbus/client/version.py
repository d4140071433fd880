"""The version of the client: that of the bus which it was made with."""

__version__ = "0.3.0"
