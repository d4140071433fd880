"""SHEP, the e-government gateway: one wire to every register behind it, over its synchronous channel."""

from appealbus.connectors.shep.settings import ShepSettings
from appealbus.connectors.shep.wire import ShepWire

__all__ = ["ShepSettings", "ShepWire"]
