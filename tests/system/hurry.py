"""A plugin for the short forms: leases of appeals end after ten seconds and not after thirty."""

from typing import Any

from appealbus.core import Lookup, hookimpl
from appealbus.core.bus.work.dispatcher import Dispatcher

LEASE = 10.0

assert Dispatcher.__init__.__kwdefaults__ is not None
Dispatcher.__init__.__kwdefaults__["lease"] = LEASE


@hookimpl
def register_lookups() -> list[Lookup[Any, Any]]:
    """Bring none: but who brings nothing is broken."""
    return []
