"""The plugin that brings the wires."""

import pluggy

from appealbus.connectors import builtin
from appealbus.core.hookspecs import NAMESPACE, Hooks


def test_brings_both_wires():
    """It registers through the hook like any plugin, and its wires share one HTTP session."""
    manager = pluggy.PluginManager(NAMESPACE)
    manager.add_hookspecs(Hooks)
    manager.register(builtin)
    manager.check_pending()
    (connectors,) = manager.hook.register_connectors(settings=None)

    assert [connector.name for connector in connectors] == ["soap", "shep"]
    assert connectors[0]._http is connectors[1]._http
